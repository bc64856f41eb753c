"""Sharing against a real PostgreSQL, real files and a real HTTP server: who is told what, once, in order, and on record."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import orjson
import pytest
from sqlalchemy import event, select, text

from connectors.base import Access
from connectors.completeness import Place
from connectors.declaration import load_flows
from connectors.folder import FolderConnector
from connectors.france_travail import FranceTravail, MemoryBudget, MemoryTokenStore, Patience
from hub.dossiers.dossier import rebuild
from hub.opening import Hub
from hub.sandbox.france_travail import FranceTravailServer, FtFaults, FtPerson
from hub.sandbox.partners import FilePartner
from hub.settings import Settings
from hub.share import share_with
from hub.sharing import journal, outbox
from hub.sharing.acknowledgements import Acknowledged, acknowledge
from hub.sharing.agreements import load_agreements
from hub.sharing.deliver import deliver_each
from hub.sharing.deposit import deliver_files
from hub.sharing.france_travail import FranceTravailSender
from hub.sharing.journal import Disclosure
from hub.sharing.outbox import LAST_TRY, Failure
from hub.sharing.select import fill, fill_whole
from hub.sharing.switches import Gate
from hub.sharing.sync_file import open_sync_file, undeposited
from hub.storage.vault import Vault
from mappings.declaration import OutColumn, load_mappings
from schemas.errors import CallSomeone, TryAgainLater
from schemas.tables import delivery, link, message, person, source_identity, source_record, source_version, told

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
NIR = "2800108000001"
SUSPENDED = [{"kind": "payment", "reason": "01", "since": "2026-02-01"}]
CIVIL = {"identity.birth_name": "VÉRITÉ", "identity.first_names": ["Zoé"], "identity.birth_date": "1980-01-31"}
OF_CAF = CIVIL | {"identifiers.claim_number": "00000000042", "rsa.state": "4", "rsa.suspensions": SUSPENDED}
OF_DEPARTEMENT = CIVIL | {"identifiers.departement_id": "D-1"}
DECISION = {"orientation.pathway": "social", "orientation.decided_on": "2026-03-01"}
APPOINTMENT = {
    "appointment.starts_at": "2026-03-12T09:30:00",
    "appointment.reason": "ACC",
    "appointment.place": "1 place Ducale",
}
FLOWS = {
    "caf": "caf_rsa",
    "departement_08": "departement_pivot",
    "departement_52": "departement_webrsa",
    "pole_emploi": "pole_emploi_usagers",
}


class World:
    """A store with people in it, and what partners say of them."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.agreements = load_agreements()
        self.vault = Vault(bytes(32))
        self.records = 0

    def someone(self, number: int = 1, **said) -> UUID:
        """A person, with one record for each partner that speaks of it."""
        who = uuid5(UUID(int=0), str(number))
        with self.engine.begin() as connection:
            connection.execute(person.insert().values(id=who, created_at=NOW))
        for partner, content in said.items():
            self.hears(who, partner, content)
        return who

    def hears(self, who: UUID, partner: str, content: dict) -> int:
        """A record of a partner, linked to the person."""
        self.records += 1
        with self.engine.begin() as connection:
            carried = connection.execute(
                delivery.insert()
                .values(flow=FLOWS[partner], partner=partner, name="livraison", sha256="0", size=1, arrived_at=NOW,
                        received_at=NOW, state="received")
                .returning(delivery.c.id)
            ).scalar_one()  # fmt: skip
            common = {"content_hash": b"", "delivery_id": carried, "version": 1, "as_of": DAY}
            record = connection.execute(
                source_record.insert()
                .values(flow=FLOWS[partner], partner=partner, key=str(self.records), scope="", order_key="1",
                        to_match=False, updated_at=NOW, **common)
                .returning(source_record.c.id)
            ).scalar_one()  # fmt: skip
            connection.execute(
                source_version.insert().values(source_record_id=record, content=content, recorded_at=NOW,
                                               nir_encrypted=self.vault.encrypt(NIR.encode()), **common)
            )  # fmt: skip
            connection.execute(
                source_identity.insert().values(source_record_id=record, flow=FLOWS[partner], partner=partner,
                                                nir_hash=b"nir", birth_date=date(1980, 1, 31),
                                                birth_date_precision="day")
            )  # fmt: skip
            connection.execute(
                link.insert().values(
                    source_record_id=record, person_id=who, method="test", evidence={}, author="test", decided_at=NOW
                )
            )
        return record

    def says(self, record: int, content: dict) -> None:
        """A partner says something else of somebody."""
        with self.engine.begin() as connection:
            connection.execute(
                source_version.update().where(source_version.c.source_record_id == record).values(content=content)
            )

    def leaves(self, record: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(source_record.update().where(source_record.c.id == record).values(left_on=DAY))

    def fill(self, *people: UUID, now=NOW, **changed):
        """Rebuild the dossiers and fill the outbox, in one transaction, as reconcile does."""
        with self.engine.begin() as connection:
            rebuild(connection, people, now=now)
            return fill(connection, self.agreements | changed, people, now=now)

    def messages(self, partner: str, state: str = "pending") -> list:
        with self.engine.connect() as connection:
            chosen = select(message).where(message.c.partner == partner, message.c.state == state)
            return connection.execute(chosen.order_by(message.c.person_id, message.c.sequence)).all()

    def fields(self, partner: str, state: str = "pending") -> list[dict]:
        return [each.payload["fields"] for each in self.messages(partner, state)]

    def states(self, partner: str) -> dict[str, int]:
        with self.engine.connect() as connection:
            return outbox.counts(connection).get(partner, {})

    def run(self, statement: str, **known) -> None:
        """Run a statement as somebody who owns the database does: past its triggers."""
        with self.engine.begin() as connection:
            connection.execute(text("set local session_replication_role = replica"))
            connection.execute(text(statement), known)

    def verified(self):
        with self.engine.connect() as connection:
            return journal.verify(connection)


@pytest.fixture
def world(engine):
    return World(engine)


@pytest.fixture(scope="module")
def flows():
    return load_flows()


@pytest.fixture(scope="module")
def mappings():
    return load_mappings()


def clock():
    return NOW


# --- who is told what ---------------------------------------------------------------------------------------------


def test_a_partner_hears_only_about_people_it_follows(world):
    followed = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    other = world.someone(2, caf=OF_CAF)

    filled = world.fill(followed, other)

    assert filled.messages == {"departement_08": 1}
    assert [each.person_id for each in world.messages("departement_08")] == [followed]


def test_a_field_no_agreement_names_goes_nowhere(world):
    everything = (
        OF_CAF
        | DECISION
        | {"diagnosis.disabled_worker": True, "diagnosis.health_constraint": "oui", "contact.email": "z@exemple.fr"}
    )
    who = world.someone(1, caf=everything, departement_08=OF_DEPARTEMENT, pole_emploi={"job_seeker.category": "1"})

    world.fill(who)

    for partner, agreement in world.agreements.items():
        assert all(fields.keys() <= set(agreement.all_fields) for fields in world.fields(partner))
    assert world.fields("departement_08")[0].keys() >= {"contact.email", "job_seeker.category", "rsa.state"}


def test_a_partner_is_named_its_own_way_and_never_gets_its_own_words_back(world):
    who = world.someone(
        1,
        caf=OF_CAF | {"contact.email": "z@exemple.fr"},
        departement_08=OF_DEPARTEMENT | {"contact.email": "z@exemple.fr", "job_seeker.support_level": "GUI"},
    )

    world.fill(who)

    (told_once,) = world.messages("departement_08")
    assert told_once.payload["fields"] == {"rsa.state": "4", "rsa.suspensions": SUSPENDED}
    assert told_once.payload["reference"] == OF_DEPARTEMENT


@pytest.mark.parametrize("now", [datetime(2025, 12, 31, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)])
def test_an_agreement_outside_its_dates_shares_nothing(world, now):
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)

    assert not world.fill(who, now=now).messages


