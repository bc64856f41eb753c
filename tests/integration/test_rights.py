"""What people are owed: objection, shelter, holds, erasure to the last byte, and nobody who learns from it that they exist."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from conftest import ticking
from cycle import new_hub, turn
from intake import caf
from sqlalchemy import text
from test_sharing import CIVIL, DECISION, OF_CAF, OF_DEPARTEMENT, World

from hub.acts import begin_act
from hub.dossiers import protections
from hub.dossiers.protections import current_person, every_id, listed
from hub.intake import pipeline
from hub.intake.running_ledger import running_ledger
from hub.opening import Hub
from hub.people.reconcile import reconcile
from hub.rights.certificates import certificate_of, finish_erasures
from hub.rights.erasure import destroy, erase, erase_again
from hub.rights.rights import end, place
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.share import acknowledge_from, share_with
from hub.sharing.recalls import recalls
from hub.storage.signing import open_signer
from hub.storage.store import create_database, drop_database
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
LIVES = {"contact.address_street": "3 rue du Port", "contact.postcode": "08000", "contact.email": "z@exemple.fr"}


@pytest.fixture
def told(hub):
    """A store with people in it, shared by the hub that opened it."""
    world = World(hub.engine)
    world.vault = hub.vault
    return world


def objects(hub, who, now=LATER, kind="objection"):
    return place(hub, who, kind=kind, author="Alix", reason="demande", now=now)


# --- objection ----------------------------------------------------------------------------------------------------


def test_an_objection_withdraws_what_waits_and_stops_what_would_come(hub, told):
    who = told.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    told.fill(who)

    done = objects(hub, who)
    told.fill(who, now=LATER)

    assert (done["waiting_before"], done["waiting_now"]) == (1, 0)
    assert told.messages("departement_08") == []


def test_what_may_be_told_again_goes_by_itself_once_the_objection_is_lifted(hub, told):
    who = told.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    objects(hub, who)
    told.fill(who, now=LATER)

    end(hub, who, kind="objection", author="Alix", now=LATER)

    assert [list(fields) for fields in told.fields("departement_08")] == [["rsa.state", "rsa.suspensions"]]
    with pytest.raises(FixTheDeclaration, match="under no objection"):
        end(hub, who, kind="objection", author="Alix", now=LATER)


def move(world, record, who):
    world.run(
        "update link set superseded_at = :now where source_record_id = :record and superseded_at is null",
        now=NOW,
        record=record,
    )
    world.run(
        "insert into link (source_record_id, person_id, method, evidence, author, decided_at) values (:record, :who, 't', '{}', 't', :now)",
        record=record, who=who, now=NOW,
    )  # fmt: skip


def test_an_objection_follows_the_person_through_a_merge_and_a_split(hub, told):
    one, other = told.someone(1), told.someone(2)
    of_caf, of_departement = told.hears(one, "caf", OF_CAF), told.hears(other, "departement_08", OF_DEPARTEMENT)
    objects(hub, one)

    move(told, of_caf, other)
    told.run("update person set forwards_to = :other where id = :one", one=one, other=other)
    told.fill(one, other, now=LATER)
    merged = told.messages("departement_08")
    with hub.engine.connect() as connection:
        assert current_person(connection, one) == other
        assert set(every_id(connection, other)) == {one, other}

    split = told.someone(3)
    move(told, of_departement, split)
    told.hears(split, "caf", OF_CAF)
    told.fill(other, split, now=LATER)

    assert merged == []
    assert [each.person_id for each in told.messages("departement_08")] == [split]  # it never objected
    with hub.engine.connect() as connection:
        assert set(protections.protections(connection, [one, other, split], now=LATER)) == {other}


def test_nobody_is_asked_about_who_objected(hub, partners, clock):
    partners.deposit_day(0)
    for flow in ("caf_rsa", "departement_pivot"):
        pipeline.receive(hub, hub.flow(flow), clock=clock)
    reconcile(hub, clock=clock)
    with hub.engine.connect() as connection:
        people = connection.execute(
            text("select distinct l.person_id from link l join source_identity i using (source_record_id) where i.nir_hash is not null")
        ).scalars().all()  # fmt: skip
    objects(hub, people[0], now=clock())

    pipeline.receive(hub, hub.flow("pole_emploi_usagers"), clock=clock)

    with hub.engine.connect() as connection:
        asked = set(
            connection.execute(
                text("select distinct l.person_id from asked a join link l on l.source_record_id = a.source_record_id")
            ).scalars()
        )
    assert len(asked) > 20
    assert people[0] not in asked


@pytest.mark.parametrize("kind", ["objection", "threat", "returned"])
@pytest.mark.parametrize("state", ["rejected", "parked", "unfound"])
def test_what_was_set_aside_before_is_not_put_in_line_again(hub, told, kind, state):
    from hub.sharing.aside import replay

    who = told.someone(1, caf=OF_CAF | LIVES, departement_08=OF_DEPARTEMENT)
    told.fill(who)
    told.run("update message set state = :state", state=state)
    objects(hub, who, kind=kind)

    with hub.engine.begin() as connection:
        replay(connection, now=LATER)

    assert not [
        fields
        for fields in told.fields("departement_08")
        if kind != "threat" or fields.keys() & protections.whereabouts()
    ]


# --- shelter ------------------------------------------------------------------------------------------------------


def test_where_somebody_under_threat_lives_never_leaves(hub, told):
    who = told.someone(
        1,
        caf=OF_CAF | LIVES,
        pole_emploi={"job_seeker.agency_name": "Sedan", "job_seeker.category": "1"},
        departement_08=OF_DEPARTEMENT,
    )
    told.fill(who)
    assert told.fields("departement_08")[0].keys() & protections.whereabouts()

    objects(hub, who, kind="threat")
    told.fill(who, now=LATER)

    (fields,) = told.fields("departement_08")
    assert not fields.keys() & protections.whereabouts()
    assert {"contact.email", "job_seeker.category", "rsa.state"} <= fields.keys()


def test_a_person_who_has_just_appeared_waits_for_as_long_as_is_set(hub, partners, clock):
    patient = Hub(hub.settings.model_copy(update={"hold_new_hours": 24}))
    partners.deposit_day(0)
    for flow in ("caf_rsa", "departement_pivot"):
        pipeline.receive(patient, patient.flow(flow), clock=clock)

    at_once = reconcile(patient, clock=clock)["messages"]
    too_soon = reconcile(patient, clock=lambda: clock() + timedelta(hours=23))["messages"]
    in_time = reconcile(patient, clock=lambda: clock() + timedelta(hours=25))["messages"]

    assert (at_once, too_soon) == ({}, {})
    assert in_time["departement_08"] > 10
    patient.engine.dispose()


# --- erasure ------------------------------------------------------------------------------------------------------


class Erased:
    """A hub and its partners after a turn, and one person known to three partners who asked to be erased."""

    def __init__(self, hub, sandbox, clock) -> None:
        self.hub, self.sandbox, self.clock = hub, sandbox, clock
        self.adult, self.person = self.somebody()
        self.others = self.fingerprint()
        self.dry = erase(hub, self.person, author="Alix", reason="demande", clock=clock, dry_run=True)
        self.after_dry_run = self.fingerprint(everybody=True)
        self.marks_before = self.found()
        self.done = erase(hub, self.person, author="Alix", reason="demande", clock=clock, dry_run=False)
        self.waiting = certificate_of(hub, self.person)
        self.answer()
        self.certificate = certificate_of(hub, self.person)

    def somebody(self):
        """Alone in its household, in all three, and told of to its département."""
        people = self.sandbox.population.on(0)
        homes = [adult.household for adult in people]
        with self.hub.engine.connect() as connection:
            for adult in people:
                if adult.in_caf and adult.in_ft and adult.in_departement and homes.count(adult.household) == 1:
                    row = connection.execute(FIND, {"number": adult.departement_id}).first()
                    if row is not None and row.partners == 3:
                        return adult, row.person_id
        raise AssertionError("nobody of that kind was invented")

    def fingerprint(self, *, everybody=False):
        with self.hub.engine.connect() as connection:
            return connection.execute(
                text("""
                    select md5(string_agg(person_id || content::text, '' order by person_id)) from dossier
                    where person_id <> :person or :everybody
                    """),
                {"person": self.person, "everybody": everybody},
            ).scalar()

    def words(self):
        """What names this person and nobody else."""
        adult = self.adult
        return [adult.nir, adult.departement_id, adult.ft_number, adult.extract_id, adult.email, adult.claim_number]

    def found(self):
        """Where any of these words stands: in a cell of the store, or in a delivery as received."""
        from traces import cells_of

        places = set()
        for where, content in cells_of(self.hub):
            places |= {where for word in self.words() if word in content}
        with self.hub.engine.connect() as connection:
            stored = connection.execute(text("select distinct sha256, flow from delivery")).all()
        for row in stored:
            if self.hub.raw.holds(row.sha256):
                content = self.hub.raw.open(row.sha256).read().decode("latin-1")
                places |= {row.flow for word in self.words() if word in content}
        return places

    def answer(self):
        """Partners are told, load it, and answer."""
        for partner in sorted(self.hub.agreements):
            share_with(self.hub, partner, clock=self.clock)
        self.sandbox.partners_work()
        for partner in ("caf", "departement_08", "departement_52"):
            acknowledge_from(self.hub, partner, clock=self.clock)
        finish_erasures(self.hub, now=self.clock())


FIND = text("""
select l.person_id, (select count(distinct o.partner) from link k join source_record o on o.id = k.source_record_id
                     where k.person_id = l.person_id and k.superseded_at is null) as partners
