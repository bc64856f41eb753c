"""The records to match: what may be compared of them refreshed in sets, and which of them are in question again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.identity.comparable import Known, comparable, may_be_used, read_back, stored, without
from hub.identity.french.numbers import State
from hub.identity.keys import KEY_BYTES, MAY_BE_SHARED, NUMBER, SHARED_BY, keys_of
from hub.storage.store import copy_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from hub.storage.vault import Vault

CHUNK = 5000
COLUMNS = (
    "source_record_id", "flow", "partner", "nir_hash", "number_hash", "nir_state", "comparable", "birth_date",
    "birth_date_precision", "caf_number", "france_travail_number", "household",
)  # fmt: skip

TO_MATCH = """
select r.id, r.flow, r.partner, r.nir_hash, v.content, v.nir_encrypted
from source_record r join source_version v on v.source_record_id = r.id and v.version = r.version
where (r.to_match or :full) and not r.withdrawn
order by r.id
"""

KEPT = f"select {', '.join(COLUMNS)} from source_identity where source_record_id = any(:records)"  # noqa: S608 - our columns

KNOWN = """
select i.source_record_id as record, i.flow, i.partner, i.flow || ' ' || r.key as label, i.comparable, i.number_hash, i.nir_state,
       i.shared, v.nir_encrypted
from source_identity i
join source_record r on r.id = i.source_record_id
join source_version v on v.source_record_id = r.id and v.version = r.version
where i.source_record_id = any(:records)
"""

# Which of the keys just touched too many records of one flow carry, and whose flag says otherwise.
CROWDED = """
select k.key from identity_key k join source_identity i using (source_record_id)
where k.key = any(:keys) group by k.key, i.flow having count(*) > :most
"""

TO_FLAG = """
select k.source_record_id as record, k.rule, k.key = any(:crowded) as crowded
from identity_key k join source_identity i using (source_record_id)
where k.key = any(:keys) and (k.key = any(:crowded)) <> (k.rule = any(i.shared))
"""

FLAG = """
update source_identity i
set shared = case when f.crowded then array_append(i.shared, cast(:rule as smallint))
                  else array_remove(i.shared, cast(:rule as smallint)) end
from unnest(cast(:records as bigint[]), cast(:crowded as boolean[])) f(record, crowded)
where i.source_record_id = f.record
"""

CERTIFY = """
update identity_key k set certified = i.nir_state = :certified and not (:number = any(i.shared))
from source_identity i where i.source_record_id = k.source_record_id and k.source_record_id = any(:records)
"""

LINKED = """
select l.source_record_id as record, l.person_id as person, p.created_at
from link l join person p on p.id = l.person_id
where l.superseded_at is null and l.source_record_id = any(:records)
"""

# Somebody decided about them, or nobody ever linked them.
TO_GATHER = """
select i.source_record_id from source_identity i
where i.source_record_id = any(:records) and (
  exists (select from decision d where d.superseded_at is null and d.record_a = i.source_record_id)
  or exists (select from decision d where d.superseded_at is null and d.record_b = i.source_record_id)
  or not exists (select from link l where l.superseded_at is null and l.source_record_id = i.source_record_id))
"""

KEEP = """
insert into source_identity (source_record_id, flow, partner, nir_hash, number_hash, nir_state, comparable, birth_date,
  birth_date_precision, caf_number, france_travail_number, household)
select id, flow, partner, nir_hash, number_hash, nir_state, cast(comparable as jsonb), birth_date, precision, caf, ft, household
from unnest(cast(:source_record_id as bigint[]), cast(:flow as text[]), cast(:partner as text[]), cast(:nir_hash as bytea[]),
  cast(:number_hash as bytea[]), cast(:nir_state as smallint[]), cast(:comparable as text[]), cast(:birth_date as date[]),
  cast(:birth_date_precision as text[]), cast(:caf_number as text[]), cast(:france_travail_number as text[]), cast(:household as text[]))
  said(id, flow, partner, nir_hash, number_hash, nir_state, comparable, birth_date, precision, caf, ft, household)