@pytest.mark.parametrize(("hour", "shares"), [(21, 1), (22, 0)])
def test_an_agreement_ends_at_midnight_in_france(world, hour, shares):
    """In summer Paris is two hours ahead of the clock of a server."""
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    last = world.agreements["departement_08"].model_copy(update={"valid_until": date(2026, 7, 31)})
    world.agreements = {"departement_08": last}

    assert sum(world.fill(who, now=datetime(2026, 7, 31, hour, 30, tzinfo=UTC)).messages.values()) == shares


def test_the_id_of_a_message_confirms_no_guess_of_what_it_said(world):
    """The journal keeps it when all the rest is erased."""
    who, ids = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT), []
    for _ in range(2):
        with world.engine.connect() as connection, connection.begin() as transaction:
            rebuild(connection, [who], now=NOW)
            fill(connection, world.agreements, [who], now=NOW)
            ids += connection.execute(text("select message_id from disclosure")).scalars()
            transaction.rollback()

    assert len(ids) == len(set(ids)) == 2


def test_nothing_is_told_twice(world):
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    world.fill(who)
    outbox_before = world.messages("departement_08")

    again = world.fill(who)

    assert not again.messages
    assert world.messages("departement_08") == outbox_before
    assert world.verified().entries == 1


def test_only_what_changed_goes_once_the_rest_was_sent(world):
    who = world.someone(1, departement_08=OF_DEPARTEMENT)
    record = world.hears(who, "caf", OF_CAF | {"contact.email": "z@exemple.fr"})
    world.fill(who)
    world.run("update message set state = 'sent'")

    world.says(record, OF_CAF | {"contact.email": "zoe@exemple.fr"})
    world.fill(who)

    assert world.fields("departement_08") == [{"contact.email": "zoe@exemple.fr"}]
    assert [each.sequence for each in world.messages("departement_08")] == [2]


