"""Disclosures: the entries of the journal, append-only, each sealed by the one before. ``hub.sharing.journal`` verifies them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.storage.store import copy_rows, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

GENESIS = bytes(32)
COPY = """
copy disclosure (position, at, partner, person_id, agreement, purpose, fields, message_id, previous_hash, entry_hash)
from stdin
"""


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
        sealed = seal(
            previous, position, f"{entry.at.timestamp():.6f}", entry.partner, str(entry.person_id), entry.agreement,
            entry.purpose, list(entry.fields), str(entry.message_id),
        )  # fmt: skip
        yield (
            position, entry.at, entry.partner, entry.person_id, entry.agreement, entry.purpose, list(entry.fields),
            entry.message_id, previous, sealed,
        )  # fmt: skip
        previous = sealed


def seal(previous: bytes, *parts: object) -> bytes:
    """The hash of an entry: of the one before, and of what it says."""
    return sha256(previous + orjson.dumps(parts)).digest()
