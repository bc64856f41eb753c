"""The search key: replaced by laying another over it, so that nothing has to be made again from what it stands for.

Hashes are made with a key that never changes, then hashed again with each key laid over it since. Whoever has the keys but the last
can guess nothing from the store, and even what stands for nobody any more, the tombstones of the erased, is brought along. The hub is
stopped meanwhile. Killed anywhere and run again, it goes on; a database restored from before is brought up to its key file.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.storage.generation import alone, others
from hub.storage.key_files import KEY_BYTES, read_ring, write_ring
from hub.storage.store import bare_store, copy_rows
from hub.storage.vault import lifter, search_key
from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Engine

    from hub.settings import Settings

    Lift = Callable[[bytes], bytes]

SLICE = 2000  # source records, quarantined records or erasures in one transaction
KEY = re.compile(r"[0-9a-f]{32}")
KEY_SIZE = 8

STATE = "select generation, lifting_to, step, place from search_generation"
NOTE = "update search_generation set lifting_to = :to, step = :step, place = :place"
DONE = "update search_generation set generation = :to, lifting_to = null, step = 0, place = 0"
COUNTS = """
select (select count(*) from source_record) as records, (select count(*) from quarantine where key is not null) as quarantined,
       (select count(*) from tombstone) as tombstones
"""

# What waits to be applied is read again from the delivery, and so is, once, what was remembered.
FORGOTTEN = ("truncate staged_record", "truncate remembered_unit")

RECORDS = "select id, key, content_hash, nir_hash from source_record where id > :after order by id limit :most"
WRITE_RECORDS = """
update source_record t set key = n.key, content_hash = n.content_hash, nir_hash = n.nir_hash
from unnest(cast(:id as bigint[]), cast(:key as text[]), cast(:content_hash as bytea[]), cast(:nir_hash as bytea[]))
  n (id, key, content_hash, nir_hash) where t.id = n.id
"""
VERSIONS = "select source_record_id as id, version, content_hash from source_version where source_record_id between :first and :last"
WRITE_VERSIONS = """
update source_version t set content_hash = n.content_hash
from unnest(cast(:id as bigint[]), cast(:version as int[]), cast(:content_hash as bytea[])) n (id, version, content_hash)
where t.source_record_id = n.id and t.version = n.version
"""
MOVEMENTS = """
select delivery_id, source_record_id as id, before ->> 'content_hash' as content_hash, before ->> 'nir_hash' as nir_hash
from movement where before is not null and source_record_id between :first and :last
"""
WRITE_MOVEMENTS = """
update movement t set before = before || jsonb_build_object('content_hash', n.content_hash, 'nir_hash', n.nir_hash)
from unnest(cast(:delivery_id as bigint[]), cast(:id as bigint[]), cast(:content_hash as text[]), cast(:nir_hash as text[]))
  n (delivery_id, id, content_hash, nir_hash) where t.delivery_id = n.delivery_id and t.source_record_id = n.id
