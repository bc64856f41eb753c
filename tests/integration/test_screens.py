"""The screens: nobody looks without signing in, each role sees and does its own, every look at a person is written down."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text
from visitors import PAGE, PASSWORD, ROLES, open_accounts, token, visitor

from hub.alarms import Alarm, close_alarms, raise_alarms
from hub.monitoring.runbook import runbook
from hub.web import accounts
from hub.web.app import create_app
from hub.web.serving import screens
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PERSON = "00000000-0000-4000-8000-000000000000"

# Who may ask for what: O operator, R reviewer, D data protection officer, A administrator, P partner.
MATRIX = {
    "GET /": "ORDAP",
    "GET /aide": "ORDA",
    "POST /alertes/{number}": "O",
    "GET /flux": "ORDAP",
    "GET /flux/{name}": "ORDAP",
    "POST /flux/{name}/recompter": "O",
    "GET /livraisons/{number}": "ORDAP",
    "POST /livraisons/{number}/accepter": "O",
    "POST /livraisons/{number}/refuser": "O",
    "POST /livraisons/{number}/annuler": "O",
    "POST /livraisons/{number}/rejets": "O",
    "GET /quarantaine": "ORDA",
    "POST /quarantaine": "O",
    "GET /quarantaine/{reference}": "OD",
    "POST /quarantaine/{reference}/devoiler": "OD",
    "POST /quarantaine/{reference}/rejouer": "O",
    "POST /quarantaine/{reference}/abandonner": "O",
    "GET /rapprochements": "RD",
    "GET /rapprochements/{number}": "RD",
    "POST /rapprochements/{number}": "R",
    "GET /personnes": "RD",
    "POST /personnes": "RD",
    "GET /personnes/{number}": "RD",
    "POST /personnes/{number}": "RD",
    "GET /partages": "ORDAP",
    "GET /partages/{partner}": "ORDAP",
    "POST /partages/{partner}/relancer": "O",
    "POST /partages/{partner}/couper": "O",
    "POST /partages/{partner}/retablir": "O",
    "POST /partages/{partner}/apercu": "O",
    "POST /partages/{partner}/envoyer": "O",
    "GET /qualite": "ORDA",
    "POST /qualite": "ORDA",
    "GET /qualite/documents/{path:path}": "ORDA",
    "POST /qualite/documents": "ORDA",
    "GET /qualite/{name}": "ORDA",
    "GET /journal": "ORDA",
    "POST /journal": "DA",
    "GET /journal/consultations": "D",
    "GET /comptes": "A",
    "POST /deconnexion": "ORDAP",
}
OPEN = {"GET /sante", "GET /connexion", "POST /connexion", "GET /metrics"}  # the last asks a token of its own
GIVEN = {"path": "index.html", "name": "caf_rsa", "number": "1", "reference": "L1-E1", "partner": "caf"}


@pytest.fixture
def served(hub):
    open_accounts(hub, NOW - timedelta(days=1))
    with screens(hub, clock=lambda: NOW) as address:
        yield address


def endpoints(hub):
    """Every endpoint of the application, as METHOD /path."""
    routes = [route for route in create_app(hub).routes if isinstance(route, APIRoute)]
    return {f"{method} {route.path}" for route in routes for method in route.methods}


def filled(path):
    given = GIVEN | ({"number": PERSON} if path.startswith("/personnes") else {})
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: given[found[1]], path)


def test_every_endpoint_is_in_the_matrix(hub):
    assert endpoints(hub) == MATRIX.keys() | OPEN


def test_nobody_gets_anything_without_signing_in(served):
    for endpoint in MATRIX:
        method, path = endpoint.split(" ")
        page = httpx.request(method, served + filled(path), headers=PAGE)
        program = httpx.request(method, served + filled(path))

        assert (endpoint, page.status_code, program.status_code) == (endpoint, 401, 401)
        assert "Se connecter" in page.text
        assert program.json() == {"detail": "non identifié"}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_its_own_and_nothing_else(served, role):
    client = visitor(served, role)
    form = {"jeton": token(client)}
    for endpoint, letters in MATRIX.items():
        if endpoint == "POST /deconnexion":
            continue
        method, path = endpoint.split(" ")
        answer = client.request(method, filled(path), data=form if method == "POST" else None)

        allowed = role[0].upper() in letters
        assert (endpoint, answer.status_code == 403) == (endpoint, not allowed)
        assert answer.status_code in ({200, 303, 404, 409, 422} if allowed else {403}), endpoint


def test_a_form_without_its_pages_token_does_nothing(served):
    client, other = visitor(served, "operator"), visitor(served, "reviewer")

    assert client.post("/quarantaine").status_code == 403
    assert client.post("/quarantaine", data={"jeton": "faux"}).status_code == 403
    assert client.post("/quarantaine", data={"jeton": token(other)}).status_code == 403
    assert client.post("/quarantaine", data={"jeton": token(client)}).status_code == 303


def test_whoever_is_refused_is_told_why_and_where_else_to_go(served):
    client = visitor(served, "operator")
    refused = client.get("/personnes")
    too_old = client.post("/quarantaine", data={"jeton": "faux"})

    assert "Votre compte (opérateur)" in refused.text
    assert "restée ouverte trop longtemps" in too_old.text
    for page in (refused, too_old):
        assert 'href="/quarantaine"' in page.text, "the menu is there"


def test_an_address_nobody_made_is_answered_in_french(served):
    client = visitor(served, "operator")
    page, program = client.get("/nulle-part"), httpx.get(f"{served}/nulle-part")
    asked_otherwise = client.get("/alertes/1")

    assert (page.status_code, program.status_code, asked_otherwise.status_code) == (404, 404, 405)
    assert program.json() == {"detail": "introuvable"}
    for each in (page, asked_otherwise):
        assert "Page introuvable" in each.text


def test_every_alarm_leads_to_what_to_do_about_it(served, hub):
    client = visitor(served, "operator")
    places = set(re.findall(r'<h2 id="([^"]+)"', client.get("/aide").text))
    for kind in runbook().root:
        with hub.engine.begin() as connection:
            raised = Alarm(kind=kind, subject="registre caf_rsa", flow="caf_rsa", message="caf_rsa : essai.")
            raise_alarms(connection, [raised], now=NOW)
        led_to = [re.findall(r'href="/aide#([^"]+)"', client.get(page).text) for page in ("/", "/flux/caf_rsa")]
        with hub.engine.begin() as connection:
            close_alarms(connection, "registre caf_rsa", now=NOW)

        assert led_to == [[kind], [kind]]
        assert kind in places


def test_a_session_ends_when_it_is_not_used_and_when_it_is_long(hub):
    open_accounts(hub, NOW - timedelta(days=1))
    hour = [NOW]
    with screens(hub, clock=lambda: hour[0]) as address:
        client = visitor(address, "operator")
        hour[0] += timedelta(minutes=29)
        assert client.get("/").status_code == 200
        hour[0] += timedelta(minutes=29)
        assert client.get("/").status_code == 200, "looking keeps a session open"
        hour[0] += timedelta(minutes=31)
        assert client.get("/").status_code == 401

        client = visitor(address, "operator")
        for _ in range(30):
            hour[0] += timedelta(minutes=20)
            assert client.get("/").status_code == 200
        hour[0] += timedelta(minutes=1)
        assert client.get("/").status_code == 401, "ten hours is the longest"


def test_a_session_is_signed_and_out_of_reach_of_scripts(served):
    client = visitor(served)
    answer = client.post("/connexion", data={"nom": "operator", "mot_de_passe": PASSWORD})
    (cookie,) = answer.headers.get_list("set-cookie")
    forged = cookie.split(";")[0].partition("=")[2]
    forged = ("B" if forged[0] != "B" else "C") + forged[1:]

    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert httpx.get(served, headers=PAGE, cookies={"hub_session": forged}).status_code == 401


def test_signing_out_closing_an_account_and_a_new_password_end_sessions(hub, served):
    ends = {
        "operator": lambda client: client.post("/deconnexion", data={"jeton": token(client)}),
        "reviewer": lambda _: accounts.disable(hub, "reviewer", now=NOW),
        "dpo": lambda _: accounts.set_password(hub, "dpo", "x" * 12, now=NOW),
    }
    for name, end in ends.items():
        client = visitor(served, name)
        kept = dict(client.cookies)
        end(client)

        assert httpx.get(served, headers=PAGE, cookies=kept).status_code == 401, name
    assert visitor(served).post("/connexion", data={"nom": "reviewer", "mot_de_passe": PASSWORD}).status_code == 401


def test_five_wrong_passwords_lock_an_account_and_nothing_says_which_names_exist(hub):
    open_accounts(hub, NOW - timedelta(days=1))
    hour = [NOW]
    with screens(hub, clock=lambda: hour[0]) as address:
        client = visitor(address)
        known = [client.post("/connexion", data={"nom": "operator", "mot_de_passe": "faux"}) for _ in range(5)]
        unknown = client.post("/connexion", data={"nom": "personne", "mot_de_passe": "faux"})
        right = {"nom": "operator", "mot_de_passe": PASSWORD}

        assert {answer.status_code for answer in known} == {401}
        assert known[0].text == unknown.text
        assert client.post("/connexion", data=right).status_code == 401
        hour[0] += timedelta(minutes=6)
        assert client.post("/connexion", data=right).status_code == 303


@pytest.mark.parametrize("to", ["https://ailleurs.example", "//ailleurs.example", "/\\ailleurs.example", "flux"])
def test_signing_in_never_leads_elsewhere(served, to):
    answer = visitor(served).post("/connexion", data={"nom": "operator", "mot_de_passe": PASSWORD, "suite": to})

    assert answer.headers["location"] == "/"


def test_signing_in_leads_back_to_where_one_was_going(served):
    client = visitor(served)
    asked = client.get("/flux")
    suite = re.search(r'name="suite" value="([^"]+)"', asked.text)[1]
    answer = client.post("/connexion", data={"nom": "operator", "mot_de_passe": PASSWORD, "suite": suite})

    assert (suite, answer.headers["location"]) == ("/flux", "/flux")
    away = client.post(
        "/connexion", data={"nom": "dpo", "mot_de_passe": PASSWORD}, headers={"sec-fetch-site": "cross-site"}
    )
    assert away.status_code == 403


def test_a_partner_sees_its_own_and_not_that_others_exist(served):
    client = visitor(served, "partner")

    assert client.get("/flux/caf_rsa").status_code == 200
    assert client.get("/flux/departement_pivot").status_code == 404
    assert client.get("/partages/departement_08").status_code == 404
    assert "Pôle emploi" not in client.get("/").text + client.get("/flux").text + client.get("/partages").text


def test_an_empty_hub_says_so_and_every_page_stands(served):
    client = visitor(served, "operator")

    assert "jamais reçue" in client.get("/").text
    for path in (
        "/flux",
        "/flux/caf_rsa",
        "/quarantaine",
        "/partages",
        "/partages/caf",
        "/qualite",
        "/qualite/caf_rsa",
        "/journal",
    ):
        assert client.get(path).status_code == 200, path


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(served):
    client = visitor(served, "operator")
    for path in ("/", "/flux/caf_rsa", "/connexion"):
        page = client.get(path)
        policy = page.headers["content-security-policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"https?://", page.text)
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", page.text)


@pytest.fixture(scope="module")
def inhabited(world):
    """A hub after one whole turn, with its accounts, and the partners it heard."""
    open_accounts(world[0], NOW)
    return world


def test_counts_are_shown_and_nobody(inhabited):
    hub, partners = inhabited

    with screens(hub, clock=lambda: NOW) as address:
        page = visitor(address, "operator").get("/").text

    assert "appliquée" in page
    assert "Département\u00a008" in page
    assert not any(adult.nir in page or adult.email in page for adult in partners.population.adults)


def test_looking_at_somebody_is_written_down_and_the_number_is_masked(inhabited):
    hub, partners = inhabited
    nir, first_names = someone(partners)

    with screens(hub, clock=lambda: NOW) as address:
        client = visitor(address, "dpo")
        found = client.post("/personnes", data={"jeton": token(client), "nir": nir})
        (person,) = set(re.findall(r'href="(/personnes/[0-9a-f-]{36})"', found.text))
        seen = client.get(person)
        refused = client.post(person, data={"jeton": token(client), "motif": ""})
        shown = client.post(person, data={"jeton": token(client), "motif": "demande d'accès 12"})

    assert nir not in str(found.url) + found.text + seen.text
    assert first_names[0].lower() in seen.text.lower()
    assert refused.status_code == 422
    assert nir in shown.text
    with hub.engine.connect() as connection:
        looks = connection.execute(text("select account, action, subject, reason from access_log order by id")).all()
    subject = person.rpartition("/")[2]
    assert [tuple(look) for look in looks] == [
        ("dpo", "personnes_cherchees", "recherche", None),
        ("dpo", "personne_vue", subject, None),
        ("dpo", "nir_devoile", subject, "demande d'accès 12"),
    ]


def someone(partners):
    """The number and first names of an adult whom two partners know."""
    adult = next(each for each in partners.population.on(0) if each.in_caf and each.in_ft and each.in_departement)
    return adult.nir[:13], adult.first_names


def test_the_screens_say_they_are_well(served):
    assert httpx.get(f"{served}/sante").json() == {"etat": "ok"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "Jean Dupont", "roles": ["operator"]}, "An account is named"),
        ({"name": "jean", "roles": ["chef"]}, "Roles are"),
        ({"name": "jean", "roles": []}, "Roles are"),
        ({"name": "jean", "roles": ["partner"]}, "names its partner"),
        ({"name": "jean", "roles": ["operator"], "partner": "caf"}, "names its partner"),
        ({"name": "jean", "roles": ["partner"], "partner": "inconnu"}, "No partner is called"),
        ({"name": "jean", "roles": ["operator"], "password": "court"}, "12 characters"),
        ({"name": "operator", "roles": ["operator"]}, "already"),
    ],
)
def test_an_account_that_will_not_do_is_said_to(hub, given, message):
    accounts.add(hub, "operator", roles=["operator"], password=PASSWORD, now=NOW)

    with pytest.raises(FixTheDeclaration, match=message):
        accounts.add(hub, **({"password": PASSWORD, "now": NOW} | given))
