"""The France Travail client against a real HTTP server that answers as the documented API does."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.base import Access
from connectors.france_travail import Agent, FranceTravail, MemoryTokenStore, Patience, Query
from hub.sandbox.france_travail import FranceTravailServer, FtFaults, FtPerson
from schemas.errors import CallSomeone, FixTheDeclaration, TryAgainLater

pytestmark = pytest.mark.integration

SEARCH = "/rechercher-usager/v2/usagers/par-datenaissance-et-nir"
SEARCH_BY_NUMBER = "/rechercher-usager/v2/usagers/par-numero-francetravail"
ORIENTATION = "/orientationusager/v1/lectureOrientation"

DECISION = {
    "etat_decision": "ACCEPTEE",
    "date_decision": "2026-03-02",
    "organisme_decision": "CD",
    "agent_decision": "SERVICE INSERTION",
    "parcours": "PSP",
    "organisme": "CD",
}
APPOINTMENT = {
    "organisme": {"code": "CD", "libelleStructure": "Maison des solidarités"},
    "motif": "ACC",
    "date": "2026-03-12T09:30:00",
    "modaliteContact": "PHYSIQUE",
    "typeReception": "IND",
    "statut": "PRIS",
    "libelleAdresse": "Maison des solidarités",
    "adresse": "1 place Ducale 08000 CHARLEVILLE-MEZIERES",
}


def someone(number: int, **known) -> FtPerson:
    numero = f"{number:011d}"
    facts = {
        "nir13": f"28001080{number:05d}",
        "birth_date": "1980-01-31",
        "nom": "VÉRITÉ",
        "prenom": "Zoé",
        "statut": "Inscrit",
        "motif_inscription": ("14", "Fin de contrat à durée déterminée"),
        "parcours": "PSO",
        "organisme": "FT",
        "libelle_commune": "RÉTHEL",
    }
    return FtPerson(numero=numero, **(facts | known))


def folk(*people: FtPerson) -> dict[str, FtPerson]:
    return {person.numero: person for person in people}


def about(person: FtPerson, **other) -> Query:
    given = {"key": f"k{person.numero}", "nir": person.nir13, "birth_date": person.birth_date}
    return Query(**(given | other))


class Clock:
    """A clock that server and client share, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


class CountingBudget:
    """Lets everything pass and remembers."""

    def __init__(self) -> None:
        self.acquired = Counter()
        self.slowed = []

    def acquire(self) -> None:
        self.acquired["request"] += 1

    def heard(self, *, answered: bool) -> None:
        pass

    def slow_down(self, seconds: float) -> None:
        self.slowed.append(seconds)