"""
IDENTITIES = "select source_record_id as id, nir_hash, number_hash from source_identity where source_record_id between :first and :last"
WRITE_IDENTITIES = """
update source_identity t set nir_hash = n.nir_hash, number_hash = n.number_hash
from unnest(cast(:id as bigint[]), cast(:nir_hash as bytea[]), cast(:number_hash as bytea[])) n (id, nir_hash, number_hash)
where t.source_record_id = n.id
"""
KEYS = "delete from identity_key where source_record_id between :first and :last returning key, source_record_id, rule, certified"
QUARANTINED = "select id, key from quarantine where key is not null and id > :after order by id limit :most"
WRITE_QUARANTINED = """
update quarantine t set key = n.key from unnest(cast(:id as bigint[]), cast(:key as text[])) n (id, key) where t.id = n.id
"""
ERASURES = "select id from erasure where id > :after order by id limit :most"
MARKS = "delete from tombstone where erasure_id between :first and :last returning erasure_id, mark"


def rotate_search(settings: Settings, *, dry_run: bool) -> dict[str, Any]:
    """Draw a search key and lay it over those in force, unless a rotation waits to be ended; returns counts.

    Raises ``FixTheDeclaration`` while another process has the store open, ``CallSomeone`` when the key file is older than the store.
    """
    engine = bare_store(settings)
    try:
        with engine.connect() as connection:
            counts = dict(connection.execute(text(COUNTS)).one()._mapping)  # noqa: SLF001 - public name
            store = connection.execute(text(STATE)).one().generation
        ring = read_ring(settings.keys, create=False)
        if store > ring.generation:
            raise CallSomeone(f"The key file holds {ring.generation} search key(s), the store needs {store}.")
        said = {"dry_run": dry_run, "generation": store, "waits": store < ring.generation, **counts}
        if dry_run:
            return said | {"connections_to_close": others(engine)}
        with alone(engine):
            if store == ring.generation:
                drawn = secrets.token_bytes(KEY_BYTES)
                ring = replace(ring, search=ring.search or search_key(ring.master), over=(*ring.over, drawn))
                write_ring(settings.keys, ring)
            return said | {"generation": _lift_all(engine, ring.over)}
    finally:
        engine.dispose()


def _lift_all(engine: Engine, over: Sequence[bytes]) -> int:
    """Bring the store up to all keys laid over the first; returns its generation then."""
    while True:
        with engine.connect() as connection:
            state = connection.execute(text(STATE)).one()
        target = state.lifting_to or 1 + len(over)
        if state.generation == 1 + len(over):
            return int(state.generation)
        lift = lifter(over[state.generation - 1 : target - 1])
        for step in range(state.step, len(STEPS)):
            _lift_step(engine, step, lift, target=target, place=state.place if step == state.step else 0)
        with engine.begin() as connection:
            connection.execute(text(DONE), {"to": target})


def _lift_step(engine: Engine, step: int, lift: Lift, *, target: int, place: int) -> None:
    """Slice after slice, the place reached noted in the transaction of each."""
    last: int | None = place
    while last is not None:
        with engine.begin() as connection:
            last = STEPS[step](connection, lift, last)
            known = {"to": target, "step": step if last is not None else step + 1, "place": last or 0}
            connection.execute(text(NOTE), known)


def _records(connection: Connection, lift: Lift, after: int) -> int | None:
    rows = connection.execute(text(RECORDS), {"after": after, "most": SLICE}).all()
    if not rows:
        for statement in FORGOTTEN:
            connection.execute(text(statement))
        return None
    span = {"first": rows[0].id, "last": rows[-1].id}
    _write(connection, WRITE_RECORDS, rows, {"key": _key, "content_hash": _bytes, "nir_hash": _bytes}, lift)
    for read, write, hashes in (
        (VERSIONS, WRITE_VERSIONS, {"content_hash": _bytes}),
        (MOVEMENTS, WRITE_MOVEMENTS, {"content_hash": _said, "nir_hash": _said}),
        (IDENTITIES, WRITE_IDENTITIES, {"nir_hash": _bytes, "number_hash": _bytes}),
    ):
        _write(connection, write, connection.execute(text(read), span).all(), hashes, lift)
    keys = connection.execute(text(KEYS), span).all()
    copy_rows(
        connection,
        "copy identity_key (key, source_record_id, rule, certified) from stdin",
        ((_number(row.key, lift), row.source_record_id, row.rule, row.certified) for row in keys),
    )
    return int(rows[-1].id)


def _quarantined(connection: Connection, lift: Lift, after: int) -> int | None:
    rows = connection.execute(text(QUARANTINED), {"after": after, "most": SLICE}).all()
    _write(connection, WRITE_QUARANTINED, rows, {"key": _key}, lift)
    return int(rows[-1].id) if rows else None


def _tombstones(connection: Connection, lift: Lift, after: int) -> int | None:
    erasures = connection.execute(text(ERASURES), {"after": after, "most": SLICE}).scalars().all()
    if not erasures:
        return None
    rows = connection.execute(text(MARKS), {"first": erasures[0], "last": erasures[-1]}).all()
    copy_rows(
        connection,
        "copy tombstone (erasure_id, mark) from stdin",
        ((row.erasure_id, lift(bytes(row.mark))) for row in rows),
    )
    return int(erasures[-1])


STEPS = (_records, _quarantined, _tombstones)


def _write(
    connection: Connection, statement: str, rows: Iterable[Any], hashes: Mapping[str, Callable[[Any, Lift], Any]], lift: Lift
) -> None:  # fmt: skip
    """Write rows back, each of their ``hashes`` lifted."""
    read = [row._mapping for row in rows]  # noqa: SLF001 - public name
    if read:
        columns = {
            name: [hashes[name](row[name], lift) if name in hashes else row[name] for row in read] for name in read[0]
        }
        connection.execute(text(statement), columns)


def _bytes(value: bytes | None, lift: Lift) -> bytes | None:
    return lift(bytes(value)) if value else value


def _key(value: str, lift: Lift) -> str:
    """A keyed hash in hexadecimal; what stands for an erased record is none."""
    return lift(bytes.fromhex(value)).hex() if KEY.fullmatch(value) else value


def _said(value: str | None, lift: Lift) -> str | None:
    r"""A hash as PostgreSQL says it inside JSON: ``\x`` and hexadecimal."""
    return "\\x" + lift(bytes.fromhex(value[2:])).hex() if value and len(value) > len("\\x") else value


def _number(key: int, lift: Lift) -> int:
    return int.from_bytes(lift(key.to_bytes(KEY_SIZE, "big", signed=True)), "big", signed=True)
