"""Giving way: a transaction that will be rolled back anyway is ended as soon as it keeps anybody waiting, or lasts too long."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

from schemas.errors import TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

LOOK_EVERY = 0.25  # seconds

# Whatever it holds, locks of ours or rows: the server knows who waits for whom.
KEEPS_WAITING = """
select exists (select from pg_stat_activity where wait_event_type = 'Lock' and :backend = any(pg_blocking_pids(pid)))
"""


class GaveWay(TryAgainLater):
    """Others had to work meanwhile: it was stopped, and nothing was changed. Ask again at a quieter time."""


class TooLong(TryAgainLater):
    """It took longer than it may: it was stopped, and nothing was changed."""


@contextmanager
def giving_way(engine: Engine, connection: Connection, *, longest: float, patience: float) -> Iterator[None]:
    """What runs inside on ``connection`` ends within ``longest`` seconds, and ``patience`` after somebody began to wait for it.

    The server ends the session from its side, so that locks are free at once whatever the program is doing. Raises ``GaveWay``
    or ``TooLong``.
    """
    backend: int = connection.execute(text("select pg_backend_pid()")).scalar_one()
    watch = _Watch(engine, backend, longest=longest, patience=patience)
    watch.start()
    try:
        yield
    except Exception:
        if watch.why is not None:
            connection.invalidate()
            raise watch.why from None
        raise
    finally:
        watch.over.set()
        watch.join()


class _Watch(threading.Thread):
    def __init__(self, engine: Engine, backend: int, *, longest: float, patience: float) -> None:
        super().__init__(name="giving-way", daemon=True)
        self.over = threading.Event()
        self.why: TryAgainLater | None = None
        self._engine, self._backend = engine, backend
        self._until, self._patience = time.monotonic() + longest, patience

    def run(self) -> None:
        waited_since: float | None = None
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not self.over.wait(LOOK_EVERY):
                now = time.monotonic()
                waits = connection.execute(text(KEEPS_WAITING), {"backend": self._backend}).scalar_one()
                waited_since = (waited_since or now) if waits else None
                if waited_since is not None and now - waited_since >= self._patience:
                    self.why = GaveWay()
                elif now >= self._until:
                    self.why = TooLong()
                if self.why is not None:
                    connection.execute(text("select pg_terminate_backend(:backend)"), {"backend": self._backend})
                    return
