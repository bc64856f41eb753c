"""One rate budget and one circuit for every process: real processes, real time."""

from __future__ import annotations

import time

import pytest
from outbox_world import OutboxWorld, said
from sqlalchemy import text

from connectors.budget import NotNow
from hub.sharing.budget import FAILURES, SharedBudget, close_circuit, health

pytestmark = pytest.mark.integration


@pytest.fixture
def world(tmp_path, database_url):
    opened = OutboxWorld(tmp_path / "hub", database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def budget(world):
    return SharedBudget(engine=world.engine, provider="essai", per_second=200, longest_wait=2.0)


def later(world, seconds):
    """That many seconds pass, for the provider's own moments."""
    world.rows(
        "update rate_budget set next_slot_at = next_slot_at - make_interval(secs => :s), "
        "open_until = open_until - make_interval(secs => :s), probe_until = probe_until - make_interval(secs => :s), "
        "slowed_at = slowed_at - make_interval(secs => :s)",
        s=seconds,
    )


def test_three_processes_together_keep_to_the_rate_of_one(world):
    workers = [world.worker("slots", 40, 80) for _ in range(3)]
    each = [said(worker) for worker in workers]
    taken = sorted(moment for mine in each for moment in mine)

    gaps = [taken[place + 40] - taken[place] for place in range(len(taken) - 40)]
    assert min(gaps) > 0.9  # 40 in any second, but for the scheduler's own lateness
    assert taken[-1] - taken[0] < 1.5 * len(taken) / 40
    shared = [mine for mine in each if mine[0] < taken[len(taken) // 2]]
    assert len(shared) >= 2  # nobody waits until another has done


def test_a_pause_the_provider_asks_for_holds_for_everybody_and_then_the_rate_is_halved(world, budget):
    other = SharedBudget(engine=world.engine, provider="essai", per_second=200, longest_wait=2.0)
    budget.acquire()
    budget.slow_down(60)
    budget.slow_down(60)

    with pytest.raises(NotNow, match="PAUSED") as refused:
        other.acquire()
    assert 55 < refused.value.after <= 61
    assert health(world.engine, "essai").pace == pytest.approx(0.5, abs=0.01)

    later(world, 60)
    other.acquire()
    assert health(world.engine, "essai").pace == pytest.approx(1.0, abs=0.05)  # a minute later it is whole again


def test_a_circuit_opens_after_failures_in_a_row_and_lets_one_probe_through(world, budget):
    other = SharedBudget(engine=world.engine, provider="essai", per_second=200)
    for _ in range(FAILURES):
        budget.acquire()
        budget.heard(answered=False)
    for each in (budget, other):
        with pytest.raises(NotNow, match="CIRCUIT_OPEN"):
            each.acquire()

    later(world, 31)
    other.acquire()
    with pytest.raises(NotNow, match="CIRCUIT_OPEN"):
        budget.acquire()  # the probe is under way
    other.heard(answered=False)
    assert health(world.engine, "essai").openings == 2
    later(world, 31)
    with pytest.raises(NotNow, match="CIRCUIT_OPEN"):
        budget.acquire()  # twice as long the second time

    later(world, 31)
    budget.acquire()
    budget.heard(answered=True)
    other.acquire()
    assert health(world.engine, "essai") == health(world.engine, "personne")


def test_a_probe_that_was_killed_does_not_close_the_door_for_ever(world, budget):
    for _ in range(FAILURES):
        budget.heard(answered=False)
    later(world, 31)
    budget.acquire()

    later(world, 61)
    budget.acquire()


def test_an_answer_in_between_starts_the_count_again(world, budget):
    for _ in range(3):
        for _ in range(FAILURES - 1):
            budget.heard(answered=False)
        budget.heard(answered=True)

    budget.acquire()


def test_somebody_who_knows_better_closes_the_circuit(world, budget):
    for _ in range(FAILURES):
        budget.heard(answered=False)
    with world.engine.begin() as connection:
        close_circuit(connection, "essai")

    budget.acquire()


def test_slots_do_not_each_cost_a_commit(world):
    budget = SharedBudget(engine=world.engine, provider="essai", per_second=1000)
    began = time.monotonic()
    with world.engine.connect() as connection:
        before = connection.execute(text("select xact_commit from pg_stat_database where datname = current_database()"))
        first = before.scalar_one()
    for _ in range(300):
        budget.acquire()
    assert 0.2 < time.monotonic() - began < 3
    assert first >= 0
    with world.engine.connect() as connection:
        moved = connection.execute(
            text("select next_slot_at - now() from rate_budget where provider = 'essai'")
        ).scalar_one()
    assert moved.total_seconds() < 0.2


def test_a_slot_that_was_missed_is_not_used_beside_those_of_others(world):
    """Somebody who is kept from its slots takes others when it comes back: the rate is that of the clock, not of those who wait."""
    passed = [0.0]

    def monotonic():
        return time.monotonic() + passed[0]

    kept = SharedBudget(engine=world.engine, provider="essai", per_second=100, monotonic=monotonic)
    kept.acquire()
    held = list(kept._slots)
    passed[0] = 1.0  # it was kept for a second: as many slots went by as it held
    kept.acquire()

    assert held
    assert not set(held) & set(kept._slots)
    assert kept._count() < 10  # it missed some: fewer are taken at once


# --- each use in its turn -----------------------------------------------------------------------------------------


def test_whoever_asks_a_lot_leaves_whoever_sends_its_half(world):
    asking = [world.worker("slots", 40, 120, "ask", 5) for _ in range(2)]
    sending = world.worker("slots", 40, 60, "send", 1)
    sent = said(sending)
    asked = sorted(moment for worker in asking for moment in said(worker))

    meanwhile = [moment for moment in asked if sent[5] <= moment <= sent[-1]]
    assert (
        0.4 < len(sent[5:]) / (len(sent[5:]) + len(meanwhile)) < 0.7
    )  # who asks comes late to its slots where processors are few
    taken = sorted([*asked, *sent])
    gaps = [taken[place + 40] - taken[place] for place in range(len(taken) - 40)]
    assert min(gaps) > 0.75  # together they keep to the rate of one


def test_at_a_low_rate_a_crowd_that_asks_does_not_keep_a_message_from_its_slot(world):
    asking = world.worker("slots", 2, 30, "ask", 10)
    until_taken(world, "essai")
    budget = SharedBudget(engine=world.engine, provider="essai", per_second=2, longest_wait=5.0)

    waits = []
    for _ in range(3):
        began = time.monotonic()
        budget.acquire()
        waits.append(time.monotonic() - began)

    assert max(waits) < 3
    assert len(said(asking)) == 30


def test_alone_a_use_has_the_whole_rate(world):
    budget = SharedBudget(engine=world.engine, provider="essai", per_second=400, use="ask")
    began = time.monotonic()
    for _ in range(200):
        budget.acquire()

    assert time.monotonic() - began < 1.5 * 200 / 400


def until_taken(world, provider):
    limit = time.monotonic() + 60
    with world.engine.connect() as connection:
        while not connection.execute(
            text("select count(*) from rate_budget where provider = :p"), {"p": provider}
        ).scalar_one():
            connection.rollback()
            assert time.monotonic() < limit
            time.sleep(0.02)
