"""What is asked of France Travail, and what it answers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping

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