def test_a_lifted_suspension_is_told(world):
    who = world.someone(1, departement_08=OF_DEPARTEMENT)
    record = world.hears(who, "caf", OF_CAF)
    world.fill(who)
    world.run("update message set state = 'acknowledged'")

    world.says(record, CIVIL | {"identifiers.claim_number": "00000000042", "rsa.state": "2"})
    world.fill(who)

    assert world.fields("departement_08") == [{"rsa.state": "2", "rsa.suspensions": None}]


# --- what has not left yet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["pending", "parked"])
def test_a_message_that_has_not_left_is_folded_into_the_newer_one(world, state):
    who = world.someone(1, departement_08=OF_DEPARTEMENT)
    record = world.hears(who, "caf", OF_CAF | {"contact.email": "z@exemple.fr"})
    world.fill(who)
    world.run("update message set state = :state", state=state)

    world.says(record, OF_CAF | {"contact.email": "zoe@exemple.fr"})
    world.fill(who)

    assert world.fields("departement_08") == [
        {"contact.email": "zoe@exemple.fr", "rsa.state": "4", "rsa.suspensions": SUSPENDED}
    ]
    assert world.states("departement_08") == {"pending": 1, "replaced": 1}


def test_a_value_that_changed_back_before_it_left_is_not_told(world):
    who = world.someone(1, departement_08=OF_DEPARTEMENT)
    record = world.hears(who, "caf", OF_CAF | {"contact.email": "z@exemple.fr"})
    world.fill(who)
    world.run("update message set state = 'sent'")
    world.says(record, OF_CAF | {"contact.email": "zoe@exemple.fr"})
    world.fill(who)

    world.says(record, OF_CAF | {"contact.email": "z@exemple.fr"})
    world.fill(who)

    assert world.fields("departement_08") == []
    assert world.states("departement_08") == {"sent": 1, "replaced": 1}


def test_a_stale_value_does_not_leave_with_a_newer_message(world):
    who = world.someone(1)
    own = world.hears(who, "departement_08", OF_DEPARTEMENT)
    world.hears(who, "caf", OF_CAF | {"contact.email": "z@exemple.fr"})
    world.fill(who)

    world.says(own, OF_DEPARTEMENT | {"contact.email": "z@exemple.fr"})
    world.fill(who)

    assert world.fields("departement_08") == [{"rsa.state": "4", "rsa.suspensions": SUSPENDED}]


def test_nothing_leaves_about_a_person_no_longer_followed(world):
    who = world.someone(1, caf=OF_CAF)
    own = world.hears(who, "departement_08", OF_DEPARTEMENT)
    world.fill(who)

    world.leaves(own)
    world.fill(who)

    assert world.states("departement_08") == {"replaced": 1}
    with world.engine.connect() as connection:
        assert connection.execute(select(told.c.content)).scalars().all() == [{}]


def test_a_person_followed_again_is_told_again_what_never_left(world):
    who = world.someone(1, caf=OF_CAF)
    own = world.hears(who, "departement_08", OF_DEPARTEMENT)
    world.fill(who)
    world.leaves(own)
    world.fill(who)

    world.run("update source_record set left_on = null")
    world.fill(who)

    assert world.fields("departement_08") == [{"rsa.state": "4", "rsa.suspensions": SUSPENDED}]


