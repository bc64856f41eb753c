"""Nothing lost on the way in: named states, held deliveries, the running ledger, replay and revert."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime

import pytest
from intake import caf
from sqlalchemy import text

from connectors.readers.xml_households import XmlReader
from hub.alarms import open_alarms
from hub.intake import counted_ledger, pipeline
from hub.intake.counted_ledger import NOT_CLOSING, STANDS, count_ledger, count_ledgers, ledger_to_show
from hub.intake.held import refuse, release
from hub.intake.quarantined import drop, quarantined
from hub.intake.reject_file import write_rejects
from hub.intake.remembered import Memory
from hub.intake.replay import replay
from hub.intake.revert import revert
from hub.intake.running_ledger import running_ledger
from hub.people.reconcile import reconcile
from hub.rights.erasure import erase
from quality.declaration import Quality, RowRule
from schemas.errors import FixTheDeclaration, TryAgainLater

pytestmark = pytest.mark.integration

PEOPLE = [(n, "SOPHIE" if n % 2 else "ANNE", "08000") for n in range(1, 11)]


class Intake:
    """A CAF, its folder, and the hub that takes what it leaves."""

    def __init__(self, hub, clock, folder):
        self.hub, self.clock, self.folder = hub, clock, folder
        self.files = 0

    def take(self, content, name=None, modified=None):
        self.files += 1
        path = self.folder / (name or f"RSABE_{self.files}.xml")
        path.write_bytes(content)
        moment = modified or datetime(2026, 11, 1, 6, self.files, tzinfo=UTC)
        os.utime(path, (moment.timestamp(), moment.timestamp()))
        return pipeline.receive_path(self.hub, self.hub.flow("caf_rsa"), path, clock=self.clock)[0]

    def rows(self, statement, **known):
        with self.hub.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), known)]

    def ledger(self):
        with self.hub.engine.connect() as connection:
            return running_ledger(connection, flow="caf_rsa")

    def alarms(self):
        with self.hub.engine.connect() as connection:
            return {each["kind"] for each in open_alarms(connection)}

    def records(self):
        return self.rows(
            "select key, version, encode(content_hash, 'hex'), scope, as_of, order_key, delivery_id, left_on, withdrawn "
            "from source_record where not withdrawn order by key"
        )

    def links(self):
        return self.rows(
            "select source_record_id, person_id, method from link where superseded_at is null order by source_record_id"
        )

    def dossiers(self):
        return self.rows("select person_id, content::text from dossier order by person_id")


@pytest.fixture
def intake(hub, clock, tmp_path):
    return Intake(hub, clock, tmp_path)


# --- names never decide alone -------------------------------------------------------------------------------------


def test_the_same_bytes_under_another_name_are_received_twice(intake):
    content = caf("2026-11-01", PEOPLE)

    intake.take(content, "a.xml")
    again = intake.take(content, "b.xml")

    assert (again.state, again.received) == ("repeated", 0)
    assert "sous un autre nom" in again.reason
    assert "livraison_repetee" in intake.alarms()


def test_an_old_file_with_a_new_date_is_named_so(intake):
    content = caf("2026-11-01", PEOPLE)

    intake.take(content, "a.xml")
    again = intake.take(content, "a.xml", datetime(2026, 11, 9, tzinfo=UTC))

    assert (again.state, again.received) == ("redated", 0)
    assert "autre date" in again.reason


def test_another_file_under_the_same_name_is_read_for_what_it_is(intake):
    intake.take(caf("2026-11-01", PEOPLE), "a.xml")
    other = intake.take(caf("2026-11-02", PEOPLE[:3]), "a.xml")

    assert (other.state, other.unchanged) == ("applied", 3)
    assert "nom_deja_recu" in other.notices


def test_the_same_header_with_other_bytes_waits_for_an_operator(intake):
    intake.take(caf("2026-11-01", PEOPLE))
    other = intake.take(caf("2026-11-01", [(1, "SOPHIE", "08200"), *PEOPLE[1:]]))

    assert (other.state, other.applied) == ("held", 0)
    assert "les octets diffèrent" in other.reason
    assert "livraison_retenue" in intake.alarms()


def test_a_delivery_all_of_which_was_said_later_is_outdated(intake):
    intake.take(caf("2026-11-05", PEOPLE))
    late = intake.take(caf("2026-11-04", PEOPLE))

    assert (late.state, late.superseded, late.applied) == ("outdated", 10, 0)
    assert "livraison_depassee" in intake.alarms()


def test_a_day_that_comes_after_the_next_one_still_brings_what_only_it_says(intake):
    intake.take(caf("2026-11-05", PEOPLE[:5]))
    late = intake.take(caf("2026-11-04", PEOPLE[4:]))

    assert (late.state, late.applied, late.superseded) == ("applied", 5, 1)
    assert "dans_le_desordre" in late.notices


def test_a_late_picture_does_not_make_leave_whoever_a_later_day_spoke_of(intake):
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    intake.take(caf("2026-11-05", PEOPLE[:1]))
    picture = intake.take(caf("2026-11-01", PEOPLE[2:], kind="M"))

    assert (picture.state, picture.left) == ("applied", 1)
    assert intake.rows("select count(*) from source_record where left_on is not null") == [(1,)]


# --- held ---------------------------------------------------------------------------------------------------------


def collapse(intake):
    for month in ("08", "09", "10"):
        intake.take(caf(f"2026-{month}-01", PEOPLE, kind="M"))
    return intake.take(caf("2026-11-01", PEOPLE[:2], kind="M"))


def test_a_volume_that_collapses_is_held_and_nobody_leaves(intake):
    line = collapse(intake)

    assert line.state == "held"
    assert "2 enregistrements au lieu d'environ 10" in line.reason
    assert intake.rows("select count(*) from source_record where left_on is not null") == [(0,)]


def test_a_released_delivery_is_applied_and_its_alarm_closed(intake):
    line = collapse(intake)

    release(intake.hub, line.id, author="a.dupont", now=intake.clock())
    done = pipeline.settle(intake.hub, [line.id], clock=intake.clock)[0]

    assert (done.state, done.left, done.unchanged) == ("applied", 8, 2)
    assert intake.rows("select released_by from delivery where id = :id", id=line.id) == [("a.dupont",)]
    assert intake.alarms() - {"fill_rate"} == set()


def test_a_refused_delivery_applies_nothing_and_may_come_again(intake):
    line = collapse(intake)

    refuse(intake.hub, line.id, author="a.dupont", reason="fichier d'essai", now=intake.clock())

    with pytest.raises(FixTheDeclaration, match="not held"):
        release(intake.hub, line.id, author="a.dupont", now=intake.clock())
    assert intake.rows("select state, refused, closed_by from delivery where id = :id", id=line.id) == [
        ("refused", 2, "a.dupont")
    ]
    assert intake.ledger()[-1]["closes"]


def test_a_renamed_element_is_held_by_the_field_that_emptied(intake):
    for month in ("08", "09", "10"):
        intake.take(caf(f"2026-{month}-01", PEOPLE, kind="M"))
    line = intake.take(caf("2026-11-01", PEOPLE, kind="M").replace(b"CODEPOS>", b"CODEPOSTAL>"))

    assert line.state == "held"
    assert "contact.postcode" in line.reason
    assert "colonne_inconnue" in line.notices


# --- remembered units ---------------------------------------------------------------------------------------------


def test_the_same_households_again_are_counted_without_being_read(intake, monkeypatch):
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    read = []
    real = XmlReader._records
    monkeypatch.setattr(XmlReader, "_records", lambda reader, unit: read.append(1) or real(reader, unit))

    changed = [(1, "SOPHIE", "08200"), *PEOPLE[1:9], (77, "LEA", "08000")]
    line = intake.take(caf("2026-11-01", changed, kind="M"))

    assert len(read) == 2
    assert (line.received, line.applied, line.unchanged, line.left) == (10, 2, 8, 1)
    assert intake.rows(
        "select (profile->>'records')::int, (profile->'filled'->>'contact.postcode')::int from delivery "
        "order by id desc limit 1"
    ) == [(10, 10)]


def test_a_remembered_household_that_had_changed_since_says_again_what_it_said(intake):
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    intake.take(caf("2026-10-15", [(1, "SOPHIE", "08200")]))
    back = intake.take(caf("2026-11-01", PEOPLE, kind="M"))

    assert (back.applied, back.unchanged) == (1, 9)
    versions = intake.rows(
        "select v.version, v.content->>'contact.postcode' from source_version v join source_record r on r.id = v.source_record_id "
        "where r.version = 3 order by v.version"
    )
    assert versions == [(1, "08000"), (2, "08200"), (3, "08000")]


def test_a_household_first_seen_too_late_is_read_when_it_says_the_same_again(intake):
    """What it said was superseded, so its content was never kept: remembering its bytes would leave nothing to apply."""
    intake.take(caf("2026-10-15", PEOPLE[:9], kind="M"))
    late = intake.take(caf("2026-10-01", [(1, "SOPHIE", "08200"), *PEOPLE[1:]], kind="M"))
    again = intake.take(caf("2026-11-01", [(1, "SOPHIE", "08200"), *PEOPLE[1:]], kind="M"))

    assert (late.superseded, late.applied) == (10, 0)
    assert (again.applied, again.unchanged) == (2, 8)
    assert intake.rows("select count(*) from source_version where content->>'contact.postcode' = '08200'") == [(1,)]


def test_the_same_households_again_are_counted_whatever_the_size_of_the_chunks(intake):
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    object.__setattr__(intake.hub, "settings", intake.hub.settings.model_copy(update={"chunk": 3}))

    line = intake.take(caf("2026-11-01", [*PEOPLE, PEOPLE[0]], kind="M"))

    assert (line.received, line.applied, line.unchanged) == (11, 0, 11)


def test_what_is_forgotten_while_a_delivery_is_read_is_not_lost(intake, monkeypatch):
    """Another delivery of the flow is applied meanwhile: nothing is staged, and running again counts everybody."""
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    real = Memory.stage

    def forgotten_meanwhile(memory, *, records):
        memory.connection.execute(text("delete from remembered_unit"))
        return real(memory, records=records)

    monkeypatch.setattr(Memory, "stage", forgotten_meanwhile)
    with pytest.raises(TryAgainLater, match="run again"):
        intake.take(caf("2026-11-01", PEOPLE, kind="M"))
    assert intake.rows("select count(*) from staged_record") == [(0,)]

    monkeypatch.setattr(Memory, "stage", real)
    line = intake.take(caf("2026-11-01", [*PEOPLE, PEOPLE[0]], kind="M"))
    assert (line.received, line.unchanged) == (11, 11)


def test_a_household_with_a_refused_person_is_read_again(intake):
    bad = caf("2026-10-01", PEOPLE, kind="M").replace(b"<DTNAI>1961-02-11", b"<DTNAI>2061-02-11")
    first = intake.take(bad)
    again = intake.take(bad.replace(b"2026-10-01", b"2026-11-01"))

    assert (first.quarantined, again.quarantined) == (1, 1)
    assert again.unchanged == 9


# --- the ledger ---------------------------------------------------------------------------------------------------


def test_the_ledger_closes_to_the_unit_month_after_month(intake):
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    intake.take(caf("2026-10-15", [(50, "LEA", "08000")]))
    intake.take(caf("2026-11-01", PEOPLE[3:], kind="M"))

    october, november = intake.ledger()

    assert [(m["opening"], m["entered"], m["left"], m["closing"]) for m in (october, november)] == [
        (0, 11, 0, 11),
        (11, 0, 4, 7),
    ]
    assert [(m["counted"], m["closes"]) for m in (october, november)] == [(11, True), (7, True)]
    assert (november["in_store"], november["units"], november["control_total"]) == (7, 7, 7)


def test_a_row_lost_behind_the_ledgers_back_is_noticed(intake):
    intake.take(caf("2026-11-01", PEOPLE, kind="M"))
    with intake.hub.engine.begin() as connection:
        connection.execute(text("update source_record set left_on = '2026-11-02' where id = 1"))

    assert [line["closes"] for line in intake.ledger()] == [False]


def test_a_ledger_that_does_not_close_raises_an_alarm_until_it_does(intake):
    engine = intake.hub.engine
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    intake.take(caf("2026-11-01", PEOPLE[:8], kind="M"))
    assert count_ledgers(engine, ["caf_rsa", "departement_pivot"], now=intake.clock()) == 0
    assert NOT_CLOSING not in intake.alarms()

    with engine.begin() as connection:  # somebody's movement is lost
        connection.execute(text("delete from movement where kind = 'left' and source_record_id = 9"))
    assert count_ledgers(engine, ["caf_rsa"], now=intake.clock()) == 0, "the count still stands"
    assert count_ledgers(engine, ["caf_rsa"], now=intake.clock() + STANDS) == 1
    with engine.connect() as connection:
        [said] = [each for each in open_alarms(connection) if each["kind"] == NOT_CLOSING]
    assert (said["subject"], said["flow"]) == ("registre caf_rsa", "caf_rsa")
    assert said["message"] == "caf_rsa : 11/2026, 9 fiches à la fin d'après les mouvements, 8 dans la base."

    intake.take(caf("2026-12-01", PEOPLE[:8], kind="M"))  # the alarm stands for as long as it is so
    assert count_ledgers(engine, ["caf_rsa"], now=intake.clock()) == 1
    with engine.begin() as connection:
        connection.execute(text("update source_record set left_on = null where id = 9"))
        connection.execute(text("delete from movement where source_record_id = 9 and kind = 'left'"))
    count_ledger(engine, "caf_rsa", now=intake.clock())
    assert NOT_CLOSING not in intake.alarms()


def test_a_delivery_that_is_held_is_no_gap_in_the_ledger(intake):
    intake.take(caf("2026-11-01", PEOPLE, kind="M"))
    line = intake.take(caf("2026-11-01", PEOPLE[:3], kind="M"), name="corrige.xml")
    assert (line.state, line.received) == ("held", 3)

    [month] = intake.ledger()

    assert (month["received"], month["settled"], month["waiting"], month["closes"]) == (13, 10, 3, True)


def test_what_moves_a_ledger_has_it_counted_again_and_nothing_else_does(intake):
    engine, now = intake.hub.engine, intake.clock()
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    line = with_a_bad_record(intake)
    reconcile(intake.hub, clock=intake.clock)
    first = ledger_to_show(engine, "caf_rsa", now=now)
    later = now + STANDS / 2
    assert ledger_to_show(engine, "caf_rsa", now=later) == first

    def is_counted_again():
        return ledger_to_show(engine, "caf_rsa", now=later).counted_at == later

    relaxed(intake.hub)
    replay(intake.hub, clock=intake.clock)
    assert is_counted_again(), "a record was replayed"
    later += STANDS / 100
    [who] = intake.rows("select person_id from link order by 1 limit 1")
    erase(intake.hub, who[0], author="a", reason="demande", clock=intake.clock, dry_run=False)
    assert is_counted_again(), "somebody was erased"
    later += STANDS / 100
    revert(intake.hub, line.id, author="a", reason="essai", clock=intake.clock, dry_run=False)
    assert is_counted_again(), "a delivery was reverted"
    later += STANDS / 100
    assert not is_counted_again()


def test_a_large_ledger_is_shown_as_it_was_counted_and_said_to_be_stale(intake, monkeypatch):
    engine, now = intake.hub.engine, intake.clock()
    monkeypatch.setattr(counted_ledger, "FEW", 10)
    assert ledger_to_show(engine, "caf_rsa", now=now).lines == []
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))

    unseen = ledger_to_show(engine, "caf_rsa", now=now)
    count_ledger(engine, "caf_rsa", now=now)
    intake.take(caf("2026-11-01", PEOPLE[:8], kind="M"))
    shown = ledger_to_show(engine, "caf_rsa", now=now)

    assert (unseen.lines, unseen.stale) == ([], True)
    assert (len(shown.lines), shown.counted_at, shown.stale) == (1, now, True)


# --- quarantine ---------------------------------------------------------------------------------------------------


def with_a_bad_record(intake):
    content = caf("2026-11-01", PEOPLE).replace(b"<DTNAI>1961-02-11", b"<DTNAI>1861-02-11")
    return intake.take(content)


def relaxed(hub):
    """The hub after a rule was corrected."""
    quality = hub.qualities["caf_rsa"]
    rules = tuple(rule for rule in quality.rules if rule.rule != "not_before")
    hub.qualities["caf_rsa"] = Quality(flow="caf_rsa", rules=rules, suite=quality.suite)


def test_replaying_after_a_rule_was_corrected_applies_what_passes_now(intake):
    line = with_a_bad_record(intake)
    assert (line.applied, line.quarantined) == (9, 1)
    assert quarantined(intake.hub)[0]["reference"] == f"L{line.id}-E1"
    assert replay(intake.hub, clock=intake.clock).still_refused == 1

    relaxed(intake.hub)
    done = replay(intake.hub, clock=intake.clock)
    again = replay(intake.hub, clock=intake.clock)

    assert (done.tried, done.passed, again.tried) == (1, 1, 0)
    counted = intake.rows("select received, applied, quarantined, entered from delivery where id = :id", id=line.id)
    assert counted == [(10, 10, 0, 10)]
    assert intake.ledger()[-1]["closes"]
    assert quarantined(intake.hub) == []


def test_what_is_replayed_late_does_not_overwrite_what_was_said_since(intake):
    with_a_bad_record(intake)
    relaxed(intake.hub)
    intake.take(caf("2026-11-02", [(1, "SOPHIE", "08999")]).replace(b"<DTNAI>1961-02-11", b"<DTNAI>1861-02-11"))

    done = replay(intake.hub, clock=intake.clock)

    assert done.passed == 1
    assert intake.rows("select outcome from delivery_record where delivery_id = 1 and record = 1") == [("superseded",)]
    assert intake.rows("select content->>'contact.postcode' from source_version where delivery_id = 2") == [("08999",)]


def test_the_newest_reason_replaces_the_old_one(intake):
    with_a_bad_record(intake)
    quality = intake.hub.qualities["caf_rsa"]
    rules = (RowRule(field="rsa.refusal_date", rule="required"),)
    intake.hub.qualities["caf_rsa"] = Quality(flow="caf_rsa", rules=rules, suite=quality.suite)

    replay(intake.hub, clock=intake.clock)

    assert (quarantined(intake.hub)[0]["field"], quarantined(intake.hub)[0]["rule"]) == ("rsa.refusal_date", "required")


def test_the_reject_file_is_the_partners_own_household_with_the_reason(intake):
    line = with_a_bad_record(intake)
    content = io.BytesIO()

    assert write_rejects(intake.hub, line.id, content) == 1

    said = content.getvalue().decode()
    assert said.count("<InfosFoyerRSA>") == 1
    assert "<DTNAI>1861-02-11</DTNAI>" in said
    assert "<MotifRejet><CHAMP>identity.birth_date</CHAMP><REGLE>not_before</REGLE>" in said


def test_a_csv_reject_file_keeps_the_partners_columns(hub, clock, tmp_path):
    path = tmp_path / "p.csv"
    header = "Identifiant dans le SI*;Prénom*;Nom*;Date de naissance*"
    path.write_text(f"{header}\nA1;Paul;Martin;1985-06-01\nA2;=Léa;Petit;31/02/1985\n", encoding="utf-8")
    line = pipeline.receive_path(hub, hub.flow("departement_pivot"), path, clock=clock)[0]
    content = io.BytesIO()

    write_rejects(hub, line.id, content)

    lines = content.getvalue().decode().splitlines()
    assert lines[0] == f"{header};MOTIF_CHAMP;MOTIF_REGLE;MOTIF"
    assert lines[1].startswith("A2;'=Léa;Petit;31/02/1985;identity.birth_date;")


def test_a_record_dropped_needs_a_reason_that_stays(intake):
    line = with_a_bad_record(intake)

    drop(intake.hub, f"L{line.id}-E1", reason="signalé à la caisse", now=intake.clock())

    assert intake.rows("select state, state_reason from quarantine") == [("dropped", "signalé à la caisse")]
    assert replay(intake.hub, clock=intake.clock).tried == 0


# --- revert -------------------------------------------------------------------------------------------------------


def state(intake):
    return intake.records(), intake.links(), intake.dossiers()


def test_reverting_puts_records_links_and_dossiers_back(intake):
    intake.take(caf("2026-10-01", PEOPLE, kind="M"))
    reconcile(intake.hub, clock=intake.clock)
    before = state(intake)
    changed = [(1, "SOPHIE", "08200"), *PEOPLE[1:8], (60, "LEA", "08000")]
    line = intake.take(caf("2026-11-01", changed, kind="M"))
    reconcile(intake.hub, clock=intake.clock)
    assert (line.applied, line.left) == (2, 2)

    told = revert(intake.hub, line.id, author="a.dupont", reason="essai", clock=intake.clock, dry_run=True)
    assert state(intake) != before
    done = revert(intake.hub, line.id, author="a.dupont", reason="essai", clock=intake.clock, dry_run=False)

    assert state(intake) == before
    assert told == done
    assert (done["records"], done["records_withdrawn"]) == (4, 1)
    assert intake.rows("select state, closed_by from delivery where id = :id", id=line.id) == [("reverted", "a.dupont")]
    assert [m["closes"] for m in intake.ledger()] == [True, True]


def test_what_a_later_delivery_said_stays_when_an_earlier_one_is_reverted(intake):
    intake.take(caf("2026-10-01", PEOPLE[:2]))
    line = intake.take(
        caf("2026-10-02", [(1, "SOPHIE", "08200"), (2, "ANNE", "08300"), (70, "LEA", "08000"), (71, "EVA", "08000")])
    )
    intake.take(caf("2026-10-03", [(1, "SOPHIE", "08999"), (70, "LEA", "08000")]))

    done = revert(intake.hub, line.id, author="a.dupont", reason="essai", clock=intake.clock, dry_run=False)

    assert (done["records"], done["kept_by_later_deliveries"], done["records_withdrawn"]) == (4, 2, 1)
    said = intake.rows(
        "select v.content->>'identifiers.claim_number', v.content->>'contact.postcode' from source_record r "
        "join source_version v on v.source_record_id = r.id and v.version = r.version where r.left_on is null order by 1"
    )
    assert said == [("00000000001", "08999"), ("00000000002", "08000"), ("00000000070", "08000")]
    assert [m["closes"] for m in intake.ledger()] == [True]


def test_two_deliveries_reverted_one_after_the_other_leave_what_was_before_both(intake):
    intake.take(caf("2026-10-01", PEOPLE[:2]))
    before = intake.records()
    first = intake.take(caf("2026-10-02", [(1, "SOPHIE", "08200"), (2, "ANNE", "08300")]))
    second = intake.take(caf("2026-10-03", [(1, "SOPHIE", "08999")]))

    for line in (first, second):
        revert(intake.hub, line.id, author="a", reason="essai", clock=intake.clock, dry_run=False)

    assert intake.records() == before


def test_a_reverted_delivery_may_come_again(intake):
    content = caf("2026-11-01", PEOPLE)
    line = intake.take(content, "a.xml")
    reconcile(intake.hub, clock=intake.clock)
    revert(intake.hub, line.id, author="a", reason="essai", clock=intake.clock, dry_run=False)
    assert intake.rows("select count(*) from source_record where not withdrawn") == [(0,)]
    assert reconcile(intake.hub, clock=intake.clock, full=True)["new_persons"] == 0

    again = intake.take(content, "b.xml")

    assert (again.state, again.applied, again.entered) == ("applied", 10, 10)
    assert reconcile(intake.hub, clock=intake.clock)["linked"] == 10
    assert [m["closes"] for m in intake.ledger()] == [True]


def test_only_an_applied_delivery_can_be_reverted(intake):
    line = intake.take(caf("2026-11-01", PEOPLE, total=3))

    with pytest.raises(FixTheDeclaration, match="refused: only an applied"):
        revert(intake.hub, line.id, author="a", reason="essai", clock=intake.clock, dry_run=True)


def test_whoever_was_told_something_because_of_it_is_corrected(cycled, clock):
    """A département's file is reverted: what others were told from it is taken back."""
    hub, _ = cycled
    with hub.engine.connect() as connection:
        delivery = connection.execute(
            text("select id from delivery where flow = 'departement_pivot' and state = 'applied'")
        ).scalar()
    done = revert(hub, delivery, author="a", reason="essai", clock=clock, dry_run=False)

    assert done["messages"]["departement_08"] > 0
    with hub.engine.connect() as connection:
        waiting = (
            connection.execute(
                text("select payload from message where partner = 'departement_08' and state = 'pending'")
            )
            .scalars()
            .all()
        )
        told = connection.execute(
            text("select content from told where partner = 'departement_08' and content <> '{}'::jsonb")
        ).all()
    assert all(value is None for payload in waiting for value in payload["fields"].values())
    assert told == []
    assert json.dumps(waiting)


@pytest.fixture
def cycled(hub, partners, clock):
    from cycle import turn

    partners.deposit_day(0)
    turn(hub, partners, clock)
    return hub, partners
