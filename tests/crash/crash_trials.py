"""Trials: kill a child somewhere, run it again until it ends, compare with the run nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crash_steps import STEPS
from crash_world import KILLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crash_world import Place, World

ATTEMPTS = 12


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Where a child was killed, how often, and what came of it: ``difference`` is empty when all is identical."""

    step: int
    point: str
    kills: int
    seconds: float
    difference: str


def name_of(point: str) -> str:
    """A point without which time it was passed."""
    return point.rpartition(" #")[0]


def every_point(world: World) -> list[tuple[int, str]]:
    return [(step, point) for step, points in enumerate(world.points) for point in points]


def every_name(world: World, *, seed: int) -> list[tuple[int, str]]:
    """One place, drawn by the seed, for each different name."""
    draw = random.Random(seed)
    places = every_point(world)
    draw.shuffle(places)
    return sorted({name_of(point): (step, point) for step, point in places}.values())


def kill_at(world: World, step: int, point: str, *, to_the_end: bool = False) -> Trial:
    """Kill the child at a named point, from inside; then let it be."""
    place, started = world.before(step), time.monotonic()
    ended = place.run(step, aim=point)
    if ended != KILLED:
        raise AssertionError(f"{STEPS[step].name}, {point}: the child was not killed there (it ended with {ended})")
    return _let_it_end(world, place, step=step, point=point, kills=1, started=started, to_the_end=to_the_end)


def kill_at_random(world: World, step: int, *, draw: random.Random) -> Trial:
    """Kill the child again and again from outside, each time at an instant drawn; then let it be."""
    place, started = world.before(step), time.monotonic()
    kills = 0
    for _ in range(draw.randint(1, 4)):
        after = draw.uniform(0, min(world.seconds[step], 2.0))
        if place.run(step, meanwhile=_killer(after)) != KILLED:
            break
        kills += 1
    return _let_it_end(
        world, place, step=step, point="a random instant", kills=kills, started=started, to_the_end=False
    )


def random_trials(world: World, *, number: int, seed: int) -> Iterator[Trial]:
    draw = random.Random(seed)
    for _ in range(number):
        yield kill_at_random(world, draw.randrange(len(STEPS)), draw=draw)


def _killer(after: float) -> Callable[[int], None]:
    def kill(pid: int) -> None:
        time.sleep(after)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    return kill


def _let_it_end(
    world: World, place: Place, *, step: int, point: str, kills: int, started: float, to_the_end: bool
) -> Trial:
    last = len(STEPS) - 1 if to_the_end else step
    try:
        for each in range(step, last + 1):
            place.finish(each)
        difference = world.compare(place, last)
    except AssertionError as error:
        difference = str(error)
    place.remove()
    return Trial(step=step, point=point, kills=kills, seconds=time.monotonic() - started, difference=difference)
