"""The whole cycle on real servers: what comes in balances, what goes out is allowed, and saying it twice changes nothing."""

from __future__ import annotations

import hashlib

import pytest
from cycle import turn
from sqlalchemy import text

from hub.intake import pipeline
from hub.one_machine.summary import summary
from hub.people.reconcile import reconcile
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.share import share_with
from hub.sharing.journal import verify
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration


def scalar(hub, statement, **known):
    with hub.engine.connect() as connection:
        return connection.execute(text(statement), known).scalar()


def fingerprint(hub):
    """A hash of everything a person could notice: records, links, dossiers, what was told, messages, the journal."""
    statements = (
        "select flow, key, version, encode(content_hash, 'hex'), left_on from source_record order by 1, 2",
        "select source_record_id, method from link where superseded_at is null order by 1",
        "select person_id, content from dossier order by 1",
        "select partner, person_id, sequence, content from told order by 1, 2",
        "select id, state from message order by 1",
        "select position, encode(entry_hash, 'hex') from disclosure order by 1",
    )
    digest = hashlib.sha256()
    with hub.engine.connect() as connection:
        for statement in statements:
            for row in connection.execute(text(statement)):
                digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


@pytest.fixture
def cycled(hub, partners, clock):
    """A hub after day 0."""
    partners.deposit_day(0)
    turn(hub, partners, clock)
    return hub


def test_every_ledger_line_balances_and_agrees_with_the_partner(finished):
    seen = summary(finished)

    assert seen["unbalanced_deliveries"] == []
    assert all(flow["balanced"] for flow in seen["flows"].values())
    caf = seen["flows"]["caf_rsa"]
    assert caf["units"] == caf["control_total"] > 0
    assert set(seen["flows"]) == {name for name, flow in finished.flows.items() if flow.direction == "in"}


def test_partners_learn_what_they_did_not_know_and_nothing_else(finished, sandbox):
    report = sandbox.report()

    for seen in report.values():
        assert seen["messages"] > 0
        assert seen["questions_not_asked_again"] > 0
        assert (seen["fields_not_allowed"], seen["people_not_followed"], seen["values_of_somebody_else"]) == (0, 0, 0)
        assert (seen["messages_twice"], seen["unknown_people"], seen["complaints"]) == (0, 0, [])


def test_file_partners_acknowledge_every_message_and_every_refusal_has_a_reason(finished):
    sent = summary(finished)["partners"]

    assert len(sent) == 4
    for partner, counts in sent.items():
        assert counts["waiting"] == counts["parked"] == 0
        if partner != "pole_emploi":
            assert counts["acknowledged"] == counts["messages"] > 0
    assert scalar(finished, "select count(*) from message where state = 'rejected' and reason is null") == 0


def persons_of(hub, sandbox):
    """The invented people whose records are in each person, by what départements and Pôle emploi call them."""
    known = sandbox.population.adults
    by_id = {adult.departement_id: adult.number for adult in known} | {adult.ft_number: adult.number for adult in known}
    by_id |= {adult.extract_id: adult.number for adult in known}
    statement = """
        select l.person_id, v.content ->> 'identifiers.departement_id' as d, v.content ->> 'identifiers.france_travail_number' as f,
               v.content ->> 'identifiers.france_travail_extract_id' as e, r.flow
        from link l join source_record r on r.id = l.source_record_id
        join source_version v on v.source_record_id = r.id and v.version = r.version
        where l.superseded_at is null and r.partner <> 'caf'
        """
    persons: dict = {}
    with hub.engine.connect() as connection:
        for row in connection.execute(text(statement)):
            number = by_id.get(row.d if row.flow.startswith("departement") else row.e or row.f)
            persons.setdefault(row.person_id, set()).add(number)
    return persons


def test_most_people_are_recognised_and_nobody_is_merged_with_another(finished, sandbox):
    known, persons = sandbox.population.adults, persons_of(finished, sandbox)

    assert all(len(numbers) == 1 for numbers in persons.values())
    both = sum(adult.in_ft and adult.in_departement for adult in known)
    split = sum(len(numbers) for numbers in persons.values()) - len(
        {number for numbers in persons.values() for number in numbers}
    )
    assert split < 0.05 * both