def test_what_waits_is_withdrawn_when_the_agreement_ends(world):
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    world.fill(who)

    world.fill(
        who, departement_08=world.agreements["departement_08"].model_copy(update={"valid_until": date(2026, 3, 1)})
    )

    assert world.states("departement_08") == {"replaced": 1}


def test_a_narrower_agreement_narrows_what_waits(world):
    who = world.someone(1, caf=OF_CAF | {"contact.email": "z@exemple.fr"}, departement_08=OF_DEPARTEMENT)
    world.fill(who)

    world.fill(who, departement_08=world.agreements["departement_08"].model_copy(update={"fields": ("contact.email",)}))

    assert world.fields("departement_08") == [{"contact.email": "z@exemple.fr"}]


# --- in the caller's transaction ----------------------------------------------------------------------------------


def test_a_change_rolled_back_leaves_nothing_and_done_again_makes_the_same_messages(world):
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    with world.engine.connect() as connection:
        rebuild(connection, [who], now=NOW)
        fill(connection, world.agreements, [who], now=NOW)
        said = select(message.c.sequence, message.c.payload)
        rolled_back = [tuple(row) for row in connection.execute(said)]
        connection.rollback()
    assert world.messages("departement_08") == []

    world.fill(who)

    assert [(each.sequence, each.payload) for each in world.messages("departement_08")] == rolled_back


def test_the_work_does_not_take_one_statement_a_person(world):
    people = [world.someone(number, caf=OF_CAF, departement_08=OF_DEPARTEMENT) for number in range(60)]
    counted = {}
    for size in (1, 50):
        with world.engine.begin() as connection:
            rebuild(connection, people, now=NOW)
            with statements(world.engine) as seen:
                fill(connection, world.agreements, people[size:][:size], now=NOW)
            counted[size] = len(seen)

    assert counted[50] == counted[1] <= 15


@contextmanager
def statements(engine):
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


# --- the journal --------------------------------------------------------------------------------------------------


def entries(count: int) -> list[Disclosure]:
    return [
        Disclosure(
            at=NOW + timedelta(microseconds=number), partner="caf", person_id=UUID(int=number), agreement="caf",
            purpose="Informer", fields=["contract.state"], message_id=UUID(int=number),
        )
        for number in range(count)
    ]  # fmt: skip


def test_every_message_has_its_entry_and_the_chain_holds(world):
    people = [world.someone(number, caf=OF_CAF, departement_08=OF_DEPARTEMENT) for number in range(3)]
    world.fill(*people)

    verified = world.verified()

    assert (verified.entries, verified.first_bad) == (3, None)
    with world.engine.connect() as connection:
        told_of = connection.execute(text("select person_id, fields from disclosure order by position")).all()
    assert {row.person_id for row in told_of} == set(people)
    assert all(row.fields == ["rsa.state", "rsa.suspensions"] for row in told_of)


@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        pytest.param("update disclosure set partner = 'autre' where position = 4", 4, id="a partner changed"),
        pytest.param("update disclosure set fields = '{}' where position = 4", 4, id="fields hidden"),
        pytest.param("update disclosure set at = at + interval '1 microsecond' where position = 4", 4, id="a time moved"),
        pytest.param("update disclosure set entry_hash = '' where position = 4", 4, id="a seal broken"),
        pytest.param("delete from disclosure where position = 1", 1, id="the first deleted"),
        pytest.param("delete from disclosure where position = 4", 4, id="one deleted"),
        pytest.param(
            "delete from disclosure where position = 4; update disclosure set position = position - 1 where position > 4",
            4, id="one deleted and the others moved up",
        ),
        pytest.param(
            "update disclosure set position = -position where position in (4, 5);"
            "update disclosure set position = 9 + position where position in (-4, -5)", 4, id="two swapped",
        ),
        pytest.param(
            "insert into disclosure select 0, at, partner, person_id, agreement, purpose, fields, message_id, previous_hash,"
            " entry_hash from disclosure where position = 4", 1, id="one inserted before",
        ),
        pytest.param(
            "insert into disclosure select 10, at, partner, person_id, agreement, purpose, fields, message_id,"
            " previous_hash, entry_hash from disclosure where position = 9", 10, id="one inserted after",
        ),
    ],
)  # fmt: skip
def test_tampering_is_named(world, tampering, first_bad):
    with world.engine.begin() as connection:
        journal.append(connection, entries(9))
        assert journal.verify(connection).entries == 9

    for statement in tampering.split(";"):
        world.run(statement)

    verified = world.verified()
    assert verified.first_bad == first_bad
    assert verified.reason


