"""The bad days of the pretend France Travail: off by default, and the same for the same seed."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FtFaults:
    """Each ``*_every`` is a number of API requests: one in so many gets that fault (1: all of them).

    ``retry_after`` is sent as it is: seconds, or an HTTP date. ``slow_seconds`` is how long a slow answer takes.
    ``forget_tokens_every`` ends every access token and every user token at once.
    """

    seed: int = 0
    rate_limit_every: int | None = None
    retry_after: str = "1"
    unavailable_every: int | None = None
    non_json_502_every: int | None = None
    non_json_200_every: int | None = None
    double_encoded_every: int | None = None
    forget_tokens_every: int | None = None
    slow_every: int | None = None
    slow_seconds: float = 0.5


class Script:
    """Counts requests and says which fault is due; the seed shifts where each one falls."""

    def __init__(self, faults: FtFaults) -> None:
        self.faults = faults
        self._shift = random.Random(faults.seed).randrange(1_000_000) if faults.seed else 0
        self._requests = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """The number of this request, from 1."""
        with self._lock:
            self._requests += 1
            return self._requests

    def due(self, every: int | None, request: int) -> bool:
        return every is not None and (request + self._shift) % every == 0
