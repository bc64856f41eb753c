"""One rate budget and one circuit breaker per provider, in the store: whatever the number of processes, they share them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import text

from connectors.budget import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

AHEAD = 0.1  # seconds of the rate a process takes at once: its requests do not each cost a commit
MOST_AT_ONCE = 50
MARGIN, LATE = (
    0.95,
    0.05,
)  # so much of the rate is given out, and a slot may be used that many seconds late: any second holds the rate
SLICE = 1.0  # seconds between two looks at the off switch while a slot is waited for
FAILURES = 10
FIRST_OPENING, LONGEST_OPENING = timedelta(seconds=30), timedelta(minutes=10)
PROBE = timedelta(seconds=60)  # a probe that says nothing for that long was killed: another may try

# After a 429 the rate is halved; it doubles again every minute.
PACE = "least(1, b.pace * power(2, coalesce(extract(epoch from clock_timestamp() - b.slowed_at), 0) / 60))"

# When a use may take slots again: it holds no more than one more batch ahead of now, so that another use, however few its
# requests, finds its own soon after.
TURN = "coalesce(cast(b.turns ->> :use as timestamptz), '-infinity') - :count * :gap / b.pace"

# Slots are taken by moving the provider's next free moment forward: one statement, safe between processes. An open circuit
# gives none; once its time is over it gives one, to one process, which is the probe.
TAKE = f"""
insert into rate_budget as b (provider, next_slot_at, turns)
values (:provider, clock_timestamp() + :count * :gap, jsonb_build_object(cast(:use as text), clock_timestamp() + :count * :gap))
on conflict (provider) do update
  set next_slot_at = greatest(b.next_slot_at, clock_timestamp())
        + (case when b.open_until is null then :count else 1 end) * :gap / {PACE},
      turns = b.turns || jsonb_build_object(cast(:use as text), greatest(b.next_slot_at, clock_timestamp())
        + (case when b.open_until is null then :count else 1 end) * :gap / {PACE}),
      pace = {PACE}, slowed_at = case when b.slowed_at is not null then clock_timestamp() end,
      probe_until = case when b.open_until is not null then clock_timestamp() + :probe end
  where (b.open_until is null or (b.open_until <= clock_timestamp() and coalesce(b.probe_until, b.open_until) <= clock_timestamp()))
    and (cast(:longest as interval) is null or b.next_slot_at <= clock_timestamp() + :longest)
    and {TURN} <= clock_timestamp()
returning case when open_until is null then :count else 1 end as slots, extract(epoch from :gap) / pace as gap,
  extract(epoch from next_slot_at - clock_timestamp()) as ends_in, failures > 0 or open_until is not null as doubtful
"""  # noqa: S608 - an expression of our own

STATE = f"""
select open_until is not null and (open_until > clock_timestamp() or probe_until > clock_timestamp()) as open,
       cast(:longest as interval) is not null and next_slot_at > clock_timestamp() + :longest as paused,
       greatest(extract(epoch from greatest(next_slot_at, open_until, probe_until) - clock_timestamp()), 1) as after,
       greatest(extract(epoch from {TURN} - clock_timestamp()), 0) as turn_in
from rate_budget b where provider = :provider
"""  # noqa: S608 - an expression of our own

# Requests that were under way together hear of the same trouble: it slows the rate down once.
SLOW_DOWN = f"""
insert into rate_budget as b (provider, next_slot_at, pace, slowed_at)
values (:provider, clock_timestamp() + :pause, 0.5, clock_timestamp())
on conflict (provider) do update
  set next_slot_at = greatest(b.next_slot_at, clock_timestamp() + :pause),
      pace = case when b.slowed_at > clock_timestamp() - interval '1 second' and b.pace <= 0.5 then b.pace
                  else greatest({PACE} / 2, 1 / 64.0) end,
      slowed_at = clock_timestamp()
"""  # noqa: S608 - an expression of our own

ANSWERED = """
update rate_budget set failures = 0, openings = 0, open_until = null, probe_until = null
where provider = :provider and (failures > 0 or open_until is not null)
"""

# It opens after so many failures in a row, or when the probe fails; those who fail once it is open do not open it again.
OPENS = "((b.open_until is null and b.failures + 1 >= :most) or b.open_until <= clock_timestamp())"
UNANSWERED = f"""
insert into rate_budget as b (provider, next_slot_at, failures) values (:provider, clock_timestamp(), 1)
on conflict (provider) do update
  set failures = b.failures + 1,
      openings = b.openings + (case when {OPENS} then 1 else 0 end),
      open_until = case when {OPENS} then clock_timestamp() + least(:first * power(2, b.openings), :longest) else b.open_until end,
      probe_until = case when {OPENS} then null else b.probe_until end