on conflict (source_record_id) do update set flow = excluded.flow, partner = excluded.partner, nir_hash = excluded.nir_hash,
  number_hash = excluded.number_hash, nir_state = excluded.nir_state, comparable = excluded.comparable, shared = '{}',
  birth_date = excluded.birth_date, birth_date_precision = excluded.birth_date_precision, caf_number = excluded.caf_number,
  france_travail_number = excluded.france_travail_number, household = excluded.household
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A record that belonged to one person and belongs to another now."""

    record: int
    old: UUID
    new: UUID


@dataclass(kw_only=True)
class Refreshed:
    """Ids: all records that were looked at, those to compare again, and those whose person is in question."""

    seen: list[int] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    in_question: set[int] = field(default_factory=set)


def refresh(connection: Connection, vault: Vault, *, full: bool) -> Refreshed:
    """Read again what may be compared of records new or changed (``full``: of all), and keep it with its keys."""
    done = Refreshed()
    with connection.execute(text(TO_MATCH), {"full": full}, execution_options={"yield_per": CHUNK}) as result:
        for rows in result.partitions(CHUNK):
            read = {row.id: _identity(row, vault) for row in rows}
            known = _kept(connection, list(read))
            changed = [record for record, values in read.items() if known.get(record) != _comparison(values)]
            again = list(read) if full else changed
            done.changed |= set(again) | _rewrite(connection, vault, [read[record] for record in again])
            done.seen += read
    done.in_question = done.changed | set(connection.execute(text(TO_GATHER), {"records": done.seen}).scalars())
    return done


def _identity(row: Row[Any], vault: Vault) -> tuple[Any, ...]:
    content = row.content
    person = comparable(content, vault.decrypt(bytes(row.nir_encrypted)).decode() if row.nir_encrypted else None)
    birth = content.get("identity.birth_date")
    return (
        row.id, row.flow, row.partner, bytes(row.nir_hash) if row.nir_hash and may_be_used(content) else None,
        vault.hash("nir", person.nir.encode()) if person.nir else None, person.nir_state, stored(person),
        date.fromisoformat(birth) if birth else None, content.get("identity.birth_date_precision") or ("day" if birth else None),
        content.get("identifiers.caf_number"), content.get("identifiers.france_travail_number"),
        content.get("identifiers.claim_number"),
    )  # fmt: skip


def _comparison(values: tuple[Any, ...]) -> bytes:
    """One record's values as text, so that what was stored and what was read compare alike."""
    return orjson.dumps(
        [bytes(value).hex() if isinstance(value, bytes | memoryview) else value for value in values],
        option=orjson.OPT_SORT_KEYS,
    )


def _kept(connection: Connection, records: list[int]) -> dict[int, bytes]:
    rows = connection.execute(text(KEPT), {"records": records})
    return {row.source_record_id: _comparison(tuple(row)) for row in rows}


def _rewrite(connection: Connection, vault: Vault, identities: Sequence[tuple[Any, ...]]) -> set[int]:
    """Keep identities and their keys; returns other records concerned: a value they carry is now, or no more, carried by too many."""
    if not identities:
        return set()
    columns = {name: list(values) for name, values in zip(COLUMNS, zip(*identities, strict=True), strict=True)}
    columns["comparable"] = [orjson.dumps(each).decode() for each in columns["comparable"]]
    connection.execute(text(KEEP), columns)
    records = columns["source_record_id"]
    gone = connection.execute(
        text("delete from identity_key where source_record_id = any(:records) returning key, rule"),
        {"records": records},
    )
    touched = {row.key for row in gone if row.rule in MAY_BE_SHARED}
    digest = vault.hasher("block", KEY_BYTES)
    people = load_known(connection, vault, records)
    keys = [
        (key, record, rule, known.person.nir_state == State.CERTIFIED)
        for record, known in people.items()
        for key, rule in keys_of(known.person, digest).items()
    ]
    copy_rows(connection, "copy identity_key (key, source_record_id, rule, certified) from stdin", keys)
    touched |= {key for key, _, rule, _ in keys if rule in MAY_BE_SHARED}
    return _flag_shared(connection, list(touched))


def _flag_shared(connection: Connection, keys: list[int]) -> set[int]:
    crowded = list(connection.execute(text(CROWDED), {"keys": keys, "most": SHARED_BY}).scalars())
    by_rule: defaultdict[int, list[tuple[int, bool]]] = defaultdict(list)
    for row in connection.execute(text(TO_FLAG), {"keys": keys, "crowded": crowded}):
        by_rule[row.rule].append((row.record, row.crowded))
    for rule, flags in sorted(by_rule.items()):
        records, said = zip(*flags, strict=True)
        connection.execute(text(FLAG), {"rule": rule, "records": list(records), "crowded": list(said)})
    if by_rule[NUMBER]:
        numbered = [record for record, _ in by_rule[NUMBER]]
        known = {"records": numbered, "certified": int(State.CERTIFIED), "number": NUMBER}
        connection.execute(text(CERTIFY), known)
    return {record for flags in by_rule.values() for record, _ in flags}


def load_known(connection: Connection, vault: Vault, records: Collection[int]) -> dict[int, Known]:
    """Records as they are matched: numbers decrypted, shared values unknown."""
    found = {}
    for row in connection.execute(text(KNOWN), {"records": list(records)}):
        person = read_back(
            row.comparable,
            sealed=bytes(row.nir_encrypted) if row.nir_encrypted else None,
            state=row.nir_state,
            decrypt=vault.decrypt,
        )
        shared = [MAY_BE_SHARED[rule] for rule in row.shared]
        found[row.record] = Known(
            record=row.record, flow=row.flow, partner=row.partner, label=row.label, person=without(person, shared) if shared else person,
            number_hash=bytes(row.number_hash) if row.number_hash else None,
        )  # fmt: skip
    return found


def current_persons(connection: Connection, records: Collection[int]) -> dict[int, tuple[Any, UUID]]:
    """The person each record is linked to now, with the day that person appeared: older ones sort first."""
    rows: Iterable[Row[Any]] = connection.execute(text(LINKED), {"records": list(records)})
    return {row.record: (row.created_at, row.person) for row in rows}