@pytest.mark.parametrize("kept", [0, 2])
def test_a_missing_end_is_named_because_its_messages_remain(world, kept):
    world.fill(*(world.someone(number, caf=OF_CAF, departement_08=OF_DEPARTEMENT) for number in range(3)))

    world.run("delete from disclosure where position > :kept", kept=kept)

    assert world.verified().first_bad == kept + 1


def test_writers_at_once_take_turns_and_leave_no_gap(world):
    def write(_number):
        with world.engine.begin() as connection:
            journal.append(connection, entries(20))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))

    assert (world.verified().entries, world.verified().first_bad) == (160, None)


# --- the outbox ---------------------------------------------------------------------------------------------------


def test_two_workers_never_take_the_same_message(world):
    world.fill(
        *(world.someone(number, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION) for number in range(6))
    )

    with world.engine.begin() as one, world.engine.begin() as other:
        first = {row.id for row in outbox.claim(one, "pole_emploi", limit=4, now=NOW)}
        second = {row.id for row in outbox.claim(other, "pole_emploi", limit=4, now=NOW)}

    assert (len(first), len(second)) == (4, 2)
    assert first.isdisjoint(second)


def test_a_later_message_waits_for_the_earlier_one_of_the_same_person(world):
    who = world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION)
    world.fill(who)
    later = "insert into message select gen_random_uuid(), partner, person_id, agreement, sequence + 1, payload, state, attempts, reason, sync_file_id, arrived_at, created_at, next_attempt_at from message"
    world.run(later)
    world.run("update message set next_attempt_at = next_attempt_at + interval '1 hour' where sequence = 1")

    with world.engine.begin() as connection:
        now, in_an_hour = (
            [row.sequence for row in outbox.claim(connection, "pole_emploi", limit=9, now=NOW + timedelta(hours=hours))]
            for hours in (0, 1)
        )

    assert (now, in_an_hour) == ([], [1])


def test_a_message_nobody_answers_is_parked_after_the_last_try(world):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION))
    tried = 0
    now = NOW
    while world.states("pole_emploi") == {"pending": 1}:
        with world.engine.begin() as connection:
            (row,) = outbox.claim(connection, "pole_emploi", limit=9, now=now)
            outbox.retry_later(connection, [Failure(message=row.id, attempts=row.attempts, reason="muet")], now=now)
        tried, now = tried + 1, now + timedelta(hours=12)

    assert tried == LAST_TRY
    assert world.states("pole_emploi") == {"parked": 1}


# --- files --------------------------------------------------------------------------------------------------------


class Broken(FolderConnector):
    """A partner's server that goes away after some deposits."""

    left = 0

    def deposit(self, name, source):
        if not self.left:
            raise TryAgainLater("gone")
        self.left -= 1
        super().deposit(name, source)


@pytest.fixture
def files(world, flows, mappings, tmp_path):
    """A département's folder, and the way there."""

    class Files:
        flow = flows["departement_08_retour"]
        mapping = mappings["departement_08_retour"]
        folder = tmp_path
        connector = FolderConnector(Access(name="d", host=str(tmp_path)), Place(folder="retour"))
        partner = FilePartner(name="departement_08", folder=tmp_path, own={"D-1": object(), "D-2": object()})

        def deliver(self, connector=None, kind="delta"):
            return deliver_files(
                world.engine,
                self.flow,
                self.mapping,
                connector or self.connector,
                kind=kind,
                clock=clock,
                gate=Gate(engine=world.engine, partner=self.flow.partner),
            )

        def broken(self, left):
            connector = Broken(Access(name="d", host=str(tmp_path)), Place(folder="retour"))
            connector.left = left
            return connector

        def acknowledged(self):
            return acknowledge(
                world.engine,
                "departement_08",
                FolderConnector(Access(name="d", host=str(tmp_path)), Place(folder="accuses", stable_for=0)),
                now=NOW,
            )

        def left(self):
            return {path.name: path.read_bytes() for path in sorted((tmp_path / "retour").glob("*"))}

    (tmp_path / "accuses").mkdir()
    return Files()


