"""The rate every process that speaks to a provider shares, and how it says that this is not the moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from schemas.errors import TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Callable


class NotNow(TryAgainLater):
    """Nothing was sent: the provider asked for a pause, its circuit is open, an operator switched it off, or an agreement has ended.

    ``code`` is ``PAUSED``, ``CIRCUIT_OPEN``, ``SWITCHED_OFF`` or ``OUT_OF_DATES``; ``after`` is how long to wait, in seconds.
    """

    def __init__(self, code: str, *, after: float) -> None:
        super().__init__(f"Nothing may be sent for {after:.0f} s ({code}).")
        self.code = code
        self.after = after


class Budget(Protocol):
    """The rate every process that speaks to the provider shares, and what they learnt of its health."""

    def acquire(self) -> None:
        """Return when one request may leave; raises ``NotNow`` when none may."""
        ...

    def slow_down(self, seconds: float) -> None:
        """Let nobody ask for that long: the provider said so."""
        ...

    def heard(self, *, answered: bool) -> None:
        """Note that a request was answered, or that nobody answered it."""
        ...


class MemoryBudget:
    """A budget for a single process: at most ``per_second`` requests, evenly spaced."""

    def __init__(self, *, per_second: float, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._gap = 1 / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def acquire(self) -> None:
        with self._lock:
            now = self._monotonic()
            slot = max(self._next, now)
            self._next = slot + self._gap
        if slot > now:
            self._sleep(slot - now)

    def slow_down(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, self._monotonic() + seconds)

    def heard(self, *, answered: bool) -> None:
        """A process alone has nobody to tell."""
