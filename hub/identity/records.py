"""The records to match: what may be compared of them refreshed in sets, and which of them are in question again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from hub.identity.candidates import WHO
from hub.identity.comparable import Known, comparable, may_be_used, read_back, stored, without
from hub.identity.index import index
from hub.identity.keys import MAY_BE_SHARED
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.storage.statements import Asked
    from hub.storage.vault import Vault

CHUNK = 5000
COLUMNS = (
    "source_record_id", "flow", "partner", "nir_hash", "number_hash", "nir_state", "comparable", "birth_date",
    "birth_date_precision", "caf_number", "france_travail_number", "household",
)  # fmt: skip

# Somebody decided about them, or nobody ever linked them: their person is in question whatever they say.
_READ = """
select r.id, r.version, r.flow, r.partner, r.key, r.nir_hash, v.content, v.nir_encrypted, i.source_record_id is not null as known,
  coalesce((select false from link l where l.superseded_at is null and l.source_record_id = r.id limit 1), true)
  or coalesce((select true from decision d where d.superseded_at is null and d.record_a = r.id limit 1),
              (select true from decision d where d.superseded_at is null and d.record_b = r.id limit 1), false) as in_question
from source_record r join source_version v on v.source_record_id = r.id and v.version = r.version
left join source_identity i on i.source_record_id = r.id
where {} and not r.withdrawn and r.id > %(after)s
order by r.id limit %(most)s
"""
TO_MATCH, CHOSEN, EVERY = (
    _READ.format(which) for which in ("r.to_match", "r.to_match and r.id = any(%(chosen)s::bigint[])", "true")
)

KEPT = f"select {', '.join(COLUMNS)} from source_identity where source_record_id = any(%(records)s::bigint[])"  # noqa: S608 - our columns

KNOWN = f"""
select {WHO}
from source_identity i
join source_record r on r.id = i.source_record_id
join source_version v on v.source_record_id = r.id and v.version = r.version
where i.source_record_id = any(%(records)s::bigint[])
"""  # noqa: S608 - our own

LINKED = """
select l.source_record_id as record, l.person_id as person, p.created_at
from link l join person p on p.id = l.person_id
where l.superseded_at is null and l.source_record_id = any(%(records)s::bigint[])
"""

KEEP = """
insert into source_identity (source_record_id, flow, partner, nir_hash, number_hash, nir_state, comparable, birth_date,
  birth_date_precision, caf_number, france_travail_number, household)
select id, flow, partner, nir_hash, number_hash, nir_state, comparable::jsonb, birth_date, precision, caf, ft, household
from unnest(%(source_record_id)s::bigint[], %(flow)s::text[], %(partner)s::text[], %(nir_hash)s::bytea[], %(number_hash)s::bytea[],
  %(nir_state)s::bigint[], %(comparable)s::text[], %(birth_date)s::date[], %(birth_date_precision)s::text[], %(caf_number)s::text[],
  %(france_travail_number)s::text[], %(household)s::text[])
  said(id, flow, partner, nir_hash, number_hash, nir_state, comparable, birth_date, precision, caf, ft, household)
on conflict (source_record_id) do update set flow = excluded.flow, partner = excluded.partner, nir_hash = excluded.nir_hash,
  number_hash = excluded.number_hash, nir_state = excluded.nir_state, comparable = excluded.comparable, shared = '{}',
  birth_date = excluded.birth_date, birth_date_precision = excluded.birth_date_precision, caf_number = excluded.caf_number,
  france_travail_number = excluded.france_travail_number, household = excluded.household
