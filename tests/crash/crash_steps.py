"""The steps of the kill harness, run in a child process with the functions the DAGs call; each may be run again."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the scenario: what it is called, which day's deliveries it sees, what it does."""

    name: str
    day: int
    do: Callable[[], object]


def clock_of(number: int, skew: timedelta = timedelta()) -> Callable[[], datetime]:
    """A clock that starts a step at the same instant whenever it is run, and goes a second further at each look."""
    ticks = itertools.count()
    return lambda: START + skew + timedelta(hours=number, seconds=next(ticks))


def receive(*flows: str) -> Callable[[], None]:
    def do() -> None:
        from hub.steps import receive_step, settle_step

        for flow in flows:
            settle_step(receive_step(flow))

    return do


def reconcile() -> None:
    from hub.steps import reconcile_step

    reconcile_step()


def release() -> None:
    """An operator lets the held delivery through; the next look at the flow settles it whoever died meanwhile."""
    from hub import steps
    from hub.intake import held
    from hub.opening import open_hub

    hub = open_hub()
    with hub.engine.connect() as connection:
        waiting = connection.scalars(text("select id from delivery where state = 'held'")).all()
    for number in waiting:
        held.release(hub, number, author="a.dupont", now=steps.clock())
    receive("caf_rsa")()


def decide() -> None:
    """An operator decides a doubtful pair; said twice it is refused the second time, and nothing changes."""
    from hub import steps
    from hub.opening import open_hub
    from hub.people import reviews

    hub = open_hub()
    with hub.engine.connect() as connection:
        first = connection.scalar(text("select min(id) from review_case"))
    with suppress(FixTheDeclaration):
        reviews.decide(hub, first, verdict="same", author="a.dupont", reason=None, now=steps.clock())


STEPS = (
    Step(name="receive the monthly picture", day=0, do=receive("caf_rsa")),
    Step(name="receive the départements", day=0, do=receive("departement_pivot", "departement_webrsa")),
    Step(name="reconcile the first day", day=0, do=reconcile),
    Step(name="receive the daily changes", day=1, do=receive("caf_rsa")),
    Step(name="receive the others", day=1, do=receive("departement_webrsa", "pole_emploi_extrait")),
    Step(name="reconcile the second day", day=1, do=reconcile),
    Step(name="receive what is held", day=2, do=receive("caf_rsa", "departement_pivot")),
    Step(name="release what is held", day=2, do=release),
    Step(name="decide a doubtful pair", day=2, do=decide),
    Step(name="reconcile the third day", day=2, do=reconcile),
)
