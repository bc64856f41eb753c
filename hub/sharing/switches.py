"""The off switch of each partner: nothing is sent to it, what is queued and what is under way included, until it is on again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import text

from connectors.budget import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Engine

LOOK_EVERY = 1.0  # seconds: how long a send may go on once the switch is off

OFF = """
insert into switched_off (partner, reason, author, since) values (:partner, :reason, :author, :now)
on conflict (partner) do update set reason = excluded.reason, author = excluded.author
"""


def switch_off(connection: Connection, partner: str, *, reason: str, author: str, now: datetime) -> None:
    """Send nothing more to a partner; saying it again changes the reason."""
    connection.execute(text(OFF), {"partner": partner, "reason": reason, "author": author, "now": now})


def switch_on(connection: Connection, partner: str) -> bool:
    """Send to a partner again; whether it was off."""
    done = connection.execute(text("delete from switched_off where partner = :partner"), {"partner": partner})
    return done.rowcount > 0


def switches(connection: Connection) -> dict[str, dict[str, Any]]:
    """The partners that are off: why, by whom, since when."""
    rows = connection.execute(text("select partner, reason, author, since from switched_off order by partner"))
    return {row.partner: {"reason": row.reason, "author": row.author, "since": row.since} for row in rows}


@dataclass(kw_only=True)
class Gate:
    """Asked before every request and every block of a file; looks at the switch, and whether what was ``agreed`` when the run began
    still is, once a second. Thread-safe.
    """

    engine: Engine
    partner: str
    agreed: Callable[[], bool] = lambda: True
    monotonic: Callable[[], float] = time.monotonic
    _looked_at: float = float("-inf")
    _off: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def may_send(self) -> None:
        """Raise ``NotNow`` when the partner is switched off, or an agreement with it has ended."""
        with self._lock:
            if self.monotonic() - self._looked_at >= LOOK_EVERY:
                self._off = self._look()
                self._looked_at = self.monotonic()
        if self._off:
            raise NotNow(self._off, after=LOOK_EVERY)

    def _look(self) -> str | None:
        if not self.agreed():
            return "OUT_OF_DATES"
        with self.engine.connect() as connection:
            found = connection.execute(
                text("select exists (select from switched_off where partner = :partner)"), {"partner": self.partner}
            )
            return "SWITCHED_OFF" if found.scalar_one() else None

    def watched(self, source: IO[bytes]) -> IO[bytes]:
        """The same bytes, with the switch looked at before each block."""
        return _Watched(source, self)  # type: ignore[return-value] # what deposits read from: ``read`` alone


class _Watched:
    def __init__(self, source: IO[bytes], gate: Gate) -> None:
        self._source = source
        self._gate = gate

    def read(self, size: int = -1) -> bytes:
        self._gate.may_send()
        return self._source.read(size)
