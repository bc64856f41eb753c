"""What is asked of France Travail, what it answers, and the shared budget every request is taken from."""

from __future__ import annotations

import threading
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Finding = Literal["found", "nobody", "several", "not_entitled", "bad_input", "unavailable", "unusable"]


@dataclass(frozen=True, kw_only=True)
class Query:
    """One person to look for. ``key`` is the caller's opaque name of the person: it may be shown, nothing else may."""

    key: str
    nir: str | None = field(default=None, repr=False)
    birth_date: str | None = field(default=None, repr=False)
    france_travail_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one query.

    ``body`` is present when somebody was found: ``recherche``, ``administratif``, ``contrat`` and ``orientation`` as
    France Travail wrote them, without the user token, ``None`` where it has nothing. ``code`` is its return code, or
    ours (``HTTP_404``, ``UNREACHABLE``, ``UNREADABLE``, ``NO_IDENTIFIER``, ``NO_USER_TOKEN``, ``NOT_ASKED``).
    """

    key: str
    code: str
    outcome: Finding
    body: dict[str, Any] | None = field(default=None, repr=False)
    repairs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one message: ``retry`` says whether sending it again, unchanged, can ever succeed."""

    accepted: bool
    retry: bool
    code: str
    message_fr: str
    provider_id: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Who asks, in France Travail's access log: ``BATCH`` and a job's name, or the professional who asked."""

    identifier: str = "BATCH"
    last_name: str = "SYNCHRO"
    first_name: str = "HUB"

    def headers(self) -> dict[str, str]:
        """The three mandatory headers; raises ``FixTheDeclaration`` when one would be empty or hold ``|``."""
        given = {
            "pa-identifiant-agent": self.identifier,
            "pa-nom-agent": self.last_name,
            "pa-prenom-agent": self.first_name,
        }
        headers = {name: _plain(value) for name, value in given.items()}
        wrong = [name for name, value in headers.items() if not value or "|" in value or not value.isprintable()]
        if wrong:
            raise FixTheDeclaration(f"France Travail refuses an agent name that is empty or holds '|': {wrong}.")
        return headers


def _plain(text: str) -> str:
    """A header travels in ASCII: accents are dropped, not the letters."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").strip()


class Budget(Protocol):
    """The rate every process that speaks to the provider shares."""

    def acquire(self) -> None:
        """Return when one request may leave."""
        ...

    def slow_down(self, seconds: float) -> None:
        """Let nobody ask for that long: the provider said so."""
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