class World:
    """A server, and all that a client of it needs."""

    def __init__(self, server: FranceTravailServer, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        self.tokens = MemoryTokenStore()
        self.budget = CountingBudget()
        self.waits = []

    def access(self, **extra: str) -> Access:
        return Access(name="pole_emploi_api", extra=self.server.connection()["extra"] | extra)

    def client(self, *, access: Access | None = None, **options) -> FranceTravail:
        options = {"sleep": self.waits.append} | options
        return FranceTravail(access or self.access(), self.tokens, self.budget, self.clock, **options)

    def ask(self, *queries: Query, **options):
        with self.client(**options) as client:
            return list(client.ask(queries))


@contextmanager
def world(*people: FtPerson, **faults):
    clock = Clock()
    with FranceTravailServer(folk(*people), faults=FtFaults(**faults), clock=clock.seconds) as server:
        yield World(server, clock)


def test_everything_france_travail_knows_of_a_person_comes_back():
    zoe = someone(1, emails=("zoe@example.org",), phones=("0612345678",), residence_qpv=True, code_postal="08300")

    with world(zoe) as here:
        (answer,) = here.ask(about(zoe))

    assert (answer.key, answer.code, answer.outcome) == ("k00000000001", "S001", "found")
    assert answer.body["recherche"] == {"codeRetour": "S001", "message": "Usager trouvé", "topIdentiteCertifiee": "O"}
    assert answer.body["administratif"]["etatCivil"]["nom"] == "VÉRITÉ"
    assert answer.body["administratif"]["etatCivil"]["nomCorrespondance"] is None
    assert answer.body["administratif"]["adresses"][0]["indicateurResidentQPV"] == "QP"
    assert answer.body["contrat"]["m_contrat"]["m_motif_inscription_lib"] == "Fin de contrat à durée déterminée"
    assert answer.body["orientation"][0]["parcours"] == "PSO"


def test_what_france_travail_does_not_have_is_nothing():
    newcomer = someone(1, statut=None, parcours=None, certified=False)

    with world(newcomer) as here:
        (answer,) = here.ask(about(newcomer))

    assert answer.outcome == "found"
    assert answer.body["recherche"]["topIdentiteCertifiee"] == "N"
    assert answer.body["contrat"] is None
    assert answer.body["orientation"] is None


@pytest.mark.parametrize(
    ("known", "code", "outcome"),
    [
        ({"odd_status": 204}, "HTTP_204", "nobody"),
        ({"odd_status": 404}, "HTTP_404", "nobody"),
        ({"entitled": False}, "R001", "not_entitled"),
        ({"attached": False}, "R002", "not_entitled"),
        ({"has_address": False}, "R998", "unusable"),
    ],
)
def test_a_final_answer_is_never_asked_twice(known, code, outcome):
    person = someone(1, **known)

    with world(person) as here:
        (answer,) = here.ask(about(person))

    assert (answer.code, answer.outcome, answer.body) == (code, outcome, None)
    assert here.server.requests[SEARCH] == 1
    assert here.waits == []


def test_nobody_several_and_wrong_input_are_told_apart():
    twin, other_twin = someone(1), someone(2, nir13=someone(1).nir13)
    stranger = someone(3)

    with world(twin, other_twin) as here:
        answers = here.ask(
            about(stranger),
            about(twin),
            about(stranger, nir=None, france_travail_number="0000000003A"),
            Query(key="empty"),
        )

    assert [(answer.code, answer.outcome) for answer in answers] == [
        ("S002", "nobody"),
        ("S003", "several"),
        ("R997", "bad_input"),
        ("NO_IDENTIFIER", "bad_input"),
    ]


def test_without_a_nir_the_france_travail_number_is_used():
    person = someone(1, nir13=None)

    with world(person) as here:
        (answer,) = here.ask(about(person, france_travail_number=person.numero))

    assert answer.outcome == "found"
    assert here.server.requests[SEARCH] == 0
    assert here.server.requests[SEARCH_BY_NUMBER] == 1


def test_answers_come_in_the_order_asked_whatever_takes_longer():
    people = [someone(number) for number in range(1, 80)]

    with world(*people, slow_every=7, slow_seconds=0.05) as here:
        answers = here.ask(*(about(person) for person in people))

    assert [answer.key for answer in answers] == [about(person).key for person in people]
    assert all(a.body["administratif"]["numeroFranceTravail"] == a.key.removeprefix("k") for a in answers)


def test_queries_are_taken_as_answers_are_given():
    people = [someone(number) for number in range(1, 200)]
    taken = []

    with world(*people) as here, here.client(parallel=2) as client:
        answers = client.ask(taken.append(person) or about(person) for person in people)
        next(answers)
        answers.close()

    assert len(taken) < 20


def test_fifty_threads_that_wait_fetch_one_token():
    people = [someone(number) for number in range(1, 51)]
    together = threading.Barrier(50)

    with world(*people) as here, here.client(parallel=50) as client, ThreadPoolExecutor(50) as pool:

        def write(person: FtPerson) -> bool:
            together.wait()
            return client.decide_orientation(about(person), DECISION, message_id=person.numero).accepted

        accepted = list(pool.map(write, people))

    assert all(accepted)
    assert here.server.token_requests == 1
    assert len(here.server.decisions) == 50


def test_a_refused_token_is_renewed_once_for_everybody():
    people = [someone(number) for number in range(1, 51)]

    with world(*people) as here:
        here.tokens.put("pole_emploi_api", "ended-early", here.clock() + timedelta(hours=1))
        answers = here.ask(*(about(person) for person in people), parallel=20)

    assert {answer.outcome for answer in answers} == {"found"}
    assert here.server.token_requests == 1


def test_the_access_token_is_renewed_in_its_last_minute():
    people = [someone(number) for number in range(1, 4)]

    with world(*people) as here, here.client() as client:
        counts = []
        for person, after in zip(people, (0, 1430, 20), strict=True):
            here.clock.now += timedelta(seconds=after)
            list(client.ask([about(person)]))
            counts.append(here.server.token_requests)

    assert counts == [1, 1, 2]


def test_a_user_token_serves_for_a_day_and_the_answer_stays_the_same():
    zoe = someone(1)

    with world(zoe) as here:
        first = here.ask(about(zoe))
        here.clock.now += timedelta(hours=23)
        again = here.ask(about(zoe))
        searches = here.server.requests[SEARCH]
        here.clock.now += timedelta(hours=1)
        next_day = here.ask(about(zoe))

    assert searches == 1
    assert here.server.requests[SEARCH] == 2
    assert first[0].body == again[0].body == next_day[0].body


def test_a_corrected_nir_is_searched_again_under_the_same_key():
    wrong, right = someone(1), someone(2)

    with world(wrong, right) as here:
        here.ask(about(wrong, key="same"))
        (answer,) = here.ask(about(right, key="same"))

    assert answer.body["administratif"]["numeroFranceTravail"] == right.numero


def test_a_user_token_that_ended_early_is_searched_again_once():
    zoe = someone(1)

    with world(zoe) as here:
        here.ask(about(zoe))
        here.server.forget_tokens()
        (answer,) = here.ask(about(zoe))

    assert answer.outcome == "found"
    assert here.server.requests[SEARCH] == 3  # the first day, then refused with the old access token, then accepted
    assert here.server.token_requests == 2


@pytest.mark.parametrize("as_date", [False, True])
def test_too_many_requests_waits_as_told_and_slows_everybody_down(as_date):
    zoe = someone(1)
    retry_after = format_datetime(Clock().now + timedelta(seconds=42), usegmt=True) if as_date else "42"

    with world(zoe, rate_limit_every=2, retry_after=retry_after) as here:
        (answer,) = here.ask(about(zoe))

    assert answer.outcome == "found"
    assert here.waits == [42.0, 42.0, 42.0]
    assert here.budget.slowed == [42.0, 42.0, 42.0]


def test_every_request_is_taken_from_the_budget():
    zoe = someone(1)

    with world(zoe, rate_limit_every=2) as here:
        here.ask(about(zoe))

    assert here.budget.acquired["request"] == sum(here.server.requests.values()) == 8


@pytest.mark.parametrize("fault", ["unavailable_every", "non_json_502_every", "non_json_200_every"])
def test_a_passing_trouble_is_waited_out(fault):
    zoe = someone(1)

    with world(zoe, **{fault: 2}) as here:
        (answer,) = here.ask(about(zoe))

    assert answer.outcome == "found"
    assert len(here.waits) == 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"unavailable_every": 1}, "R999"),
        ({"non_json_502_every": 1}, "HTTP_502"),
        ({"non_json_200_every": 1}, "UNREADABLE"),
        ({"rate_limit_every": 1}, "HTTP_429"),
    ],
)
def test_a_lasting_trouble_is_an_answer_and_ends_the_asking(fault, code):
    people = [someone(number) for number in range(1, 31)]

    with world(*people, **fault) as here:
        answers = here.ask(*map(about, people), patience=Patience(attempts=2, give_up_after=3), parallel=2)

    assert {answer.outcome for answer in answers} == {"unavailable"}
    assert [answer.code for answer in answers[:3]] == [code] * 3
    assert answers[-1].code == "NOT_ASKED"
    assert sum(here.server.requests.values()) < 12


