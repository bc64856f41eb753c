"""A large store for the benchmarks of who is who, filled in bulk and matched: what years of deliveries would have left.

Every record goes through the functions that an event goes through, in two processes; the pairs are found, compared and judged by
``hub match`` on the same files; all is copied. Memory is bounded by what ``hub match`` takes of it, disk is about 6 GB a million records.
"""

from __future__ import annotations

import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import text

from bench.identity.generate import generate
from bench.identity.store import DAY, FLOWS, NOW, content_of, delivered
from hub.identity.comparisons import FLOOR
from hub.identity.evidence import Considered, evidence_of, outcomes
from hub.identity.french.numbers import State
from hub.identity.keys import KEY_BYTES, MAY_BE_SHARED, NUMBER, SHARED_BY, keys_of
from hub.identity.match.blocking import find_pairs
from hub.identity.match.compared import compare_pairs, count_values
from hub.identity.match.links import make_persons
from hub.identity.match.reading import read_files
from hub.identity.match.run import Settings as MatchSettings
from hub.identity.match.run import connect, constraints_of
from hub.identity.match.standardised import standardise_all
from hub.identity.model.decision import decide
from hub.identity.model.scorecard import features_of, nobody, rivals_of
from hub.identity.rarity import count_again
from hub.identity.records import COLUMNS, identity_of
from hub.opening import Hub
from hub.settings import Settings
from hub.storage.store import copy_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from bench.identity.store import Row

PEOPLE = 0.52  # of the records that three partners hold of them
PART, PAIRS_AT_ONCE, MEMORY, PROCESSES = 50_000, 20_000, 4.0, 2

RECORDS = "copy source_record (id, flow, partner, key, scope, version, content_hash, nir_hash, as_of, order_key, delivery_id, to_match, withdrawn, updated_at) from stdin"
VERSIONS = "copy source_version (source_record_id, version, content, nir_encrypted, content_hash, as_of, delivery_id, recorded_at) from stdin"
IDENTITIES = f"copy source_identity ({', '.join(COLUMNS)}) from stdin"
KEYS = "copy identity_key (key, source_record_id, rule, certified) from stdin"
COMPARISONS = (
    "copy comparison (record_a, record_b, levels, bits, model, chance, decision, evidence, total, contended) from stdin"
)

# Indexes and constraints of the tables that are filled: taken off, and put back as they were.
TAKEN_OFF = """
select conrelid::regclass::text as name, 'constraint ' || quote_ident(conname) as what, pg_get_constraintdef(oid) as def, contype = 'f' as late
from pg_constraint where conrelid in ('identity_key'::regclass, 'comparison'::regclass) and contype in ('p', 'f')
"""
INDEXES = """
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as def from pg_index
where indrelid in ('identity_key'::regclass, 'comparison'::regclass) and not indisprimary
"""

