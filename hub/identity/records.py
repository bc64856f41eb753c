"""The records to match: their keys refreshed in sets, and which of them are in question again."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.identity.standardise import Keys, keys_of
from hub.store import upsert_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import Connection, Row

COLUMNS = tuple(field.name for field in fields(Keys))
CHUNK = 5000

TO_MATCH = """
select r.id, r.flow, r.partner, r.nir_hash, v.content
from source_record r join source_version v on v.source_record_id = r.id and v.version = r.version
where (r.to_match or :full) and not r.withdrawn
order by r.id
"""

KNOWN = f"select {', '.join(COLUMNS)} from source_identity where source_record_id = any(:records)"  # noqa: S608 - our columns

LINKED = """
select l.source_record_id as record, l.person_id as person, p.created_at
from link l join person p on p.id = l.person_id
where l.superseded_at is null and l.source_record_id = any(:records)
"""

SAME_PERSON = """
select l.source_record_id as record from link l
where l.superseded_at is null
  and l.person_id in (select person_id from link where superseded_at is null and source_record_id = any(:records))
"""

DECIDED = """
select source_record_id as record from source_identity
where source_record_id = any(:records)
  and exists (select from decision d where d.superseded_at is null and source_record_id in (d.record_a, d.record_b))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A record that belonged to one person and belongs to another now."""

    record: int
    old: UUID
    new: UUID


def refresh_keys(connection: Connection, *, full: bool) -> tuple[list[int], list[int]]:
    """Recompute the keys of records new or changed (``full``: of all).

    Returns their ids, and the ids of those in question: never linked, or with other keys than before, or with a human
    decision to apply.
    """
    seen: list[int] = []
    in_question: list[int] = []
    with connection.execute(text(TO_MATCH), {"full": full}, execution_options={"yield_per": CHUNK}) as result:
        for rows in result.partitions(CHUNK):
            keys = [_keys(row) for row in rows]
            known = load_keys(connection, [each.source_record_id for each in keys])
            changed = [each for each in keys if known.get(each.source_record_id) != each]
            upsert_rows(connection, "source_identity", COLUMNS, (_row(each) for each in changed))
            seen += [each.source_record_id for each in keys]
            in_question += [each.source_record_id for each in (keys if full else changed)]
    return seen, sorted({*in_question, *_decided(connection, seen), *_never_linked(connection, seen)})


def _keys(row: Row[Any]) -> Keys:
    return keys_of(row.content, source_record_id=row.id, flow=row.flow, partner=row.partner, nir_hash=row.nir_hash)


def _row(keys: Keys) -> tuple[Any, ...]:
    return tuple(list(value) if isinstance(value, tuple) else value for value in astuple(keys))


def load_keys(connection: Connection, records: Collection[int]) -> dict[int, Keys]:
    """The stored keys of some records."""
    found: dict[int, Keys] = {}
    for row in connection.execute(text(KNOWN), {"records": list(records)}):
        values = dict(row._mapping)  # noqa: SLF001 - public name
        values |= {"first_names": tuple(row.first_names), "phones": tuple(row.phones)}
        if row.nir_hash is not None:
            values["nir_hash"] = bytes(row.nir_hash)
        found[row.source_record_id] = Keys(**values)
    return found


def _decided(connection: Connection, records: Collection[int]) -> Iterable[int]:
    return connection.execute(text(DECIDED), {"records": list(records)}).scalars().all()


def _never_linked(connection: Connection, records: list[int]) -> set[int]:
    return set(records) - current_persons(connection, records).keys()


def current_persons(connection: Connection, records: Collection[int]) -> dict[int, tuple[Any, UUID]]:
    """The person each record is linked to now, with the day that person appeared: older ones sort first."""
    rows = connection.execute(text(LINKED), {"records": list(records)})
    return {row.record: (row.created_at, row.person) for row in rows}


def with_companions(connection: Connection, records: Collection[int]) -> list[int]:
    """The records, and those held for the same persons: what linked them is in question too."""
    companions = connection.execute(text(SAME_PERSON), {"records": list(records)}).scalars()
    return sorted({*records, *companions})