def test_a_wait_too_long_stops_the_pull_instead_of_blocking_it():
    people = [someone(number) for number in range(1, 31)]

    with world(*people, rate_limit_every=1, retry_after="86400") as here:
        answers = here.ask(*map(about, people), parallel=2)

    assert here.waits == []
    assert [answer.code for answer in answers].count("NOT_ASKED") >= 26


def test_a_provider_nobody_can_reach_is_for_later():
    with world() as here:
        access = here.access()

    with pytest.raises(TryAgainLater, match="UNREACHABLE"):
        here.ask(about(someone(1)), access=access)

    assert len(here.waits) == 3


def test_nothing_is_sent_when_there_is_nothing_to_ask():
    with world() as here:
        answers = here.ask()

    assert answers == []
    assert here.server.token_requests == 0


def test_doubly_encoded_accents_are_repaired_and_counted():
    zoe = someone(1)

    with world(zoe, double_encoded_every=1) as here, here.client() as client:
        (answer,) = client.ask([about(zoe)])

    assert answer.body["administratif"]["etatCivil"]["nom"] == "VÉRITÉ"
    assert answer.body["contrat"]["m_contrat"]["m_motif_inscription_lib"] == "Fin de contrat à durée déterminée"
    assert client.repairs["double_encoding"] == 5
    assert client.repairs["null_text"] > 0