def test_a_sync_file_says_who_what_and_is_sealed_by_its_manifest(world, files):
    world.fill(world.someone(1, caf=OF_CAF | {"contact.email": "=1+1"}, departement_08=OF_DEPARTEMENT))
    (waiting,) = world.messages("departement_08")

    delivered = files.deliver()

    assert delivered.sent == 1
    left = files.left()
    name = "hub_departement_08_000001_delta"
    assert set(left) == {f"{name}.csv", f"{name}.jsonl", f"{name}.manifest.json"}
    (row,) = csv.DictReader(io.StringIO(left[f"{name}.csv"].decode()), delimiter=";")
    assert list(row)[:3] == ["message_id", "sequence", "identifiant"]
    assert (row["message_id"], row["sequence"], row["identifiant"]) == (str(waiting.id), "1", "D-1")
    assert (row["etat_rsa"], row["suspensions"], row["courriel"]) == ("4", "01 depuis le 01/02/2026", "'=1+1")
    assert orjson.loads(left[f"{name}.jsonl"]) == {
        "message_id": str(waiting.id), "sequence": 1, "identifiant": "D-1", "champs": waiting.payload["fields"],
    }  # fmt: skip
    manifest = json.loads(left[f"{name}.manifest.json"])
    assert (manifest["sequence"], manifest["precedent_sha256"], manifest["nature"]) == (1, None, "delta")
    for each in manifest["fichiers"]:
        assert each["sha256"] == hashlib.sha256(left[each["nom"]]).hexdigest()
        assert each["enregistrements"] == 1
    assert world.states("departement_08") == {"sent": 1}


def test_each_file_names_the_one_before_and_the_partner_acknowledges_each_message(world, files):
    one = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    world.fill(one)
    files.deliver()
    world.fill(world.someone(2, caf=OF_CAF, departement_08=OF_DEPARTEMENT | {"identifiers.departement_id": "D-2"}))
    files.deliver()

    files.partner.load()
    acknowledged = files.acknowledged()

    assert files.partner.complaints == []
    assert files.partner.last_sequence == 2
    assert acknowledged == Acknowledged(files=2, answers=2, settled=2)
    assert world.states("departement_08") == {"acknowledged": 2}


def test_nothing_waiting_makes_no_file(world, files):
    assert files.deliver().sent == 0
    assert files.left() == {}


@pytest.mark.parametrize("deposited", [0, 1, 2])
def test_an_interrupted_deposit_ends_as_if_it_had_not_been(world, files, deposited):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))
    with pytest.raises(TryAgainLater):
        files.deliver(files.broken(deposited))
    before = files.left()
    assert not any(name.endswith("manifest.json") for name in before)

    assert files.deliver().sent == 1

    after = files.left()
    assert len(after) == 3
    assert all(after[name] == content for name, content in before.items())
    assert world.states("departement_08") == {"sent": 1}


def test_what_changes_after_an_interruption_leaves_in_the_next_file(world, files):
    who = world.someone(1, departement_08=OF_DEPARTEMENT)
    record = world.hears(who, "caf", OF_CAF | {"contact.email": "z@exemple.fr"})
    world.fill(who)
    with pytest.raises(TryAgainLater):
        files.deliver(files.broken(1))
    world.says(record, OF_CAF | {"contact.email": "zoe@exemple.fr"})
    world.fill(who)

    files.deliver()
    files.partner.load()

    assert files.partner.complaints == []
    assert files.partner.learnt["D-1"]["contact.email"] == "zoe@exemple.fr"


def test_a_layout_changed_before_the_deposit_is_not_passed_off_as_the_same_file(world, files):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))
    with world.engine.begin() as connection:
        open_sync_file(connection, files.flow, files.mapping, kind="delta", now=NOW)

    changed = (*files.mapping.columns, OutColumn(column="autre", path="rsa.state"))
    files.mapping = files.mapping.model_copy(update={"columns": changed})

    with pytest.raises(CallSomeone, match="hub_departement_08_000001_delta"):
        files.deliver()


def test_two_runs_at_once_make_one_file(world, files):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))

    with ThreadPoolExecutor(3) as pool:
        sent = sum(each.sent for each in pool.map(lambda _: files.deliver(), range(3)))

    assert sent == 1
    assert len(files.left()) == 3
    with world.engine.connect() as connection:
        assert undeposited(connection, "departement_08") == []


