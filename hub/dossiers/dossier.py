"""The dossier: the consolidated view of a person, derived; dropped and rebuilt, it is the same."""

from __future__ import annotations

from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.dossiers.survivorship import Word, consolidate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

CHUNK = 2000

WORDS = """
select l.person_id, r.id as record, r.partner, r.flow, r.as_of, r.delivery_id, v.content
from link l
join source_record r on r.id = l.source_record_id and r.left_on is null
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.superseded_at is null and l.person_id = any(:persons)
order by l.person_id, r.id
"""

KEEP = """
insert into dossier (person_id, content, content_hash, updated_at)
select person, content, decode(hash, 'hex'), :now
from jsonb_to_recordset(cast(:built as jsonb)) d(person uuid, content jsonb, hash text)
on conflict (person_id) do update
set content = excluded.content, content_hash = excluded.content_hash, updated_at = excluded.updated_at
"""


def rebuild(connection: Connection, persons: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Derive the dossiers of some persons again, in chunks; returns those whose dossier changed."""
    changed: set[UUID] = set()
    ordered = sorted(persons)
    for start in range(0, len(ordered), CHUNK):
        changed |= _rebuild_chunk(connection, ordered[start : start + CHUNK], now)
    return changed


def _rebuild_chunk(connection: Connection, persons: list[UUID], now: datetime) -> set[UUID]:
    known = {
        row.person_id: bytes(row.content_hash)
        for row in connection.execute(
            text("select person_id, content_hash from dossier where person_id = any(:persons)"), {"persons": persons}
        )
    }
    built = dict(_build(connection, persons))
    changed = {person: content for person, content in built.items() if known.get(person) != _hash(content)}
    gone = known.keys() - built.keys()
    if changed:
        kept = [
            {"person": person, "content": orjson.Fragment(content), "hash": _hash(content).hex()}
            for person, content in changed.items()
        ]
        connection.execute(text(KEEP), {"built": orjson.dumps(kept).decode(), "now": now})
    if gone:
        connection.execute(text("delete from dossier where person_id = any(:gone)"), {"gone": list(gone)})
    return changed.keys() | gone


def _build(connection: Connection, persons: list[UUID]) -> Iterator[tuple[UUID, bytes]]:
    rows: Iterable[Row[Any]] = connection.execute(text(WORDS), {"persons": persons})
    for person, said in groupby(rows, key=lambda row: row.person_id):
        content = consolidate([_word(row) for row in said])
        yield person, orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _word(row: Row[Any]) -> Word:
    return Word(
        record=row.record,
        partner=row.partner,
        flow=row.flow,
        as_of=row.as_of.isoformat(),
        delivery=row.delivery_id,
        certified=row.content.get("identity.certified") is True,
        content=row.content,
    )


def _hash(content: bytes) -> bytes:
    return sha256(content).digest()
