"""The pairs that were compared, as they are kept: what each is worth alone, and what was decided of it among its rivals.

What a pair weighs depends on its two records only. What is decided of it depends on the rivals of both, so that a new record has
the pairs around it judged again; nothing depends on the order in which records came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from hub.identity.candidates import candidate_pairs
from hub.identity.comparing import compare
from hub.identity.evidence import APART, consider, evidence_of, outcomes
from hub.identity.model.pairs import BITS, LEVELS, Pairs
from hub.identity.model.scorecard import rivals_of
from hub.identity.rarity import frequencies_for
from hub.identity.records import known_of, load_known
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.identity.comparable import Known
    from hub.identity.evidence import Considered
    from hub.identity.matching import Matching
    from hub.identity.rarity import Base
    from hub.storage.statements import Asked
    from hub.storage.vault import Vault

CHUNK = 5_000
FLOOR = -12.0  # bits below which a pair is neither near a decision nor a rival of one that is

FORGET = """
delete from comparison where record_a = any(%(records)s::bigint[]) or record_b = any(%(records)s::bigint[]) returning record_a, record_b
"""

KEEP = """
insert into comparison (record_a, record_b, levels, bits, model)
select *, %(model)s from unnest(%(a)s::bigint[], %(b)s::bigint[], %(levels)s::bytea[], %(bits)s::bytea[])
"""

# Records with a pair that was never judged, or whose rival went away.
TO_JUDGE = """
select record_a as record from comparison where chance is null union select record_b from comparison where chance is null
"""

# The pairs of some records and of all that have one with them, for a pair is judged among the rivals of both sides; and those of others.
AROUND = """
with beside as materialized (
  select unnest(%(records)s::bigint[]) as record
  union select unnest(%(others)s::bigint[])
  union select record_b from comparison where record_a = any(%(records)s::bigint[])
  union select record_a from comparison where record_b = any(%(records)s::bigint[])
), around as materialized (
  select c.record_a, c.record_b, c.levels, c.bits, c.chance, c.decision
  from beside b cross join lateral (select * from comparison where record_a = b.record offset 0) c
  union all
  select c.record_a, c.record_b, c.levels, c.bits, c.chance, c.decision
  from beside b cross join lateral (select * from comparison where record_b = b.record offset 0) c
  where c.record_a not in (select record from beside)
)
select c.*, a.flow as flow_a, b.flow as flow_b
from around c
cross join lateral (select flow from source_identity where source_record_id = c.record_a offset 0) a
cross join lateral (select flow from source_identity where source_record_id = c.record_b offset 0) b
order by 1, 2
"""

DECIDE = """
insert into comparison (record_a, record_b, levels, bits, model, chance, decision, evidence)
select a, b, levels, bits, %(model)s, chance, decision, evidence::jsonb
from unnest(%(a)s::bigint[], %(b)s::bigint[], %(levels)s::bytea[], %(bits)s::bytea[], %(chances)s::float8[], %(decisions)s::text[],
            %(evidence)s::text[]) j(a, b, levels, bits, chance, decision, evidence)