@pytest.mark.parametrize(
    ("extra", "hint"),
    [
        ({"scope": "api_contrat-usagerv2 api_donnees-rqthv1"}, "remove it from extra.scope"),
        ({"client_secret": "wrong"}, "check extra.client_id and extra.client_secret"),
        ({"realm": "/partenaire"}, "extra.realm"),
        ({"scope": "api_contrat-usagerv2 statutcontratusager"}, "extra.scope lacks what"),
    ],
)
def test_a_wrong_connection_names_itself_and_its_remedy(extra, hint):
    zoe = someone(1)

    with world(zoe) as here, pytest.raises(FixTheDeclaration) as raised:
        here.ask(about(zoe), access=here.access(**extra))

    assert "'pole_emploi_api'" in str(raised.value)
    assert hint in str(raised.value)
    assert here.waits == []


def test_a_missing_agent_header_calls_someone():
    with world(someone(1)) as here, here.client() as client:
        client._calls._agent.pop("pa-nom-agent")

        with pytest.raises(CallSomeone, match=r"302.*agent headers"):
            list(client.ask([about(someone(1))]))


def test_a_401_that_a_new_token_does_not_cure_calls_someone():
    with world(someone(1)) as here, here.client() as client:
        client._calls._agent["pa-nom-agent"] = ""

        with pytest.raises(CallSomeone, match=r"'pole_emploi_api'.*401"):
            list(client.ask([about(someone(1))]))

    assert here.server.token_requests == 2


def test_an_agent_is_named_by_the_caller():
    agent = Agent(identifier="D08-7", last_name="Évrard", first_name="Zoë")

    with world(someone(1)) as here:
        (answer,) = here.ask(about(someone(1)), agent=agent)

    assert answer.outcome == "found"


def test_a_decision_and_an_appointment_are_told_once_however_often_they_are_sent():
    zoe = someone(1)

    with world(zoe) as here, here.client() as client:
        decided = [client.decide_orientation(about(zoe), DECISION, message_id="m-1") for _ in range(2)]
        booked = [client.book_first_appointment(about(zoe), APPOINTMENT, message_id="m-2") for _ in range(2)]

    assert all(outcome.accepted and not outcome.retry for outcome in decided + booked)
    assert booked[0].provider_id == booked[1].provider_id == here.server.appointments[0].provider_id
    assert [(told.who, told.idempotency_key, told.body) for told in here.server.decisions] == [
        (zoe.numero, "m-1", DECISION)
    ]
    assert [told.body for told in here.server.appointments] == [APPOINTMENT]
    assert here.server.appointments[0].received_at == here.clock()


