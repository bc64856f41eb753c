"""Take the journal out: whole, line by line, for the offline verifier; or one person's entries, each with its proof."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.offline.verify_journal import LEAF, NODE
from hub.proof.checkpoints import all_checkpoints

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

CHUNK = 5000

ENTRIES = """
select position, cast(round(extract(epoch from at), 6) as text) as at, partner, person_id::text as person, agreement, purpose, fields,
       message_id::text as message, previous_hash, entry_hash
from disclosure
where cast(:persons as uuid[]) is null or person_id = any(:persons)
order by position
"""

SEALS = "select entry_hash from disclosure where position between :first and :last order by position"


def export(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every entry in order, and each checkpoint after the last entry it covers; no value of anybody, opaque ids."""
    waiting = all_checkpoints(connection)
    with connection.execute(text(ENTRIES), {"persons": None}, execution_options={"yield_per": CHUNK}) as entries:
        for row in entries:
            yield {"kind": "entry", **_entry(row)}
            while waiting and waiting[0]["last_position"] <= row.position:
                yield {"kind": "checkpoint", **waiting.pop(0)}
    for each in waiting:
        yield {"kind": "checkpoint", **each}


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "position": row.position, "at": row.at, "partner": row.partner, "person": row.person, "agreement": row.agreement,
        "purpose": row.purpose, "fields": list(row.fields), "message": row.message,
        "previous_hash": bytes(row.previous_hash).hex(), "entry_hash": bytes(row.entry_hash).hex(),
    }  # fmt: skip


def proof_of(connection: Connection, persons: Collection[UUID]) -> dict[str, Any]:
    """The entries about a person (under every id it had), each with its way to a signed checkpoint.

    Entries no checkpoint covers yet are counted under ``not_signed_yet`` and left out: sign first.
    """
    entries = [_entry(row) for row in connection.execute(text(ENTRIES), {"persons": list(persons)})]
    checkpoints = all_checkpoints(connection)
    proven, used = [], []
    for each in checkpoints:
        inside = [entry for entry in entries if each["first_position"] <= entry["position"] <= each["last_position"]]
        if inside:
            used.append(each)
            proven += _with_paths(connection, each, inside)
    return {
        "format": "hub-journal-proof-1",
        "persons": sorted(map(str, persons)),
        "entries": proven,
        "checkpoints": used,
        "not_signed_yet": len(entries) - len(proven),
    }


def _with_paths(
    connection: Connection, checkpoint: Mapping[str, Any], entries: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    first, last = checkpoint["first_position"], checkpoint["last_position"]
    seals = connection.execute(text(SEALS), {"first": first, "last": last}).scalars()
    levels = _levels([sha256(LEAF + bytes(each)).digest() for each in seals])
    return [{**each, "checkpoint": last, "path": _path(levels, each["position"] - first)} for each in entries]


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The tree from its leaves to its head; a node without a neighbour goes up as it is."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = (below[place : place + 2] for place in range(0, len(below), 2))
        levels.append([sha256(NODE + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs])
    return levels


def _path(levels: list[list[bytes]], place: int) -> list[list[str]]:
    path: list[list[str]] = []
    for level in levels[:-1]:
        neighbour = place ^ 1
        if neighbour < len(level):
            path.append(["left" if neighbour < place else "right", level[neighbour].hex()])
        place //= 2
    return path
