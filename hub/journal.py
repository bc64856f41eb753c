"""The journal of disclosures: append-only, each entry sealed by the one before."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.store import copy_rows, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

GENESIS = bytes(32)
CHUNK = 5000
COPY = """
copy disclosure (position, at, partner, person_id, agreement, purpose, fields, message_id, previous_hash, entry_hash)
from stdin
"""
ENTRIES = """
select position, extract(epoch from at) as at, partner, person_id::text as person, agreement, purpose, fields,
       message_id::text as message, previous_hash, entry_hash
from disclosure order by position
"""
# The chain cannot miss its own last entries; the messages do: each was written with its entry, in one transaction.
UNTOLD = """
select exists (select from message m where not exists (select from disclosure d where d.message_id = m.id))
"""
END_MISSING = "un message n'a pas son entrée : la fin du journal manque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Who received which fields about whom, under which agreement, when, in which message."""

    at: datetime
    partner: str
    person_id: UUID
    agreement: str
    purpose: str
    fields: Sequence[str]
    message_id: UUID


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What recomputing the chain showed; ``first_bad`` names the first entry that does not hold."""

    entries: int
    first_bad: int | None = None
    reason: str | None = None


def append(connection: Connection, entries: Sequence[Disclosure]) -> None:
    """Add entries to the chain, in the caller's transaction; two writers take turns."""
    if not entries:
        return
    take_lock(connection, "journal")
    last = connection.execute(
        text("select position, entry_hash from disclosure order by position desc limit 1")
    ).first()
    position, previous = (last.position, bytes(last.entry_hash)) if last else (0, GENESIS)
    copy_rows(connection, COPY, _chain(entries, position, previous))


def _chain(entries: Sequence[Disclosure], position: int, previous: bytes) -> Iterator[tuple[Any, ...]]:
    for entry in entries:
        position += 1
        sealed = _seal(
            previous, position, f"{entry.at.timestamp():.6f}", entry.partner, str(entry.person_id), entry.agreement,
            entry.purpose, list(entry.fields), str(entry.message_id),
        )  # fmt: skip
        yield (
            position, entry.at, entry.partner, entry.person_id, entry.agreement, entry.purpose, list(entry.fields),
            entry.message_id, previous, sealed,
        )  # fmt: skip
        previous = sealed


def _seal(previous: bytes, *parts: object) -> bytes:
    return sha256(previous + orjson.dumps(parts)).digest()


def verify(connection: Connection) -> Verified:
    """Recompute every entry; a change, a deletion, an insertion or a swap shows at the first entry it touches."""
    previous, count = GENESIS, 0
    with connection.execute(text(ENTRIES), execution_options={"yield_per": CHUNK}) as entries:
        for row in entries:
            reason = _fault(row, count + 1, previous)
            if reason is not None:
                return Verified(entries=count, first_bad=count + 1, reason=reason)
            previous, count = bytes(row.entry_hash), count + 1
    if connection.execute(text(UNTOLD)).scalar_one():
        return Verified(entries=count, first_bad=count + 1, reason=END_MISSING)
    return Verified(entries=count)


def _fault(row: Any, expected: int, previous: bytes) -> str | None:
    if row.position != expected:
        return "entrée absente ou déplacée"
    if bytes(row.previous_hash) != previous:
        return "l'entrée précédente n'est pas celle qui a été scellée"
    sealed = _seal(
        previous, row.position, f"{float(row.at):.6f}", row.partner, row.person, row.agreement, row.purpose,
        list(row.fields), row.message,
    )  # fmt: skip
    return None if sealed == bytes(row.entry_hash) else "entrée modifiée"