FLAG = """
with crowded as (
  select distinct k.key from identity_key k join source_identity i using (source_record_id)
  where k.rule = any(:rules) group by k.key, i.flow having count(*) > :most
), flagged as (
  select k.source_record_id as record, array_agg(distinct k.rule) as rules from identity_key k join crowded using (key) group by 1
)
update source_identity i set shared = f.rules from flagged f where f.record = i.source_record_id
"""
CERTIFY = """
update identity_key k set certified = false from source_identity i
where i.source_record_id = k.source_record_id and k.certified and :number = any(i.shared)
"""
CASES = """
insert into review_case (record_a, record_b, kind, evidence, chance, opened_at)
select record_a, record_b, 'a_confirmer', evidence, chance, :now from comparison where decision = 'review'
"""
LINKS = """
insert into link (source_record_id, person_id, method, score, evidence, author, decided_at)
select m.record, m.person, case when c.chance is null then 'seul' else 'modele' end, c.chance, coalesce(c.evidence, '{}'), 'hub', :now
from member m left join lateral (
  select * from (
    select chance, evidence from comparison where record_a = m.record and decision = 'link'
    union all select chance, evidence from comparison where record_b = m.record and decision = 'link') either
  order by chance desc limit 1) c on m.together
"""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some rows of a file, to be kept from a record number on."""

    home: Path
    file: Path
    group: int
    first: int
    delivery: int


def fill_matched(hub: Hub, folder: Path, *, records: int, events: int) -> list[tuple[str, Row]]:
    """Fill an empty store with about that many records, matched; returns others, of the same people, that are yet to come."""
    invented = generate(folder / "invented", people=int((records + events) * PEOPLE), seed=104, level="ordinary")
    later, files = _apart(invented, folder, share=events / (records + events))
    with hub.engine.begin() as connection:
        back = _take_off(connection)
    _keep_records(hub, files)
    with hub.engine.begin() as connection:
        _put_back(connection, back, "identity_key")
        connection.execute(text(FLAG), {"rules": list(MAY_BE_SHARED), "most": SHARED_BY})
        connection.execute(text(CERTIFY), {"number": NUMBER})
        count_again(connection, model=hub.matching.model.version, now=NOW)
    with hub.engine.begin() as connection:
        persons = _keep_pairs(hub, connection, files, folder)
        _put_back(connection, back, "comparison")
        _keep_persons(connection, persons)
    with hub.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
        connection.execute(text("checkpoint"))
    return later


def _apart(invented: list[Path], folder: Path, *, share: float) -> tuple[list[tuple[str, Row]], list[Path]]:
    """Some rows of each file for later, in any order; the others written again."""
    draw, later, files = np.random.default_rng(1), list[tuple[str, Any]](), []
    for path in invented:
        read = pq.read_table(path)
        chosen = draw.random(len(read)) < share
        later += [(path.stem, (f"{path.stem}{row['source_id']}", *content_of(row)))
                  for row in read.filter(pa.array(chosen)).to_pylist()]  # fmt: skip
        files.append(folder / path.name)
        pq.write_table(read.filter(pa.array(~chosen)), files[-1], row_group_size=PART)
        path.unlink()
    random.Random(1).shuffle(later)
    return later, files


def _keep_records(hub: Hub, files: list[Path]) -> None:
    parts, first = [], 1
    with hub.engine.begin() as connection:
        for file in files:
            carried = delivered(connection, *FLOWS[file.stem])
            meta = pq.read_metadata(file)
            for group in range(meta.num_row_groups):
                parts.append(Part(home=hub.settings.home, file=file, group=group, first=first, delivery=carried))
                first += meta.row_group(group).num_rows
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_keep_part, parts))
    with hub.engine.begin() as connection:
        connection.execute(text("select setval(pg_get_serial_sequence('source_record', 'id'), :last)"), {"last": first})


def _keep_part(part: Part) -> None:
    hub = Hub(Settings(home=part.home))
    digest, (flow, partner) = hub.vault.hasher("block", KEY_BYTES), FLOWS[part.file.stem]
    records, versions, identities, keys = [], [], [], []
    rows = pq.ParquetFile(part.file).read_row_group(part.group).to_pylist()
    for number, row in enumerate(rows, start=part.first):
        content, nir = content_of(row)
        hashed = hub.vault.hash("nir", nir.encode()) if nir else None
        sealed = hub.vault.encrypt(nir.encode()) if nir else None
        said = SimpleNamespace(
            id=number, flow=flow, partner=partner, key=f"{part.file.stem}{row['source_id']}", content=content, nir_hash=hashed,
            nir_encrypted=sealed)  # fmt: skip
        values, known = identity_of(said, hub.vault)
        records.append(
            (number, flow, partner, said.key, "", 1, b"", hashed, DAY, "1", part.delivery, False, False, NOW)
        )
        versions.append((number, 1, orjson.dumps(content).decode(), sealed, b"", DAY, part.delivery, NOW))
        identities.append([orjson.dumps(value).decode() if isinstance(value, dict) else value for value in values])
        certified = known.person.nir_state == State.CERTIFIED
        keys += [(key, number, rule, certified) for key, rule in keys_of(known.person, digest).items()]
    with hub.engine.begin() as connection:
        for statement, copied in zip(
            (RECORDS, VERSIONS, IDENTITIES, KEYS), (records, versions, identities, keys), strict=True
        ):
            copy_rows(connection, statement, copied)
    hub.engine.dispose()


def _take_off(connection: Connection) -> list[tuple[str, str]]:
    """Returns the table and the statement that puts back each of its indexes and constraints."""
    constraints, indexes = connection.execute(text(TAKEN_OFF)).all(), connection.execute(text(INDEXES)).all()
    for each in constraints:
        connection.execute(text(f"alter table {each.name} drop {each.what}"))
    for each in indexes:
        connection.execute(text(f"drop index {each.name}"))
    added = [
        (each.name, f"alter table {each.name} add {each.what} {each[2]}")
        for each in sorted(constraints, key=lambda c: c.late)
    ]
    return added + [(each[1].split(" ON public.")[1].split(" ")[0], each[1]) for each in indexes]


def _put_back(connection: Connection, back: list[tuple[str, str]], table: str) -> None:
    connection.execute(text("set local maintenance_work_mem = '1GB'"))
    for name, statement in back:
        if name == table:
            connection.execute(text(statement))


def _keep_pairs(hub: Hub, connection: Connection, files: list[Path], folder: Path) -> list[list[int]]:
    """Find, compare and judge the pairs as files are; returns the persons of two records or more."""
    settings = MatchSettings(memory=MEMORY, threads=2, spill=folder / "spill", within=True)
    with closing(connect(settings)) as matching:
        read = read_files(matching, files)
        standardise_all(matching)
        find_pairs(matching, within=True)
        count_values(matching)
        pairs = compare_pairs(matching)
        total = hub.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1)
        near = total >= FLOOR
        pairs, total = pairs.where(near), total[near]
        sizes = dict(enumerate(read.sources.values()))
        alone = decide(hub.matching.model, pairs, records=sizes, costs=hub.matching.costs, rivals=nobody(len(pairs)))
        contended = alone.link | alone.review
        rivals = tuple(np.where(contended, each, -np.inf) for each in rivals_of(pairs, total))
        features = features_of(hub.matching.model, pairs, records=sizes, rivals=rivals)
        decided = decide(hub.matching.model, pairs, records=sizes, costs=hub.matching.costs, features=features)
        persons, _ = make_persons(matching, pairs, decided, constraints_of(matching), within=True)
    considered = Considered(pairs=pairs, decided=decided, features=features, rivals=rivals)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        some = np.arange(start, min(start + PAIRS_AT_ONCE, len(pairs)))
        beside = zip(total[some].tolist(), contended[some].tolist(), strict=True)
        judged = zip(_judged(hub, considered.where(some), sizes), beside, strict=True)
        copy_rows(connection, COMPARISONS, ((*pair, *said) for pair, said in judged))
    return persons


def _judged(hub: Hub, said: Considered, sizes: dict[int, int]) -> Iterator[tuple[Any, ...]]:
    documents = evidence_of(hub.matching.model, said, records=sizes, costs=hub.matching.costs)
    pairs, words, version = said.pairs, outcomes(said.decided).tolist(), hub.matching.model.version
    levels, bits = pairs.levels.astype(np.uint8), pairs.bits.astype("<f4")
    for place, document in enumerate(documents):
        yield (int(pairs.a[place]), int(pairs.b[place]), levels[place].tobytes(), bits[place].tobytes(), version,
               float(said.decided.chances[place].round(9)), words[place], orjson.dumps(document).decode())  # fmt: skip


def _keep_persons(connection: Connection, persons: list[list[int]]) -> None:
    connection.execute(
        text("create temporary table member (record bigint, person uuid, together boolean) on commit drop")
    )
    last = connection.execute(text("select max(source_record_id) from source_identity")).scalar_one()
    alone = set(range(1, last + 1)).difference(*persons)
    groups = [*((members, uuid4()) for members in persons), *(([record], uuid4()) for record in alone)]
    copy_rows(
        connection,
        "copy member from stdin",
        ((record, person, len(members) > 1) for members, person in groups for record in members),
    )
    connection.execute(
        text("insert into person (id, created_at) select distinct person, cast(:now as timestamptz) from member"),
        {"now": NOW},
    )
    connection.execute(text("analyze comparison"))
    connection.execute(text(LINKS), {"now": NOW})
    connection.execute(text(CASES), {"now": NOW})