"""  # noqa: S608 - an expression of our own


HEALTH = f"""
select failures, openings, coalesce(open_until > clock_timestamp(), false) as open, {PACE} as pace
from rate_budget b where provider = :provider
"""  # noqa: S608 - an expression of our own


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a provider is: calls in a row nobody answered, whether its circuit is open, the share of its rate in use."""

    failures: int
    openings: int
    open: bool
    pace: float


@dataclass(kw_only=True)
class SharedBudget:
    """Requests per second allowed to one provider, whatever the number of processes; thread-safe.

    ``longest_wait`` (seconds) is how long a slot may be waited for: a longer pause is ``NotNow``. ``may_send`` is asked
    before every request, and raises ``NotNow`` to stop it. Each ``use`` of the provider has its turn, however much another asks.
    """

    engine: Engine
    provider: str
    per_second: float
    longest_wait: float | None = None
    use: Literal["ask", "send"] = "send"
    may_send: Callable[[], None] = lambda: None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _slots: list[float] = field(default_factory=list)
    _batch: int = MOST_AT_ONCE
    _missed: int = 0
    _doubtful: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self) -> None:
        """Wait for the next free slot; raises ``NotNow`` when nothing may be sent."""
        self.may_send()
        while not self._come(self._next_slot()):
            self._missed += 1

    def _come(self, slot: float) -> bool:
        """Wait for a slot; whether it can still be used: one missed is let go, for others have gone on meanwhile."""
        while (wait := slot - self.monotonic()) > 0:
            self.sleep(min(wait, SLICE))
            self.may_send()
        return self._doubtful or self.monotonic() - slot <= LATE

    def _next_slot(self) -> float:
        with self._lock:
            while not self._slots:
                self._slots, turn_in = self._take()
                if not self._slots:
                    self.sleep(min(max(turn_in, 0.001), SLICE))
                    self.may_send()
            return self._slots.pop(0)

    def _take(self) -> tuple[list[float], float]:
        """The next slots, or in how many seconds it is this use's turn; raises ``NotNow`` when there are none now."""
        longest = None if self.longest_wait is None else timedelta(seconds=self.longest_wait)
        known = {
            "provider": self.provider,
            "use": self.use,
            "gap": timedelta(seconds=1 / (self.per_second * MARGIN)),
            "count": self._count(),
            "probe": PROBE,
            "longest": longest,
        }
        with self.engine.begin() as connection:
            taken = connection.execute(text(TAKE), known).first()
            now = self.monotonic()
            if taken is None:
                state = connection.execute(text(STATE), known).one()
                if state.open or state.paused:
                    raise self._not_now(state)
                return [], float(state.turn_in)
        self._doubtful = taken.doubtful
        gap, end = float(taken.gap), now + float(taken.ends_in)
        return [end - gap * left for left in range(taken.slots, 0, -1)], 0.0

    def _count(self) -> int:
        """How many slots to take at once: as many as were not missed of the last ones, then more again."""
        most = max(1, min(MOST_AT_ONCE, int(self.per_second * AHEAD)))
        self._batch = max(1, min(most, self._batch - self._missed if self._missed else 2 * self._batch))
        self._missed = 0
        return self._batch

    @staticmethod
    def _not_now(state: Any) -> NotNow:
        return NotNow("CIRCUIT_OPEN" if state.open else "PAUSED", after=float(state.after))

    def slow_down(self, seconds: float) -> None:
        """Nobody asks before ``seconds`` have passed, then half as fast: the provider said so."""
        known = {"provider": self.provider, "pause": timedelta(seconds=seconds)}
        with self._lock:
            self._slots = []
        with self.engine.begin() as connection:
            connection.execute(text(SLOW_DOWN), known)

    def heard(self, *, answered: bool) -> None:
        """Close the circuit, or count towards opening it."""
        if answered and not self._doubtful:
            return
        if not answered:
            with self._lock:
                self._slots = []
        with self.engine.begin() as connection:
            if answered:
                connection.execute(text(ANSWERED), {"provider": self.provider})
            else:
                known = {
                    "provider": self.provider,
                    "most": FAILURES,
                    "first": FIRST_OPENING,
                    "longest": LONGEST_OPENING,
                }
                connection.execute(text(UNANSWERED), known)
        self._doubtful = not answered


def close_circuit(connection: Connection, provider: str) -> None:
    """Try the provider again at once: somebody says that it answers."""
    connection.execute(text(ANSWERED), {"provider": provider})


def health(engine: Engine, provider: str) -> Health:
    """How a provider is, as every process sees it."""
    with engine.connect() as connection:
        row = connection.execute(text(HEALTH), {"provider": provider}).first()
    if row is None:
        return Health(failures=0, openings=0, open=False, pace=1.0)
    return Health(failures=row.failures, openings=row.openings, open=row.open, pace=float(row.pace))