def test_a_full_picture_tells_everything_again_and_is_journaled(world, files):
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    world.fill(who)
    files.deliver()
    with world.engine.begin() as connection:
        fill_whole(connection, world.agreements["departement_08"], now=NOW)

    files.deliver(kind="full")

    assert "hub_departement_08_000002_complet.csv" in files.left()
    assert world.fields("departement_08", "sent")[1] == world.fields("departement_08", "sent")[0]
    assert world.verified().entries == 2


# --- acknowledgements ---------------------------------------------------------------------------------------------


def test_answers_settle_messages_line_by_line_and_reading_them_again_changes_nothing(world, files):
    world.fill(
        *(
            world.someone(
                number, caf=OF_CAF, departement_08=OF_DEPARTEMENT | {"identifiers.departement_id": f"D-{number}"}
            )
            for number in range(3)
        )
    )
    files.deliver()
    first, second, third = (each.id for each in world.messages("departement_08", "sent"))
    answers = f"message_id;statut;code;libelle\n{first};OK;0000;\n{second};KO;3436;\n{third};KO;E_INCONNU;Mme X\n{UUID(int=9)};OK;0000;\nn'importe quoi\n"
    (files.folder / "accuses" / "a_accuse.csv").write_text(answers, encoding="utf-8")

    acknowledged = files.acknowledged()
    (files.folder / "accuses" / "b_accuse.csv").write_text(answers, encoding="utf-8")
    again = files.acknowledged()

    assert acknowledged == Acknowledged(files=1, answers=4, settled=3, unknown=1, unreadable=1)
    assert again == Acknowledged(files=1, answers=4, settled=0, unknown=1, unreadable=1)
    assert world.states("departement_08") == {"acknowledged": 2, "rejected": 1}
    assert [each.reason for each in world.messages("departement_08", "rejected")] == ["code E_INCONNU"]
    assert list((files.folder / "accuses").iterdir()) == []


def test_a_partner_answers_for_its_own_messages_only(world, files):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION))
    (theirs,) = world.messages("pole_emploi")
    (files.folder / "accuses" / "a_accuse.csv").write_text(f"message_id;statut;code\n{theirs.id};OK;0000\n")

    assert files.acknowledged() == Acknowledged(files=1, answers=1, settled=0, unknown=1)
    assert world.states("pole_emploi") == {"pending": 1}


def test_an_answer_that_came_before_we_noted_the_deposit_stands(world, files):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))
    (waiting,) = world.messages("departement_08")
    (files.folder / "accuses" / "a_accuse.csv").write_text(f"message_id;statut;code\n{waiting.id};OK;0000\n")

    files.acknowledged()
    files.deliver()

    assert world.states("departement_08") == {"acknowledged": 1}


def test_a_large_answer_is_read_to_its_end(world, files):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))
    files.deliver()
    (sent,) = world.messages("departement_08", "sent")
    noise = "".join(f"{UUID(int=number)};OK;0000;{'x' * 150}\n" for number in range(12_000))
    (files.folder / "accuses" / "a_accuse.csv").write_text(
        f"message_id;statut;code;libelle\n{noise}{sent.id};OK;0000;\n"
    )

    acknowledged = files.acknowledged()

    assert (acknowledged.answers, acknowledged.settled, acknowledged.unknown) == (12_001, 1, 12_000)


# --- Pôle emploi --------------------------------------------------------------------------------------------------


@pytest.fixture
def france_travail(world, flows, mappings):
    """Its server, with one person, and the way there; ``with`` opens it, faults or not."""

    @contextmanager
    def opened(faults=None, **known):
        zoe = FtPerson(numero="00000000001", nir13=NIR, birth_date="1980-01-31", nom="VÉRITÉ", prenom="Zoé", **known)
        budget = MemoryBudget(per_second=1e9, monotonic=lambda: 0.0, sleep=lambda _: None)
        with FranceTravailServer({zoe.numero: zoe}, faults=faults, clock=NOW.timestamp) as server:
            access = Access(name="pole_emploi_api", extra=server.connection()["extra"])
            client = FranceTravail(
                access, MemoryTokenStore(), budget, clock, sleep=lambda _: None, patience=Patience(attempts=2)
            )

            def deliver():
                with client:
                    sender = FranceTravailSender(client, mappings["pole_emploi_retour"], world.vault)
                    return deliver_each(world.engine, "pole_emploi", sender, clock=clock)

            yield server, deliver

    return opened