def test_a_decision_shows_from_the_next_day():
    zoe = someone(1)

    with world(zoe) as here:
        with here.client() as client:
            client.decide_orientation(about(zoe), DECISION, message_id="m-1")
        (same_day,) = here.ask(about(zoe))
        here.server.load(folk(zoe))
        (next_day,) = here.ask(about(zoe))

    assert same_day.body["orientation"][0]["statut"] == "PRECONISE"
    assert next_day.body["orientation"][0]["statut"] == "DECIDE"
    assert next_day.body["orientation"][0]["parcours"] == "PSP"


@pytest.mark.parametrize(
    ("known", "code", "words"),
    [
        ({"has_address": False}, "R998", "aucune adresse"),
        ({"entitled": False}, "R001", "ne nous autorise pas"),
        ({"birth_date": "1981-01-31"}, "S002", "ne connaît personne"),
    ],
)
def test_a_message_that_can_never_succeed_is_not_to_be_retried(known, code, words):
    with world(someone(1, **known)) as here, here.client() as client:
        outcome = client.decide_orientation(about(someone(1)), DECISION, message_id="m-1")

    assert (outcome.accepted, outcome.retry, outcome.code) == (False, False, code)
    assert words in outcome.message_fr
    assert here.server.decisions == []


@pytest.mark.parametrize(
    ("appointment", "code", "words"),
    [
        ({"motif": None, "adresse": ""}, "INCOMPLETE", "il manque motif, adresse"),
        ({"modaliteContact": "PIGEON"}, "R997", "incorrectes"),
    ],
)
def test_an_incomplete_or_wrong_appointment_says_what_to_correct(appointment, code, words):
    with world(someone(1)) as here, here.client() as client:
        outcome = client.book_first_appointment(about(someone(1)), APPOINTMENT | appointment, message_id="m-1")

    assert (outcome.accepted, outcome.retry, outcome.code) == (False, False, code)
    assert words in outcome.message_fr


def test_a_message_france_travail_cannot_take_now_is_to_be_retried_when_it_says():
    with world(someone(1), rate_limit_every=1, retry_after="300") as here, here.client() as client:
        outcome = client.decide_orientation(about(someone(1)), DECISION, message_id="m-1")

    assert (outcome.accepted, outcome.retry, outcome.code, outcome.retry_after) == (False, True, "HTTP_429", 300.0)


def test_a_user_merged_away_is_looked_for_again_the_next_day():
    before, after = someone(1), replace(someone(2), nir13=someone(1).nir13)

    with world(before) as here:
        here.ask(about(before))
        here.server.load(folk(after))
        (answer,) = here.ask(about(before))

    assert answer.body["administratif"]["numeroFranceTravail"] == after.numero


def test_nothing_personal_is_in_an_address_or_a_log(caplog):
    caplog.set_level(logging.DEBUG)
    zoe = someone(1, emails=("zoe@example.org",))

    with world(zoe, unavailable_every=3) as here, here.client() as client:
        list(client.ask([about(zoe), about(zoe, key="n", nir=None, france_travail_number=zoe.numero)]))
        client.decide_orientation(about(zoe), DECISION, message_id="m-1")
        shown = caplog.text + " ".join(here.server.requests)

    secrets = (zoe.nir13, zoe.numero, zoe.birth_date, zoe.nom, "zoe@example.org", "SERVICE INSERTION")
    assert here.server.requests[ORIENTATION] >= 2
    assert not [secret for secret in secrets if secret in shown]
