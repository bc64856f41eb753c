"""Killed at any moment and run again, the result is the same. ``make crash`` tries every point; these are a sample."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from crash_trials import every_name, every_point, kill_at, name_of, random_trials
from crash_world import KILLED
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.integration

SEED = 20261102
SAMPLE = 40
# What an operator, a partner or the night fills: their own tests do.
NOT_ON_THE_WAY_IN = {
    "access_log", "account", "act", "backup_key", "checkpoint", "erasure", "protection", "protection_record", "recall", "recall_message", "redaction", "release_preview", "switched_off",
    "tombstone",
}  # fmt: skip
PHASES = {"receive", "normalise", "conclude", "apply", "reconcile"}


def test_points_are_found_in_every_step_of_the_cycle(world):
    names = {name_of(point) for _, point in every_point(world)}

    assert len(names) >= 100
    assert {name.partition(":")[0] for name in names} >= PHASES
    assert {"apply: before commit", "receive: before fsync", "reconcile: after insert into person"} <= names
    assert {"receive: after the transfer", "conclude: after the judge answered", "normalise: after a chunk"} <= names


def test_every_kind_of_row_is_at_stake(world):
    empty = {table for table, rows in world.after[-1].items() if not rows}

    counted_when_large = {"matching_base", "value_rarity", "threshold_check"}
    never = {"access_token", "asked", "counted_ledger", "rate_budget", "staged_record", "sync_file"}
    assert empty == never | counted_when_large | NOT_ON_THE_WAY_IN


def test_killed_at_a_point_and_run_again_nothing_differs(world):
    draw = random.Random(SEED)
    chosen = draw.sample(every_name(world, seed=SEED), SAMPLE)

    trials = [kill_at(world, step, point) for step, point in sorted(chosen)]

    assert {trial.point: trial.difference for trial in trials if trial.difference} == {}


def test_killed_again_and_again_at_any_instant_nothing_differs(world):
    trials = list(random_trials(world, number=4, seed=SEED))

    assert sum(trial.kills for trial in trials) > 0
    assert [trial.difference for trial in trials if trial.difference] == []


def test_killed_between_two_deliveries_the_rest_of_the_scenario_is_the_same_too(world):
    trial = kill_at(world, 3, "apply: after commit #1", to_the_end=True)

    assert trial.difference == ""


def test_the_judge_does_not_outlive_whoever_asked_it(world, tmp_path):
    place = world.before(0)
    told, go = tmp_path / "told", tmp_path / "go"
    judges = []

    def kill(pid):
        while not told.exists():
            time.sleep(0.02)
        judges.extend(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        os.kill(pid, signal.SIGKILL)

    aim = "normalise: after a chunk #1"
    ended = place.run(0, meanwhile=kill, judge="", aim=aim, told=str(told), go=str(go))
    deadline = time.monotonic() + 60
    while any(_lives(pid) for pid in judges) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert ended == KILLED
    assert judges
    assert not any(_lives(pid) for pid in judges)
    place.finish(0)
    assert world.compare(place, 0) == ""
    place.remove()


def test_a_row_that_is_missing_would_be_seen(world):
    place = world.before(4)
    place.finish(4)
    engine = create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(text("delete from alarm where id = (select min(id) from alarm)"))
    engine.dispose()

    difference = world.compare(place, 4)

    assert difference.startswith("alarm: 1 rows expected, 0 found")
    place.remove()


def _lives(pid):
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
