"""The screens against whoever means harm or does not look: odd input, two hands on one thing, and nobody's data where it may not be."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from html import unescape
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.routing import Mount
from test_screens import MATRIX, OPEN, PERSON, filled
from visitors import PAGE, PASSWORD, token, visitor

from hub.web import accounts
from hub.web.app import create_app
from hub.web.serving import screens

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
EVERYTHING = ["operator", "reviewer", "dpo", "administrator"]
ODD = {
    "huge": "9" * 30,
    "beyond a bigint": "9223372036854775808",
    "negative": "-1",
    "not a number": "1 or 1=1",
    "nothing read by a store": "a\x00b",
    "no name of a file": "a" * 300,
    "long": "é" * 5_000,
    "script": "<script>alert(1)</script>",
    "quotes": "'\"; drop table person; --",
    "wrong way round": "\u202edrowssap",
    "alone": "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"),
}
ASKED = {
    "/flux/caf_rsa": ("avant",),
    "/quarantaine": ("avant", "flux", "regle", "livraison"),
    "/rapprochements": ("apres",),
    "/partages/caf": ("apres", "etat"),
    "/journal": ("avant", "partenaire", "mois"),
    "/journal/consultations": ("avant",),
    "/": ("fait",),
}
PLACES = ("/flux/{}", "/livraisons/{}", "/quarantaine/{}", "/quarantaine/L{}-E1", "/rapprochements/{}", "/personnes/{}", "/partages/{}",
          "/qualite/{}", "/qualite/documents/{}.html")  # fmt: skip


def add(hub, *names):
    for name in names:
        accounts.add(hub, name, roles=EVERYTHING, password=PASSWORD, now=NOW)


@pytest.fixture(scope="module")
def inhabited(world):
    """A hub after one whole turn, its partners, and the address of its screens."""
    hub, partners = world
    add(hub, "tous")
    with screens(hub, clock=lambda: NOW) as address:
        yield hub, partners, address


def test_what_is_no_endpoint_is_the_style_sheet_alone(hub):
    others = [route for route in create_app(hub).routes if not isinstance(route, APIRoute)]

    assert [(type(route), route.path) for route in others] == [(Mount, "/static")]


def test_nothing_odd_in_an_address_breaks_a_page_or_comes_back_as_it_was(inhabited):
    client = visitor(inhabited[2], "tous")
    answers = {}
    for path, names in ASKED.items():
        for name in names:
            for kind, odd in ODD.items():
                answers[f"{path}?{name}, {kind}"] = client.get(path, params={name: odd})
    for place in PLACES:
        for kind, odd in ODD.items():
            if len(odd) < 1000:
                answers[f"{place}, {kind}"] = client.get(place.format(quote(odd, safe="")))

    assert {name: each.status_code for name, each in answers.items() if each.status_code not in {200, 404, 422}} == {}
    for name, each in answers.items():
        assert "<script>alert" not in each.text, name
        assert "caused by" not in each.text, name


def test_nothing_odd_in_a_form_breaks_a_page(inhabited):
    hub, _, address = inhabited
    client = visitor(address, "tous")
    jeton = token(client)
    with hub.engine.connect() as connection:
        person = connection.execute(text("select person_id from link order by id limit 1")).scalar_one()
    forms = {
        "/personnes": ("nir", "naissance", "prenom"),
        f"/personnes/{person}": ("motif",),
        "/quarantaine": ("flux", "regle"),
        "/partages/caf/couper": ("motif",),
        "/livraisons/1/annuler": ("motif",),
        "/alertes/1": ("avec", "clore"),
        "/rapprochements/1": ("motif", "decision"),
    }
    codes = {}
    for path, names in forms.items():
        for name in names:
            for kind, odd in ODD.items():
                form = {"jeton": jeton, "decision": "unsure", "prenom": ""} | {name: odd}
                if name == "motif" and kind not in {"long", "nothing read by a store"}:
                    continue  # it would be a reason like another
                codes[f"{path} {name}, {kind}"] = client.post(path, data=form).status_code

    assert {name: code for name, code in codes.items() if code not in {200, 303, 404, 409, 422}} == {}
    assert client.get("/").status_code == 200


def test_odd_names_and_passwords_are_wrong_ones(inhabited):
    client = visitor(inhabited[2])
    for odd in ODD.values():
        for form in ({"nom": odd, "mot_de_passe": "faux"}, {"nom": "tous", "mot_de_passe": odd}):
            if form["nom"] == "tous":
                form["nom"] = "nobody"
            assert client.post("/connexion", data=form).status_code in {401, 422}


def every_page(client):
    """Each page that can be looked at, those that refuse and fail among them."""
    paths = [filled(endpoint.split(" ")[1]) for endpoint in MATRIX if endpoint.startswith("GET ")]
    more = ["/nulle-part", "/livraisons/abc", "/livraisons/999999", f"/personnes/{PERSON}", "/connexion"]
    return {path: client.get(path) for path in [*paths, *more]}


def linked(client, answers):
    """What those pages lead to."""
    found = {unescape(path) for each in answers.values() for path in re.findall(r'href="(/[^"#]*)"', each.text)}
    return {path: client.get(path) for path in sorted(found - answers.keys()) if not path.startswith("/static")}


def test_no_page_runs_anything_inline_loads_anything_from_elsewhere_or_is_kept(inhabited):
    client = visitor(inhabited[2], "tous")
    answers = every_page(client)
    answers |= linked(client, answers)
    refused = visitor(inhabited[2]).get("/journal")

    assert len(answers) > 100
    for path, each in (answers | {"without signing in": refused}).items():
        assert each.status_code < 500, path
        assert "default-src 'none'" in each.headers["content-security-policy"], path
        assert "unsafe" not in each.headers["content-security-policy"], path
        assert (each.headers["cache-control"], each.headers["x-content-type-options"]) == ("no-store", "nosniff"), path
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:|(src|href)=\"(https?:)?//", each.text), (
            path
        )


def test_no_number_is_on_any_page_and_nobody_is_in_an_address_or_a_title(inhabited):
    hub, partners, address = inhabited
    client = visitor(address, "tous")
    answers = every_page(client)
    for _ in range(2):
        answers |= linked(client, answers)
    adults = partners.population.adults
    numbers = {each.nir[:13] for each in adults}
    named = {each.birth_name.lower() for each in adults if len(each.birth_name) > 4}

    assert any(path.startswith("/personnes/") and "Dossier" in each.text for path, each in answers.items())
    for path, each in answers.items():
        assert not {number for number in numbers if number in each.text}, path
        title = re.search(r"<title>(.*?)</title>", each.text)
        seen = " ".join(
            [path, str(each.url), title[1] if title else "", *re.findall(r'href="([^"]*)"', each.text)]
        ).lower()
        assert not {name for name in named if re.search(rf"\b{re.escape(name)}\b", seen)}, path
        assert not [each for each in adults if each.email and each.email in seen], path
    with hub.engine.connect() as connection:
        told = " ".join(connection.execute(text("select message || subject from alarm")).scalars())
    assert not {number for number in numbers if number in told}


def at_once(*works):
    """Do things at the same instant; their answers, in order."""
    ready, answers = threading.Barrier(len(works)), [None] * len(works)

    def do(place, work):
        ready.wait()
        answers[place] = work()

    threads = [threading.Thread(target=do, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_reviewers_who_decide_one_case_at_once_leave_one_decision(hub, partners, clock):
    from cycle import turn

    partners.deposit_day(0)
    turn(hub, partners, clock)
    add(hub, "alix", "bruno")
    with hub.engine.begin() as connection:
        connection.execute(text("update review_case set chance = 0.5"))
        cases = (
            connection.execute(text("select id from review_case where closed_at is null order by id limit 4"))
            .scalars()
            .all()
        )
    with screens(hub, clock=clock) as address:
        hands = {name: visitor(address, name) for name in ("alix", "bruno")}
        tokens = {name: token(client) for name, client in hands.items()}
        for case in cases:
            said = at_once(
                *(
                    lambda name=name, verdict=verdict, case=case: hands[name].post(
                        f"/rapprochements/{case}", data={"jeton": tokens[name], "decision": verdict}
                    )
                    for name, verdict in (("alix", "same"), ("bruno", "distinct"))
                )
            )
            with hub.engine.connect() as connection:
                asked = "select count(*) from decision d join review_case c on (c.record_a, c.record_b) = (d.record_a, d.record_b) where c.id = :it and d.superseded_at is null"
                kept = connection.execute(text(asked), {"it": case}).scalar_one()

            assert sorted(answer.status_code for answer in said) == [303, 409], (
                "the second is told that it was dealt with"
            )
            assert kept == 1
    assert len(cases) > 1


def test_a_held_delivery_accepted_and_refused_at_once_has_one_fate(hub, partners, clock):
    from cycle import turn

    partners.deposit_day(0)
    turn(hub, partners, clock)
    partners.deposit_morning()
    turn(hub, partners, clock)
    add(hub, "alix", "bruno")
    with hub.engine.connect() as connection:
        held = connection.execute(text("select id from delivery where state = 'held'")).scalar_one()
        record = connection.execute(
            text("select 'L' || delivery_id || '-E' || record from quarantine where state = 'open' limit 1")
        ).scalar_one()
    with screens(hub, clock=clock) as address:
        alix, bruno = visitor(address, "alix"), visitor(address, "bruno")
        mine, theirs = token(alix), token(bruno)
        fates = at_once(
            lambda: alix.post(f"/livraisons/{held}/accepter", data={"jeton": mine, "certain": "true"}),
            lambda: bruno.post(f"/livraisons/{held}/refuser", data={"jeton": theirs, "motif": "volume effondré"}),
        )
        dropped = at_once(
            lambda: alix.post(f"/quarantaine/{record}/abandonner", data={"jeton": mine, "motif": "doublon"}),
            lambda: bruno.post(f"/quarantaine/{record}/abandonner", data={"jeton": theirs, "motif": "doublon"}),
        )

    assert sorted(each.status_code for each in fates) == [303, 409]
    assert sorted(each.status_code for each in dropped) == [303, 409]
    with hub.engine.connect() as connection:
        state = connection.execute(text("select state from delivery where id = :it"), {"it": held}).scalar_one()
    assert (state == "refused") == (fates[1].status_code == 303)


def test_what_is_open_to_everybody_says_nothing(inhabited):
    _, _, address = inhabited
    said = {each: httpx.request(each.split(" ")[0], address + each.split(" ")[1], headers=PAGE) for each in OPEN}

    assert said["GET /metrics"].status_code in {401, 403, 404}
    assert said["GET /sante"].json() == {"etat": "ok"}
    assert said["POST /connexion"].status_code in {401, 422}
    assert "caf" not in said["GET /connexion"].text.lower()