def test_the_decision_and_the_first_appointment_are_told_and_the_reply_acknowledges(world, france_travail):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION | APPOINTMENT))

    with france_travail() as (server, deliver):
        delivered = deliver()

    assert (delivered.sent, delivered.acknowledged) == (1, 1)
    assert [each.body["parcours"] for each in server.decisions] == ["PSP"]
    assert [each.body["date"] for each in server.appointments] == [APPOINTMENT["appointment.starts_at"]]
    assert world.states("pole_emploi") == {"acknowledged": 1}


@pytest.mark.parametrize(
    ("said", "expected"), [(DECISION, (1, 0)), (APPOINTMENT, (0, 1))], ids=["decision", "appointment"]
)
def test_only_what_is_there_is_told(world, france_travail, said, expected):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | said))

    with france_travail() as (server, deliver):
        deliver()

    assert (len(server.decisions), len(server.appointments)) == expected
    assert world.states("pole_emploi") == {"acknowledged": 1}


def test_a_message_the_api_cannot_carry_is_not_said_to_be_acknowledged(world, france_travail):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | {"orientation.structure_name": "CCAS"}))

    with france_travail() as (server, deliver):
        delivered = deliver()

    assert (delivered.sent, delivered.acknowledged, delivered.nothing_to_send) == (0, 0, 1)
    assert not server.decisions
    assert world.states("pole_emploi") == {"replaced": 1}


def test_what_could_not_be_carried_leaves_with_what_completes_it(world, france_travail):
    who = world.someone(1, pole_emploi={})
    record = world.hears(who, "departement_08", OF_DEPARTEMENT | {"orientation.pathway": "social"})
    world.fill(who)

    with france_travail() as (server, deliver):
        deliver()
        world.says(record, OF_DEPARTEMENT | DECISION)
        world.fill(who)
        deliver()

    assert [each.body["parcours"] for each in server.decisions] == ["PSP"]


@pytest.mark.parametrize(
    ("known", "code"),
    [({"entitled": False}, "R001"), ({"has_address": False}, "R998"), ({"attached": False}, "R002")],
)
def test_what_can_never_succeed_is_refused_at_once_with_its_reason(world, france_travail, known, code):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION))

    with france_travail(**known) as (_, deliver):
        delivered = deliver()

    assert (delivered.rejected, delivered.retried) == (1, 0)
    (refused,) = world.messages("pole_emploi", "rejected")
    assert refused.reason.startswith(f"{code} : ")
    assert "VÉRITÉ" not in refused.reason


@pytest.mark.parametrize("faults", [FtFaults(unavailable_every=1), FtFaults(rate_limit_every=1, retry_after="600")])
def test_an_outage_is_waited_out_and_does_not_use_up_everybodys_patience(world, france_travail, faults):
    people = [world.someone(number, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION) for number in range(120)]
    world.fill(*people)

    with france_travail(faults) as (_, deliver):
        delivered = deliver()

    assert (delivered.sent, delivered.retried) == (0, 100)
    assert world.states("pole_emploi") == {"pending": 120}
    assert {each.attempts for each in world.messages("pole_emploi")} == {0, 1}


def test_a_run_killed_before_it_noted_the_reply_tells_it_once(world, france_travail):
    world.fill(world.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION | APPOINTMENT))

    with france_travail() as (server, deliver):
        deliver()
        world.run("update message set state = 'pending', acknowledged_at = null, sent_at = null")
        deliver()

    assert (len(server.decisions), len(server.appointments)) == (1, 1)


# --- from the command line and the DAGs ---------------------------------------------------------------------------


@pytest.fixture
def hub(world, database_url, tmp_path):
    address = database_url.render_as_string(hide_password=False)
    opened = Hub(Settings(home=tmp_path, database_url=address))
    yield opened
    opened.engine.dispose()


def test_a_dry_run_says_what_would_leave_and_moves_nothing(world, hub):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))

    counted = share_with(hub, "departement_08", clock=clock, dry_run=True)

    assert counted == {
        "messages": 1, "people": 1, "fields": 2, "by_field": {"rsa.state": 1, "rsa.suspensions": 1},
    }  # fmt: skip
    assert world.states("departement_08") == {"pending": 1}


def test_nothing_leaves_once_the_agreement_has_ended_even_what_was_waiting(world, hub):
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT))

    shared = share_with(hub, "departement_08", clock=lambda: datetime(2029, 1, 1, tzinfo=UTC))

    assert shared["sent"] == 0
    assert world.states("departement_08") == {"pending": 1}