def test_twins_of_whom_one_has_half_the_name_of_the_other_are_two_persons(hub, clock, tmp_path):
    with Sandbox(tmp_path / "partners", seed=1, size=120) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        sandbox.deposit_day(0)
        turn(hub, sandbox, clock)

    first = {adult.number: adult.first_names[0] for adult in sandbox.population.adults}
    twins = [
        (number, number + 1)
        for number in first
        if number + 1 in first and first[number + 1] != first[number] and first[number + 1].startswith(first[number])
    ]
    assert twins, "this population has some"
    assert [numbers for numbers in persons_of(hub, sandbox).values() if len(numbers) > 1] == []


def test_the_same_deliveries_again_change_nothing(cycled, partners, clock):
    before = fingerprint(cycled)
    partners.redeposit()

    lines, messages = turn(cycled, partners, clock)

    assert {line.state for line in lines} == {"repeated"}
    assert messages == {}
    assert fingerprint(cycled) == before


def test_the_same_content_in_another_file_is_unchanged(cycled, partners, clock):
    partners.deposit_day(0)
    for path in partners.folder.glob("*/depot/*.csv"):
        path.write_bytes(path.read_bytes() + b"\n")

    lines, messages = turn(cycled, partners, clock)

    applied = [line for line in lines if line.state == "applied"]
    assert len(applied) == 3
    assert all(line.applied == 0 and line.unchanged == line.received for line in applied)
    assert messages == {}


def test_a_new_day_moves_only_what_changed(cycled, partners, clock):
    partners.deposit_day(1)

    lines, messages = turn(cycled, partners, clock)

    assert 0 < sum(line.applied for line in lines) < sum(line.unchanged for line in lines)
    assert sum(messages.values()) > 0
    for seen in partners.report().values():
        assert (seen["values_of_somebody_else"], seen["complaints"]) == (0, [])


def test_a_daily_file_older_than_the_monthly_one_overwrites_nothing(hub, partners, clock, tmp_path):
    partners.deposit_day(1)
    early = sorted((partners.folder / "caf" / "depot").iterdir())
    content = early[0].read_bytes().replace(b"2026-11-01", b"2026-10-30")
    turn(hub, partners, clock)
    partners.deposit_day(0)
    turn(hub, partners, clock)
    late = tmp_path / "RSABEI_late.xml"
    late.write_bytes(content)
    before = scalar(hub, "select sum(version) from source_record")

    line = pipeline.receive_path(hub, hub.flow("caf_rsa"), late, clock=clock)[0]

    assert (line.state, line.applied) == ("outdated", 0)
    assert line.superseded == line.received > 0
    assert scalar(hub, "select sum(version) from source_record") == before


def test_whoever_is_absent_from_a_full_picture_has_left_and_may_come_back(cycled, partners, clock, tmp_path):
    whole = next((partners.folder / "departement_52" / "depot").glob("*.csv")).read_bytes().splitlines(keepends=True)
    shorter, longer = tmp_path / "shorter.csv", tmp_path / "longer.csv"
    shorter.write_bytes(b"".join(whole[:-1]))
    longer.write_bytes(b"".join(whole) + b"\n")
    flow = cycled.flow("departement_webrsa")

    left = pipeline.receive_path(cycled, flow, shorter, clock=clock)[0].left
    gone = scalar(cycled, "select count(*) from source_record where left_on is not null")
    pipeline.receive_path(cycled, flow, longer, clock=clock)

    assert left == gone == 1
    assert scalar(cycled, "select count(*) from source_record where left_on is not null") == 0


def test_a_dossier_rebuilt_from_nothing_is_the_same(cycled, clock):
    before = fingerprint(cycled)
    with cycled.engine.begin() as connection:
        connection.execute(text("delete from dossier"))

    reconcile(cycled, clock=clock, full=True)

    assert fingerprint(cycled) == before


