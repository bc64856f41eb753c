"""Clocks: two years, two more, then nothing; at once when nobody follows; a litigation stops them; partners are not told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from test_sharing import OF_CAF, OF_DEPARTEMENT, World

from hub.dossiers.protections import protections
from hub.rights.retention import due, load_durations, retain
from hub.rights.rights import place
from schemas.tables import source_record

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after(years=0, days=0):
    moment = NOW.replace(year=NOW.year + years) + timedelta(days=days)
    return lambda: moment


@pytest.fixture
def world(hub):
    found = World(hub.engine)
    found.vault = hub.vault
    return found


@pytest.fixture
def who(world):
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT)
    world.fill(who)
    return who


def counted(hub, moment):
    done = retain(hub, clock=moment, dry_run=True)
    return {name: done[name] for name in ("archive", "destroy", "unfollowed", "litigation")}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (after(years=1, days=360), None),
        (after(years=2, days=1), "archive"),
        (after(years=3, days=360), "archive"),
        (after(years=4, days=1), "destroy"),
    ],
    ids=["active", "archive begins", "archive ends", "over"],
)
def test_the_clock_runs_from_the_last_word(hub, who, moment, expected):
    assert {name for name, number in counted(hub, moment).items() if number} == ({expected} if expected else set())


def test_whoever_nobody_follows_is_due_without_delay(hub, world):
    who = world.someone(1)
    record = world.hears(who, "caf", OF_CAF)
    with hub.engine.begin() as connection:
        connection.execute(source_record.update().where(source_record.c.id == record).values(left_on=date(2026, 3, 1)))

    assert counted(hub, after(days=30))["unfollowed"] == 0
    assert counted(hub, after(days=load_durations().unfollowed_days + 1))["unfollowed"] == 1


def test_a_dry_run_changes_nothing(hub, who):
    before = rows(hub)

    retain(hub, clock=after(years=5), dry_run=True)

    assert rows(hub) == before


def rows(hub):
    tables = ("source_version", "dossier", "link", "told", "message", "protection", "erasure")
    with hub.engine.connect() as connection:
        return {table: connection.execute(text(f"select count(*) from {table}")).scalar() for table in tables}


def test_the_archive_is_hidden_and_silent_and_one_word_opens_it_again(hub, who, world, clock):
    from hub.people.reconcile import reconcile

    retain(hub, clock=after(years=2, days=1), dry_run=False)
    with hub.engine.connect() as connection:
        archived = protections(connection, [who], now=NOW)
    assert (archived, world.messages("departement_08")) == ({who: {"archived"}}, [])
    assert counted(hub, after(years=2, days=2))["archive"] == 0

    world.run("update source_record set to_match = true, updated_at = now() where partner = 'caf'")
    reconcile(hub, clock=clock)

    with hub.engine.connect() as connection:
        assert protections(connection, [who], now=NOW) == {}


def test_what_time_takes_away_is_not_told_to_partners_as_a_fact(hub, who, world):
    world.run("update message set state = 'acknowledged'")
    journal = "select count(*) from disclosure"

    with hub.engine.connect() as connection:
        before = connection.execute(text(journal)).scalar()
    retain(hub, clock=after(years=4, days=1), dry_run=False)

    with hub.engine.connect() as connection:
        assert connection.execute(text(journal)).scalar() == before
        assert connection.execute(text("select cause from erasure")).scalars().all() == ["retention"]
    assert world.states("departement_08") == {"acknowledged": 1}
    assert {name: number for name, number in rows(hub).items() if number} == {"message": 1, "erasure": 1}


def test_what_waits_about_somebody_destroyed_does_not_leave(hub, who, world):
    retain(hub, clock=after(years=4, days=1), dry_run=False)

    assert world.states("departement_08") == {"replaced": 1}


def test_a_litigation_stops_the_clock(hub, who):
    place(hub, who, kind="litigation", author="Alix", reason="recours", now=NOW)

    done = retain(hub, clock=after(years=5), dry_run=False)

    assert (done["destroy"], done["litigation"]) == (0, 1)
    assert rows(hub)["source_version"] == 2


def test_the_work_does_not_take_one_statement_a_person(hub, world):
    from test_sharing import statements

    seen = {}
    for batch, size in ((0, 1), (1, 30)):
        people = [
            world.someone(100 * batch + number, caf=OF_CAF, departement_08=OF_DEPARTEMENT) for number in range(size)
        ]
        world.fill(*people)
        with statements(hub.engine) as executed:
            retain(hub, clock=after(years=4, days=1), dry_run=False)
        seen[size] = len(executed)

    assert seen[30] == seen[1]


def test_old_deliveries_as_received_go(hub, partners, clock):
    from hub.intake import pipeline

    partners.deposit_day(0)
    pipeline.receive(hub, hub.flow("caf_rsa"), clock=clock)
    with hub.engine.connect() as connection:
        stored = connection.execute(text("select sha256 from delivery")).scalars().all()
        assert due(hub, connection, now=clock()).raw == []

    retain(hub, clock=lambda: clock() + timedelta(days=800), dry_run=False)

    assert len(stored) == 2
    assert not any(hub.raw.holds(sha256) for sha256 in stored)