from link l join source_version v on v.source_record_id = l.source_record_id
where l.superseded_at is null and v.content ->> 'identifiers.departement_id' = :number
  and exists (select from told t where t.person_id = l.person_id and t.partner like 'departement%')
""")


@pytest.fixture(scope="module")
def erased(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("erased")
    create_database(postgres, "erased", template="hub_template")
    hub = new_hub(folder / "hub", postgres.set(database="erased"))
    open_signer(hub.settings.signing_key, create=True)
    with Sandbox(folder / "partners", seed=7, size=90) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        sandbox.deposit_day(0)
        clock = ticking()
        turn(hub, sandbox, clock)
        yield Erased(hub, sandbox, clock)
    hub.engine.dispose()
    drop_database(postgres, "erased")


def test_a_dry_run_counts_and_changes_nothing(erased):
    assert erased.dry["dry_run"] is True
    assert erased.dry["records"] >= 3
    assert erased.dry["stood_in_deliveries"] >= 3
    assert {"source_version.content", "caf_rsa", "departement_pivot"} & erased.marks_before
    assert erased.after_dry_run is not None
    assert {key: erased.done[key] for key in ("records", "versions", "links")} == {
        key: erased.dry[key] for key in ("records", "versions", "links")
    }


def test_an_erased_person_stands_nowhere_any_more(erased):
    assert erased.found() == set()


def test_nobody_else_lost_anything(erased):
    assert erased.fingerprint() == erased.others
    with erased.hub.engine.connect() as connection:
        assert all(line["closes"] for line in running_ledger(connection))
        assert connection.execute(
            text("select bool_and(done_at is not null and how = 'masked') from redaction")
        ).scalar()


def test_every_other_record_can_still_be_read_from_the_deliveries_as_received(erased):
    from hub.rights.redaction import _read

    with erased.hub.engine.connect() as connection:
        rows = connection.execute(text("select flow, sha256, received from delivery where state = 'applied'")).all()

    for row in rows:
        with erased.hub.raw.open(row.sha256) as stream:
            assert len(_read(erased.hub, row.flow, stream)) == row.received


def test_partners_are_told_in_their_own_words_that_it_holds_no_more(erased):
    partner = f"departement_{erased.adult.departement}"
    learnt = erased.sandbox._partners[partner].learnt[erased.adult.departement_id]

    assert learnt
    assert set(learnt.values()) == {None}


def test_the_certificate_comes_once_partners_have_answered_and_is_signed(erased):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    assert erased.waiting["certificate"] is None
    document = dict(erased.certificate)
    signature = bytes.fromhex(document.pop("signature"))
    Ed25519PublicKey.from_public_bytes(erased.hub.signer.public).verify(
        signature, orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    )
    assert document["partners"][f"departement_{erased.adult.departement}"] == {"acknowledged": 1}
    assert document["erased"]["versions"] >= 3
    assert document["erased"]["partners_to_tell_by_hand"] == ["pole_emploi"]
    assert not any(word in str(document) for word in erased.words())


def test_the_recall_of_an_erasure_is_followed_to_its_end(erased):
    with erased.hub.engine.connect() as connection:
        (found,) = [each for each in recalls(connection) if each["cause"] == "erasure"]

    assert found["outstanding"] == 0, found
    assert found["partners"][f"departement_{erased.adult.departement}"]["states"] == {"corrected": 1}


class Intake:
    """A CAF that leaves files, written by hand."""

    def __init__(self, hub, clock, folder) -> None:
        self.hub, self.clock, self.folder, self.files = hub, clock, folder, 0

    def take(self, people, day, *, departement="08"):
        self.files += 1
        path = self.folder / f"RSABEI08_{self.files}.xml"
        path.write_bytes(caf(day, people, departement=departement, stamp=f"01:18:36.{self.files:04d}"))
        return self.given(path)

    def given(self, path):
        (line,) = pipeline.receive_path(self.hub, self.hub.flow("caf_rsa"), path, clock=self.clock)
        assert line.state == "applied"
        return reconcile(self.hub, clock=self.clock)

    def person(self, first):
        with self.hub.engine.connect() as connection:
            return connection.execute(
                text("""
                    select l.person_id from link l join source_version v on v.source_record_id = l.source_record_id
                    where l.superseded_at is null and v.content -> 'identity.first_names' ->> 0 = :first
                    """),
                {"first": first},
            ).scalar_one()

    def erase(self, who, **how):
        return erase(self.hub, who, author="Alix", reason="demande", clock=self.clock, **{"dry_run": False, **how})


@pytest.fixture
def intake(hub, clock, tmp_path):
    return Intake(hub, clock, tmp_path)


def test_a_later_file_does_not_bring_an_erased_person_back_unseen(intake, hub):
    intake.take([(1, "ZOE", "08000"), (2, "ANNE", "08000")], "2026-11-01")
    intake.erase(intake.person("ZOE"))

    came = intake.take([(1, "ZOE", "08200"), (2, "ANNE", "08200")], "2026-11-02")

    who = intake.person("ZOE")
    assert came["returned_after_erasure"] == 1
    with hub.engine.connect() as connection:
        (case,) = listed(connection, kind="returned")
        assert case["people"] == [str(who)]
        assert (
            connection.execute(text("select count(*) from alarm where kind = 'personne_effacee_revenue'")).scalar() == 1
        )
    end(hub, who, kind="returned", author="Alix", now=intake.clock())
    assert intake.take([(1, "ZOE", "08300")], "2026-11-03")["returned_after_erasure"] == 0


def test_under_another_claim_the_civil_status_still_tells(intake, hub):
    intake.take([(1, "ZOE", "08000")], "2026-11-01")
    intake.erase(intake.person("ZOE"))

    same_person_other_claim = caf("2026-11-02", [(1, "ZOE", "08000")]).replace(
        b"00000000001</NUMDEMRSA>", b"00000000099</NUMDEMRSA>"
    )
    path = intake.folder / "RSABEI08_9.xml"
    path.write_bytes(same_person_other_claim)
    pipeline.receive_path(hub, hub.flow("caf_rsa"), path, clock=intake.clock)

    assert reconcile(hub, clock=intake.clock)["returned_after_erasure"] == 1


def test_what_waits_for_a_partner_that_cannot_be_told_leaves_no_more(hub, told):
    who = told.someone(1, pole_emploi={}, departement_08=OF_DEPARTEMENT | DECISION)
    told.fill(who)

    erase(hub, who, author="Alix", reason="demande", clock=ticking(), dry_run=False)

    assert told.states("pole_emploi") == {"replaced": 1}
    assert certificate_of(hub, who)["erased"]["versions"] == 2


def test_a_litigation_hold_forbids_erasure_until_it_is_lifted(intake, hub):
    intake.take([(1, "ZOE", "08000")], "2026-11-01")
    who = intake.person("ZOE")
    objects(hub, who, kind="litigation", now=intake.clock())

    with pytest.raises(FixTheDeclaration, match="litigation hold"):
        intake.erase(who)

    end(hub, who, kind="litigation", author="Alix", now=intake.clock())
    assert intake.erase(who)["records"] == 1


def test_an_erasure_killed_before_the_deliveries_were_crossed_out_goes_on(intake, hub):
    intake.take([(1, "ZOE", "08000"), (2, "ANNE", "08000")], "2026-11-01")
    who = intake.person("ZOE")
    with hub.engine.begin() as connection:
        act = begin_act(connection, "erasure", now=intake.clock())
        destroy(hub, connection, {who: [who]}, act=act, author="a", reason="r", now=intake.clock())
    with hub.engine.connect() as connection:
        sha256 = connection.execute(text("select sha256 from delivery")).scalar_one()
    assert b"ZOE" in hub.raw.open(sha256).read()

    assert finish_erasures(hub, now=intake.clock()) == 1

    content = hub.raw.open(sha256).read()
    assert b"ZOE" not in content
    assert b"ANNE" in content
    assert finish_erasures(hub, now=intake.clock()) == 0


def test_the_same_bytes_sent_again_do_not_bring_back_what_was_crossed_out(intake, hub):
    intake.take([(1, "ZOE", "08000"), (2, "ANNE", "08000")], "2026-11-01")
    intake.erase(intake.person("ZOE"))

    path = intake.folder / "RSABEI08_again.xml"
    path.write_bytes((intake.folder / "RSABEI08_1.xml").read_bytes())
    (line,) = pipeline.receive_path(hub, hub.flow("caf_rsa"), path, clock=intake.clock)

    assert line.state == "repeated"
    with hub.engine.connect() as connection:
        sha256 = connection.execute(text("select distinct sha256 from delivery")).scalar_one()
    assert b"ZOE" not in hub.raw.open(sha256).read()


def test_after_a_backup_is_restored_the_erased_are_erased_again(intake, hub, tmp_path):
    intake.take([(1, "ZOE", "08000"), (2, "ANNE", "08000")], "2026-11-01")
    who = intake.person("ZOE")
    hub.settings.erasures.parent.mkdir(parents=True, exist_ok=True)
    hub.settings.erasures.write_text(f"{who} 2026-11-01T00:00:00+00:00\n", encoding="ascii")

    assert erase_again(hub, author="Alix", clock=intake.clock)["erased_again"] == 1
    assert erase_again(hub, author="Alix", clock=intake.clock)["erased_again"] == 0
    with hub.engine.connect() as connection:
        assert connection.execute(text("select count(*) from source_version")).scalar() == 1


def test_nobody_can_be_erased_who_is_not_there(hub):
    from uuid import UUID

    with pytest.raises(FixTheDeclaration, match="No person"):
        erase(hub, UUID(int=9), author="a", reason="r", clock=ticking(), dry_run=False)
    with pytest.raises(FixTheDeclaration, match="was not erased"):
        certificate_of(hub, UUID(int=9))


# --- nobody learns that somebody exists ---------------------------------------------------------------------------


def everything_a_partner_sees(folder, database_url, *, known_elsewhere, denied):
    """The bytes of its files, without the random ids and the times, when one of its two people is (not) known elsewhere."""
    hub = new_hub(folder / "hub", database_url)
    world = World(hub.engine)
    world.vault = hub.vault
    alone = {"departement_08": OF_DEPARTEMENT}
    who = world.someone(1, **(alone | ({"caf": OF_CAF | LIVES} if known_elsewhere else {})))
    other = world.someone(2, caf=OF_CAF | LIVES, departement_08=CIVIL | {"identifiers.departement_id": "D-2"})
    if denied:
        objects(hub, who, kind=denied)
    world.fill(who, other, now=LATER)
    with Sandbox(folder / "partners", seed=7, size=1) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        for _ in range(2):
            share_with(hub, "departement_08", clock=lambda: LATER)
        ids = [str(each.id) for each in world.messages("departement_08", "sent")]
        seen = {
            path.name: path.read_text(encoding="utf-8").replace(ids[0], "ID")
            for path in sorted((folder / "partners" / "departement_08" / "retour").iterdir())
        }
    hub.engine.dispose()
    manifest = orjson.loads(seen.pop("hub_departement_08_000001_delta.manifest.json"))
    return seen, len(ids), [each["enregistrements"] for each in manifest["fichiers"]], manifest["sequence"]


@pytest.fixture
def databases(postgres):
    names = ["unknown", "denied_one"]
    for name in names:
        create_database(postgres, name, template="hub_template")
    yield [postgres.set(database=name) for name in names]
    for name in names:
        drop_database(postgres, name)


@pytest.mark.parametrize("denied", ["objection", "returned", "archived"])
def test_to_a_partner_a_denied_person_and_an_unknown_one_look_the_same(tmp_path, databases, denied):
    unknown = everything_a_partner_sees(tmp_path / "u", databases[0], known_elsewhere=False, denied=None)
    known = everything_a_partner_sees(tmp_path / "k", databases[1], known_elsewhere=True, denied=denied)

    assert unknown == known
    assert unknown[1] == 1


def test_an_answer_about_a_denied_person_is_taken_as_one_about_nobody(hub, told):
    """What the partner says of a message that was withdrawn, or never was, ends the same: nothing comes back to it."""
    from uuid import uuid4

    from hub.sharing.acknowledgements import _take

    who = told.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    told.fill(who)
    (waiting,) = told.messages("departement_08")
    objects(hub, who)
    taken = []
    for number in (waiting.id, uuid4()):
        with hub.engine.begin() as connection:
            answer = io.BytesIO(f"message_id;statut;code;libelle\n{number};OK;0000;\n".encode())
            taken.append(_take(connection, "departement_08", answer, LATER))

    assert [each["settled"] for each in taken] == [0, 0]


# --- recall -------------------------------------------------------------------------------------------------------


def test_each_correction_is_followed_until_its_partner_has_answered(hub, told):
    from hub.sharing.recalls import note_recall
    from hub.sharing.select import fill

    who = told.someone(1, departement_08=OF_DEPARTEMENT)
    of_caf = told.hears(who, "caf", OF_CAF)
    told.fill(who)
    told.run("update message set state = 'acknowledged'")
    told.leaves(of_caf)
    with hub.engine.begin() as connection:
        from hub.dossiers.dossier import rebuild

        rebuild(connection, [who], now=LATER)
        fill(connection, hub.agreements, [who], now=LATER, recalled=[who])
        assert note_recall(connection, cause="links", subject="1", persons=[who], now=LATER) == 1
    seen = []
    for state in ("pending", "sent", "rejected", "acknowledged"):
        told.run("update message set state = :state where sequence = 2", state=state)
        with hub.engine.connect() as connection:
            (found,) = recalls(connection)
        seen.append((found["partners"]["departement_08"]["states"], found["outstanding"]))

    assert seen == [({"waits": 1}, 1), ({"sent": 1}, 1), ({"refused": 1}, 1), ({"corrected": 1}, 0)]
    assert set(found["partners"]["departement_08"]["fields"]) == {"rsa.state", "rsa.suspensions"}


def test_a_decision_told_to_a_partner_is_no_correction(hub, told):
    from hub.sharing.recalls import note_recall

    who = told.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT | DECISION)
    told.fill(who)

    with hub.engine.begin() as connection:
        assert note_recall(connection, cause="links", subject="1", persons=[who], now=NOW) == 0
        assert recalls(connection) == []
