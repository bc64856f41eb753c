"""What is said to France Travail: who asks, about whom, at what rate, and what its codes mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Access
from connectors.france_travail import Agent, Answer, MemoryBudget, MemoryTokenStore, Query
from connectors.france_travail.gateway import search_for
from connectors.france_travail.line import Reply
from connectors.france_travail.provider import Provider
from connectors.france_travail.tokens import usable_for
from connectors.france_travail.verdicts import BY_CODE, verdict_on
from schemas.errors import FixTheDeclaration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "path", "body"),
    [
        (
            {"nir": "2800108123456", "birth_date": "1980-01-31"},
            "par-datenaissance-et-nir",
            {"dateNaissance": "1980-01-31", "nir": "2800108123456"},
        ),
        (
            {"nir": "2 80 01 2a 123 456 12", "birth_date": "1980-01-31", "france_travail_number": "12345678901"},
            "par-datenaissance-et-nir",
            {"dateNaissance": "1980-01-31", "nir": "280012A12345612"},
        ),
        (
            {"nir": None, "birth_date": "1980-01-31", "france_travail_number": "12345678901"},
            "par-numero-francetravail",
            {"numeroFranceTravail": "12345678901"},
        ),
        (
            {"nir": "2800108123456", "birth_date": None, "france_travail_number": "12345678901"},
            "par-numero-francetravail",
            {"numeroFranceTravail": "12345678901"},
        ),
        (
            {"nir": "280", "birth_date": "1980-01-31", "france_travail_number": " 1234567890А"},
            "par-numero-francetravail",
            {"numeroFranceTravail": "1234567890A"},
        ),
    ],
)
def test_the_nir_is_asked_first_and_the_number_when_there_is_no_usable_nir(given, path, body):
    search = search_for(Query(key="k", **given))

    assert search is not None
    assert search.path == f"/rechercher-usager/v2/usagers/{path}"
    assert search.body == body


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"nir": "2800108123456"},
        {"birth_date": "1980-01-31"},
        {"nir": "2800108123456", "birth_date": "31/01/1980"},
        {"nir": "null", "birth_date": "1980-01-31", "france_travail_number": "8765"},
        {"france_travail_number": "1234567890Ж"},
    ],
)
def test_nothing_is_asked_without_an_identifier(given):
    assert search_for(Query(key="k", **given)) is None


def test_a_number_is_never_in_an_address_nor_on_show():
    query = Query(key="k", nir="2800108123456", birth_date="1980-01-31", france_travail_number="12345678901")
    answer = Answer(key="k", code="S001", outcome="found", body={"nir": "2800108123456"})
    search = search_for(query)

    shown = repr((query, answer, search))

    assert not any(secret in shown for secret in ("2800108123456", "1980-01-31", "12345678901"))


@pytest.mark.parametrize(
    ("status", "code", "finding"),
    [
        (200, "S001", "found"),
        (200, "S002", "nobody"),
        (200, "S003", "several"),
        (204, "HTTP_204", "nobody"),
        (400, "R997", "bad_input"),
        (400, "HTTP_400", "bad_input"),
        (403, "R001", "not_entitled"),
        (403, "R002", "not_entitled"),
        (403, "HTTP_403", "not_entitled"),
        (404, "HTTP_404", "nobody"),
        (500, "R998", "unusable"),
        (200, "S777", "unusable"),
        (410, "HTTP_410", "unusable"),
    ],
)
def test_every_answer_has_its_meaning(status, code, finding):
    assert verdict_on(Reply(status=status, code=code, body=None)).finding == finding


def test_every_code_tells_the_operator_something_of_its_own():
    messages = {code: verdict.message_fr for code, verdict in BY_CODE.items()}

    assert all(message.endswith(".") for message in messages.values())
    assert len(set(messages.values())) == len(messages)


def test_an_agent_signs_in_plain_letters():
    headers = Agent(identifier="D08-12", last_name="Évrard", first_name="Zoë").headers()

    assert headers == {"pa-identifiant-agent": "D08-12", "pa-nom-agent": "Evrard", "pa-prenom-agent": "Zoe"}


@pytest.mark.parametrize(
    "wrong", [{"last_name": ""}, {"first_name": "  "}, {"last_name": "A|B"}, {"identifier": "A\tB"}]
)
def test_an_agent_name_france_travail_refuses_is_refused_here(wrong):
    agent = Agent(**wrong)

    with pytest.raises(FixTheDeclaration, match=r"empty or holds '\|'"):
        agent.headers()


def test_a_connection_names_everything_it_lacks_at_once():
    access = Access(name="pole_emploi_api", extra={"token_url": "https://ft.example/jeton", "scope": "a"})

    with pytest.raises(FixTheDeclaration) as raised:
        Provider.of(access)

    assert str(raised.value) == "Connection 'pole_emploi_api': extra lacks base_url, client_id, client_secret."


@pytest.mark.parametrize("token_url", ["https://ft.example/jeton", "https://ft.example/jeton?realm=/agent"])
def test_the_realm_is_in_the_address_of_the_token_once(token_url):
    extra = {"token_url": token_url, "base_url": "b", "client_id": "c", "client_secret": "s", "scope": "a"}

    provider = Provider.of(Access(name="pole_emploi_api", extra=extra))

    assert provider.token_url.params.get_list("realm") == ["/agent"]
    assert "client_secret" not in repr(provider)


def test_a_kept_token_ends_at_its_hour():
    store = MemoryTokenStore()

    store.put("name", "token", NOW)

    assert store.get("name", NOW - timedelta(seconds=1)) == "token"
    assert store.get("name", NOW) is None
    assert store.get("other", NOW) is None


@pytest.mark.parametrize(("life", "used"), [(1500, 1440), (60, 30), (90, 45), (150, 90)])
def test_a_token_is_not_used_in_its_last_minute(life, used):
    assert usable_for(timedelta(seconds=life)) == timedelta(seconds=used)


def test_requests_are_spaced_and_slowed_down_for_everybody():
    now, waits = [100.0], []
    budget = MemoryBudget(per_second=10, monotonic=lambda: now[0], sleep=waits.append)

    for _ in range(3):
        budget.acquire()
    budget.slow_down(5)
    budget.acquire()

    assert waits == pytest.approx([0.1, 0.2, 5.0])