def test_the_journal_holds_and_names_the_first_entry_that_does_not(finished):
    with finished.engine.connect() as connection:
        assert verify(connection).first_bad is None
    for number, damage in enumerate(
        (
            "update disclosure set partner = 'caf' where position = 5 and partner <> 'caf' or position = 5 and partner = 'caf' and false",
            "update disclosure set fields = array_append(fields, 'rsa.state') where position = 5",
            "update disclosure set purpose = 'x' where position = 5",
            "delete from disclosure where position = 5",
        )
    ):
        with finished.engine.connect() as connection:
            connection.execute(text("set local session_replication_role = replica"))  # as the owner of the database may
            changed = connection.execute(text(damage)).rowcount
            found = verify(connection)
            connection.rollback()
        assert number == 0 or changed == 1
        assert found.first_bad == (5 if changed else None)


def test_every_message_has_its_disclosure(finished):
    assert scalar(finished, "select count(*) from message") == scalar(finished, "select count(*) from disclosure")
    assert scalar(finished, "select count(*) from message m join disclosure d on d.message_id = m.id") == scalar(
        finished, "select count(*) from message"
    )


def test_a_number_is_nowhere_in_clear(finished, sandbox):
    adult = next(adult for adult in sandbox.population.adults if adult.in_caf and adult.number % 7 == 3)
    tables = ("source_version", "dossier", "told", "message", "link", "source_identity", "delivery", "quarantine")

    for table in tables:
        assert (
            scalar(finished, f"select count(*) from {table} t where t::text like :number", number=f"%{adult.nir}%") == 0
        )
    for path in (finished.settings.home / "raw").rglob("*"):
        assert path.is_dir() or adult.nir.encode() not in path.read_bytes()


def test_a_dry_run_says_what_would_go_and_sends_nothing(hub, partners, clock):
    partners.deposit_day(0)
    pipeline.receive(hub, hub.flow("caf_rsa"), clock=clock)
    pipeline.receive(hub, hub.flow("departement_pivot"), clock=clock)
    reconcile(hub, clock=clock)

    said = share_with(hub, "departement_08", clock=clock, dry_run=True)

    assert said["messages"] > 0
    assert list((partners.folder / "departement_08" / "retour").iterdir()) == []
    assert scalar(hub, "select count(*) from message where state <> 'pending'") == 0


def test_a_full_picture_tells_everything_again_in_one_numbered_file(cycled, partners, clock):
    told = scalar(cycled, "select count(*) from told where partner = 'departement_08'")

    sent = share_with(cycled, "departement_08", clock=clock, full=True)["sent"]
    partners.partners_work()

    assert sent == told
    names = sorted(path.name for path in (partners.folder / "departement_08" / "retour").glob("*complet*.csv"))
    assert len(names) == 1
    assert partners.report()["departement_08"]["complaints"] == []


def test_without_an_agreement_nothing_is_shared(cycled, clock):
    with pytest.raises(FixTheDeclaration, match="No agreement"):
        share_with(cycled, "plie_reims", clock=clock)


def test_an_interrupted_deposit_is_made_again_with_the_same_bytes(hub, partners, clock):
    partners.deposit_day(0)
    for name in ("caf_rsa", "departement_pivot"):
        pipeline.receive(hub, hub.flow(name), clock=clock)
    reconcile(hub, clock=clock)
    share_with(hub, "departement_08", clock=clock)
    folder = partners.folder / "departement_08" / "retour"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    with hub.engine.begin() as connection:
        connection.execute(text("update sync_file set deposited_at = null"))
        connection.execute(text("update message set state = 'pending' where partner = 'departement_08'"))
    for path in folder.iterdir():
        path.unlink()

    share_with(hub, "departement_08", clock=clock)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_staged_records_lost_by_a_crash_are_staged_again(hub, partners, clock):
    partners.deposit_day(0)
    flow = hub.flow("departement_pivot")
    taken = pipeline.fetch(hub, flow, clock=clock)
    pipeline.prepare(hub, taken, clock=clock)
    with hub.engine.begin() as connection:
        connection.execute(text("truncate staged_record"))

    line = pipeline.finish(hub, taken, clock=clock)[0]

    assert (line.state, line.applied) == ("applied", line.received)