on conflict (record_a, record_b) do update
set chance = excluded.chance, decision = excluded.decision, evidence = excluded.evidence
"""


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """What pairs are compared and decided with."""

    connection: Connection
    vault: Vault
    matching: Matching
    base: Base
    full: bool = False
    people: dict[int, Known] = field(default_factory=dict, repr=False)
    later: list[Asked] = field(default_factory=list, repr=False)

    def ask(self, *asked: Asked) -> list[list[Any]]:
        """What is to be written ``later`` is sent ahead of the next statements that may depend on it."""
        ahead = list(self.later)
        self.later.clear()
        return ask(self.connection, *ahead, *asked)[len(ahead) :]

    def meet(self, read: Sequence[Any]) -> None:
        """Who some records are, as it was read."""
        self.people.update((row.record, known_of(row, self.vault)) for row in read)

    def known(self, records: Collection[int]) -> dict[int, Known]:
        """Who some records are; while they are few, each is read once in a transaction."""
        if len(self.people) + len(records) > CHUNK:
            self.people.clear()
        missing = [record for record in records if record not in self.people]
        self.people.update(load_known(self.connection, self.vault, missing))
        return {record: self.people[record] for record in records if record in self.people}


def compare_again(
    matcher: Matcher,
    records: Sequence[int],
    before: Collection[int],
    aside: Counter[str],
    asked: Sequence[Any] | None = None,
) -> tuple[set[int], Pairs]:
    """Compare some records, of which some were compared ``before``, with all that share a key with them; ``asked`` is what was found
    of them already.

    Returns the records all of whose pairs must be judged again, and the pairs that are not kept yet: those of a few records, to be kept
    once they are judged, with what they come to rival.
    """
    concerned, pairs = set[int](), Pairs.none()
    for start in range(0, len(records), CHUNK):
        chosen = list(records[start : start + CHUNK])
        again = chosen if start else [record for record in chosen if record in before]  # a chunk met those of the next
        concerned.update(again)
        if again:
            (forgotten,) = ask(matcher.connection, (FORGET, {"records": again}))
            concerned.update(record for row in forgotten for record in row)
        found = candidate_pairs(matcher.connection, chosen, asked)
        matcher.meet(found.others)
        aside.update(found.set_aside)
        pairs = compared(matcher, found.pairs)
        pairs = pairs.where(matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1) >= FLOOR)
        ends = {*pairs.a.tolist(), *pairs.b.tolist()}
        if len(records) > CHUNK or len(concerned | ends) > CHUNK:
            concerned |= ends
            _keep(matcher, pairs)
            pairs = Pairs.none()
        else:
            concerned |= ends.intersection(chosen)
    return concerned, pairs


def compared(matcher: Matcher, pairs: Sequence[tuple[int, int]]) -> Pairs:
    """Pairs of records, compared with the rarities in force."""
    people = matcher.known({record for pair in pairs for record in pair})
    flows = {flow: number for number, flow in enumerate(sorted({known.flow for known in people.values()}))}
    persons = [known.person for known in people.values()]
    frequencies = frequencies_for(matcher.connection, matcher.base, persons)
    spark = matcher.matching.spark if matcher.full else None
    return compare(pairs, people, flows=flows, frequencies=frequencies, spark=spark)


def _keep(matcher: Matcher, pairs: Pairs) -> None:
    if len(pairs):
        ask(matcher.connection, (KEEP, _kept(matcher, pairs)))


def _kept(matcher: Matcher, pairs: Pairs) -> dict[str, object]:
    """Compared pairs as columns of the store."""
    levels, bits = pairs.levels.astype(np.uint8), pairs.bits.astype("<f4")
    return {
        "a": pairs.a.tolist(), "b": pairs.b.tolist(), "levels": [row.tobytes() for row in levels],
        "bits": [row.tobytes() for row in bits], "model": matcher.matching.model.version,
    }  # fmt: skip


def judge_again(matcher: Matcher, records: Collection[int], fresh: Pairs) -> set[int]:
    """Decide again every pair of some records, among all its rivals, those ``fresh`` that are not kept yet included, and the pairs that
    these come to rival; returns the records of those decided otherwise than before.
    """
    turned: set[int] = set()
    ordered = sorted(records)
    if len(ordered) > CHUNK:
        _keep(matcher, fresh)
        fresh = Pairs.none()
    others = sorted({*fresh.a.tolist(), *fresh.b.tolist()}.difference(ordered))
    for start in range(0, len(ordered), CHUNK):
        chosen = ordered[start : start + CHUNK]
        (rows,) = matcher.ask((AROUND, {"records": chosen, "others": others}))
        if rows or len(fresh):
            rows, rivalled = _rivalled(matcher, chosen, rows, fresh)
            turned |= _judge(matcher, chosen, rows, fresh, rivalled)
    return turned


def _rivalled(
    matcher: Matcher, records: list[int], rows: list[Any], fresh: Pairs
) -> tuple[list[Any], set[tuple[int, int]]]:
    """The pairs that no record of ``records`` is in and that fresh ones rival better than what did: few, for most are far behind.
    Returns them with all the rows that they are to be judged among.
    """
    if not len(fresh) or not rows:
        return rows, set()
    pairs, _ = _as_pairs(matcher, rows, fresh)
    total = matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1)
    size = len(rows)
    now, then = rivals_of(pairs, total), rivals_of(pairs.where(np.arange(size)), total[:size])
    changed = (now[0][:size] != then[0]) | (now[1][:size] != then[1])
    changed &= ~(np.isin(pairs.a[:size], records) | np.isin(pairs.b[:size], records))
    found = {(rows[place].record_a, rows[place].record_b) for place in np.flatnonzero(changed).tolist()}
    if found:
        known = {(row.record_a, row.record_b) for row in rows}
        beyond = sorted({record for pair in found for record in pair})
        (more,) = matcher.ask((AROUND, {"records": [], "others": beyond}))
        rows = rows + [row for row in more if (row.record_a, row.record_b) not in known]
    return rows, found


def _judge(
    matcher: Matcher, records: list[int], rows: Sequence[Any], fresh: Pairs, rivalled: Collection[tuple[int, int]]
) -> set[int]:
    pairs, sizes = _as_pairs(matcher, rows, fresh)
    rivals = rivals_of(pairs, matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1))
    mine = np.isin(pairs.a, records) | np.isin(pairs.b, records)
    mine |= np.array([pair in rivalled for pair in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)])
    judged = np.flatnonzero(mine)
    considered = consider(
        matcher.matching.model, pairs.where(judged), records=sizes, costs=matcher.matching.costs,
        rivals=(rivals[0][judged], rivals[1][judged]),
    )  # fmt: skip
    pairs, decisions = considered.pairs, outcomes(considered.decided).tolist()
    before = [
        (rows[place].chance, rows[place].decision) if place < len(rows) else (None, None) for place in judged.tolist()
    ]
    decided = zip(considered.decided.chances.round(9).tolist(), decisions, strict=True)
    which = np.flatnonzero([now != then for now, then in zip(decided, before, strict=True)])
    if not len(which):
        return set()
    _write(matcher, considered.where(which), sizes=sizes)
    turned = [place for place in which.tolist() if before[place][1] != decisions[place] or decisions[place] != APART]
    return {int(record) for place in turned for record in (pairs.a[place], pairs.b[place])}


def _as_pairs(matcher: Matcher, rows: Sequence[Any], fresh: Pairs) -> tuple[Pairs, dict[int, int]]:
    """Kept comparisons as columns, then fresh ones, and the size of each source by its number."""
    flow_of = {record: matcher.people[record].flow for record in {*fresh.a.tolist(), *fresh.b.tolist()}}
    flow_of |= {row.record_a: row.flow_a for row in rows} | {row.record_b: row.flow_b for row in rows}
    flows = {flow: number for number, flow in enumerate(sorted(set(flow_of.values())))}
    a = np.array([row.record_a for row in rows] + fresh.a.tolist(), dtype=np.int64)
    b = np.array([row.record_b for row in rows] + fresh.b.tolist(), dtype=np.int64)
    levels = np.frombuffer(b"".join([row.levels for row in rows]), dtype=np.uint8).reshape(-1, LEVELS)
    bits = np.frombuffer(b"".join([row.bits for row in rows]), dtype="<f4").reshape(-1, BITS)
    pairs = Pairs(
        a=a, b=b,
        source_a=np.array([flows[flow_of[record]] for record in a.tolist()], dtype=np.uint8),
        source_b=np.array([flows[flow_of[record]] for record in b.tolist()], dtype=np.uint8),
        levels=np.concatenate([levels, fresh.levels.astype(np.uint8)]),
        bits=np.concatenate([bits, fresh.bits.astype("<f4")]),
    )  # fmt: skip
    return pairs, {number: matcher.base.size(flow) for flow, number in flows.items()}


def _write(matcher: Matcher, considered: Considered, *, sizes: dict[int, int]) -> None:
    decided = considered.decided
    said = evidence_of(matcher.matching.model, considered, records=sizes, costs=matcher.matching.costs)
    judged = {
        "chances": decided.chances.round(9).tolist(), "decisions": outcomes(decided).tolist(),
        "evidence": [orjson.dumps(document).decode() for document in said],
    }  # fmt: skip
    matcher.later.append((DECIDE, _kept(matcher, considered.pairs) | judged))
