"""One rate budget and one circuit breaker per provider, in the store: whatever the number of processes, they share them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from connectors.budget import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

AHEAD = 0.1  # seconds of the rate a process takes at once: its requests do not each cost a commit
MOST_AT_ONCE = 50
SLICE = 1.0  # seconds between two looks at the off switch while a slot is waited for
FAILURES = 10
FIRST_OPENING, LONGEST_OPENING = timedelta(seconds=30), timedelta(minutes=10)
PROBE = timedelta(seconds=60)  # a probe that says nothing for that long was killed: another may try

# After a 429 the rate is halved; it doubles again every minute.
PACE = "least(1, b.pace * power(2, coalesce(extract(epoch from clock_timestamp() - b.slowed_at), 0) / 60))"

# Slots are taken by moving the provider's next free moment forward: one statement, safe between processes. An open circuit
# gives none; once its time is over it gives one, to one process, which is the probe.
TAKE = f"""
insert into rate_budget as b (provider, next_slot_at) values (:provider, clock_timestamp() + :count * :gap)
on conflict (provider) do update
  set next_slot_at = greatest(b.next_slot_at, clock_timestamp())
        + (case when b.open_until is null then :count else 1 end) * :gap / {PACE},
      pace = {PACE}, slowed_at = case when b.slowed_at is not null then clock_timestamp() end,
      probe_until = case when b.open_until is not null then clock_timestamp() + :probe end
  where (b.open_until is null or (b.open_until <= clock_timestamp() and coalesce(b.probe_until, b.open_until) <= clock_timestamp()))
    and (cast(:longest as interval) is null or b.next_slot_at <= clock_timestamp() + :longest)
returning case when open_until is null then :count else 1 end as slots, extract(epoch from :gap) / pace as gap,
  extract(epoch from next_slot_at - clock_timestamp()) as ends_in, failures > 0 or open_until is not null as doubtful
"""  # noqa: S608 - an expression of our own

STATE = """
select open_until is not null and (open_until > clock_timestamp() or probe_until > clock_timestamp()) as open,
       greatest(extract(epoch from greatest(next_slot_at, open_until, probe_until) - clock_timestamp()), 1) as after
from rate_budget where provider = :provider
"""

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
    before every request, and raises ``NotNow`` to stop it.
    """

    engine: Engine
    provider: str
    per_second: float
    longest_wait: float | None = None
    may_send: Callable[[], None] = lambda: None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _slots: list[float] = field(default_factory=list)
    _doubtful: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self) -> None:
        """Wait for the next free slot; raises ``NotNow`` when nothing may be sent."""
        self.may_send()
        slot = self._next_slot()
        while (wait := slot - self.monotonic()) > 0:
            self.sleep(min(wait, SLICE))
            self.may_send()

    def _next_slot(self) -> float:
        with self._lock:
            if not self._slots:
                self._slots = self._take()
            return self._slots.pop(0)

    def _take(self) -> list[float]:
        longest = None if self.longest_wait is None else timedelta(seconds=self.longest_wait)
        known = {
            "provider": self.provider,
            "gap": timedelta(seconds=1 / self.per_second),
            "count": max(1, min(MOST_AT_ONCE, int(self.per_second * AHEAD))),
            "probe": PROBE,
            "longest": longest,
        }
        with self.engine.begin() as connection:
            taken = connection.execute(text(TAKE), known).first()
            now = self.monotonic()
            if taken is None:
                raise self._not_now(connection.execute(text(STATE), {"provider": self.provider}).one())
        self._doubtful = taken.doubtful
        gap, end = float(taken.gap), now + float(taken.ends_in)
        return [end - gap * left for left in range(taken.slots, 0, -1)]

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
