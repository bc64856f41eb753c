"""The pretend France Travail refuses what the real one refuses, in the same words."""

from __future__ import annotations

import time

import httpx
import pytest

from hub.sandbox.france_travail import FranceTravailServer, FtPerson

pytestmark = pytest.mark.integration

ZOE = FtPerson(numero="00000000001", nir13="2800108000001", birth_date="1980-01-31", nom="VÉRITÉ", prenom="Zoé")
AGENT = {"pa-identifiant-agent": "BATCH", "pa-nom-agent": "SYNCHRO", "pa-prenom-agent": "HUB"}
SEARCH = "/rechercher-usager/v2/usagers/par-datenaissance-et-nir"
WHO = {"dateNaissance": ZOE.birth_date, "nir": ZOE.nir13}


@pytest.fixture
def clock():
    return [1_772_442_000.0]


@pytest.fixture
def server(clock):
    with FranceTravailServer({ZOE.numero: ZOE}, clock=lambda: clock[0]) as server:
        yield server


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.base_url, trust_env=False) as http:
        yield http


def token_of(server, http, **other):
    extra = server.connection()["extra"]
    form = {"grant_type": "client_credentials"} | {k: extra[k] for k in ("client_id", "client_secret", "scope")} | other
    return http.post(server.token_url, data=form)


def signed(server, http):
    return AGENT | {"Authorization": f"Bearer {token_of(server, http).json()['access_token']}"}


def test_it_starts_at_once():
    before = time.monotonic()

    with FranceTravailServer({}):
        took = time.monotonic() - before

    assert took < 1


def test_a_token_says_its_life_and_its_scopes(server, http):
    answer = token_of(server, http).json()

    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 1500
    assert "gererRDV" in answer["scope"].split()


@pytest.mark.parametrize(
    ("other", "status", "error"),
    [
        ({"scope": "api_contrat-usagerv2 one_too_many"}, 400, "invalid_scope"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_token_request_is_refused_whole(server, http, other, status, error):
    answer = token_of(server, http, **other)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_scope_named_after_the_client_is_accepted(server, http):
    client_id = server.connection()["extra"]["client_id"]

    answer = token_of(server, http, scope=f"application_{client_id} api_contrat-usagerv2 statutcontratusager")

    assert answer.status_code == 200


def test_a_search_gives_a_user_token(server, http):
    answer = http.post(SEARCH, json=WHO, headers=signed(server, http))

    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"codeRetour", "message", "topIdentiteCertifiee", "jetonUsager"}
    assert answer.json()["codeRetour"] == "S001"


def test_a_15_character_nir_is_the_same_person(server, http):
    answer = http.post(SEARCH, json=WHO | {"nir": ZOE.nir13 + "42"}, headers=signed(server, http))

    assert answer.json()["codeRetour"] == "S001"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (WHO | {"dateNaissance": "1981-01-31"}, (200, "S002", "null")),
        (WHO | {"nir": "280"}, (400, "R997", None)),
        ({"dateNaissance": ZOE.birth_date}, (400, "R997", None)),
        ([], (400, "R997", None)),
    ],
)
def test_absent_values_are_written_in_two_ways(server, http, body, expected):
    answer = http.post(SEARCH, json=body, headers=signed(server, http))

    assert (answer.status_code, answer.json()["codeRetour"], answer.json()["jetonUsager"]) == expected


def test_an_answer_leaves_at_once(server, http):
    headers, times = signed(server, http), []

    for _ in range(10):
        before = time.perf_counter()
        http.post(SEARCH, json=WHO, headers=headers)
        times.append(time.perf_counter() - before)

    assert min(times[2:]) < 0.02


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer unknown"}, 401),
        ({"pa-nom-agent": None}, 302),
        ({"pa-nom-agent": ""}, 401),
    ],
)
def test_the_headers_are_checked(server, http, change, status):
    headers = {name: value for name, value in (signed(server, http) | change).items() if value is not None}

    answer = http.post(SEARCH, json=WHO, headers=headers)

    assert answer.status_code == status


def test_tokens_end_after_25_minutes_and_24_hours(server, http, clock):
    headers = signed(server, http)
    user = {"ft-jeton-usager": http.post(SEARCH, json=WHO, headers=headers).json()["jetonUsager"]}
    path = "/informations-administratives/v1/usager"

    clock[0] += 1501
    late = http.get(path, headers=headers | user)
    renewed = http.get(path, headers=signed(server, http) | user)
    clock[0] += 24 * 3600
    next_day = http.get(path, headers=signed(server, http) | user)

    assert [late.status_code, renewed.status_code, next_day.status_code] == [401, 200, 401]
    assert renewed.json()["etatCivil"]["nomCorrespondance"] == "null"


def test_a_user_without_registration_or_path_is_204(server, http):
    headers = signed(server, http)
    headers["ft-jeton-usager"] = http.post(SEARCH, json=WHO, headers=headers).json()["jetonUsager"]

    contract = http.get("/contrat-usager/v2/contrat", headers=headers)
    paths = http.get("/orientationusager/v1/lectureOrientation", headers=headers)

    assert (contract.status_code, paths.status_code) == (204, 204)