"""

# What was read, and nothing that came meanwhile.
MATCHED = """
update source_record r set to_match = false
where r.to_match and (r.withdrawn or (r.id, r.version) in (
  select * from unnest(%(seen)s::bigint[], %(versions)s::bigint[])))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A record that belonged to one person and belongs to another now."""

    record: int
    old: UUID
    new: UUID


@dataclass(kw_only=True)
class Refreshed:
    """Ids: all records that were looked at with the version that was read, those to compare again and which of them were known
    before, those whose person is in question; and, where they are few, who they are and the pairs that were ``found`` of those to
    compare again.
    """

    seen: dict[int, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    before: set[int] = field(default_factory=set)
    in_question: set[int] = field(default_factory=set)
    people: dict[int, Known] = field(default_factory=dict)
    found: Sequence[Any] | None = None


def asked(chosen: Collection[int] | None, *, full: bool = False, after: int = 0) -> Asked:
    """The statement that reads what is to be looked at beyond a record: all that waits, what was chosen of it, or everything."""
    if full:
        return EVERY, {"after": after, "most": CHUNK}
    if chosen is None:
        return TO_MATCH, {"after": after, "most": CHUNK}
    return CHOSEN, {"after": after, "most": CHUNK, "chosen": list(chosen)}


def refresh(
    connection: Connection, vault: Vault, *, full: bool, chosen: Collection[int] | None = None, first: Sequence[Any] | None = None
) -> Refreshed:  # fmt: skip
    """Read again what may be compared of records new or changed (``full``: of all), and keep it with its keys.

    With ``chosen``, of those of them alone. ``first`` are the first of them, already read.
    """
    done = Refreshed()
    for rows in _chunks(connection, full=full, chosen=chosen, first=first):
        read = {row.id: identity_of(row, vault) for row in rows}
        before = {row.id for row in rows if row.known}
        known = _kept(connection, before)
        changed = [record for record, (values, _) in read.items() if known.get(record) != _comparison(values)]
        again = list(read) if full else changed
        others, found = _rewrite(connection, vault, [read[record] for record in again], before=before)
        done.people = {record: read[record][1] for record in again if record not in others}
        done.found = found if rows is first else None
        done.seen |= {row.id: row.version for row in rows}
        done.before |= before | others
        done.changed |= set(again) | others
        done.in_question |= {row.id for row in rows if row.in_question}
    done.in_question |= done.changed
    return done


def _chunks(
    connection: Connection, *, full: bool, chosen: Collection[int] | None, first: Sequence[Any] | None
) -> Iterator[Sequence[Any]]:
    rows = first
    if rows is None:
        (rows,) = ask(connection, asked(chosen, full=full))
    while rows:
        yield rows
        if len(rows) < CHUNK:
            return
        (rows,) = ask(connection, asked(chosen, full=full, after=rows[-1].id))


def identity_of(row: Any, vault: Vault) -> tuple[tuple[Any, ...], Known]:
    """What is kept of a record, and the record as it will be matched."""
    content = row.content
    nir = vault.decrypt(bytes(row.nir_encrypted)).decode() if row.nir_encrypted else None
    person = comparable(content, nir)
    birth, kept = content.get("identity.birth_date"), stored(person)
    number_hash = vault.hash("nir", person.nir.encode()) if person.nir else None
    known = Known(
        record=row.id, flow=row.flow, partner=row.partner, label=f"{row.flow} {row.key}", number_hash=number_hash,
        person=read_back(kept, nir=nir, state=person.nir_state),
    )  # fmt: skip
    return (
        row.id, row.flow, row.partner, bytes(row.nir_hash) if row.nir_hash and may_be_used(content) else None,
        number_hash, person.nir_state, kept,
        date.fromisoformat(birth) if birth else None, content.get("identity.birth_date_precision") or ("day" if birth else None),
        content.get("identifiers.caf_number"), content.get("identifiers.france_travail_number"),
        content.get("identifiers.claim_number"),
    ), known  # fmt: skip


def _comparison(values: tuple[Any, ...]) -> bytes:
    """One record's values as text, so that what was stored and what was read compare alike."""
    return orjson.dumps(
        [bytes(value).hex() if isinstance(value, bytes | memoryview) else value for value in values],
        option=orjson.OPT_SORT_KEYS,
    )


def _kept(connection: Connection, records: Collection[int]) -> dict[int, bytes]:
    if not records:
        return {}
    (rows,) = ask(connection, (KEPT, {"records": list(records)}))
    return {row.source_record_id: _comparison(tuple(row)) for row in rows}


def _rewrite(
    connection: Connection, vault: Vault, identities: Sequence[tuple[tuple[Any, ...], Known]], *, before: set[int]
) -> tuple[set[int], Sequence[Any] | None]:
    """Keep identities and their keys; returns records concerned by a value that is now, or no more, carried by too many, and what
    was found of the pairs.
    """
    if not identities:
        return set(), None
    values, people = zip(*identities, strict=True)
    columns = {name: list(column) for name, column in zip(COLUMNS, zip(*values, strict=True), strict=True)}
    columns["comparable"] = [orjson.dumps(each).decode() for each in columns["comparable"]]
    known = [each.record for each in people if each.record in before]
    return index(connection, vault, people, before=known, said=(KEEP, columns))


def load_known(connection: Connection, vault: Vault, records: Collection[int]) -> dict[int, Known]:
    """Records as they are matched: numbers decrypted, shared values unknown."""
    (rows,) = ask(connection, (KNOWN, {"records": list(records)})) if records else ((),)
    return {row.record: known_of(row, vault) for row in rows}


def known_of(row: Any, vault: Vault) -> Known:
    """A record as it was stored."""
    nir = vault.decrypt(bytes(row.nir_encrypted)).decode() if row.nir_encrypted and row.nir_state else None
    person = read_back(row.comparable, nir=nir, state=row.nir_state)
    shared = [MAY_BE_SHARED[rule] for rule in row.shared]
    return Known(
        record=row.record, flow=row.flow, partner=row.partner, label=row.label,
        person=without(person, shared) if shared else person,
        number_hash=bytes(row.number_hash) if row.number_hash else None,
    )  # fmt: skip


def current_persons(connection: Connection, records: Collection[int]) -> dict[int, tuple[Any, UUID]]:
    """The person each record is linked to now, with the day that person appeared: older ones sort first."""
    rows: Iterable[Any] = ask(connection, (LINKED, {"records": list(records)}))[0] if records else ()
    return {row.record: (row.created_at, row.person) for row in rows}
