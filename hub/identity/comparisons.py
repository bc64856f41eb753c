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
from hub.identity.evidence import APART, evidence_of, outcomes
from hub.identity.model.decision import Decided, decide
from hub.identity.model.pairs import BITS, LEVELS, Pairs
from hub.identity.model.scorecard import rivals_of
from hub.identity.rarity import frequencies_for
from hub.identity.records import load_known
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.identity.comparable import Known
    from hub.identity.matching import Matching
    from hub.identity.model.scorecard import Rivals
    from hub.identity.rarity import Base
    from hub.storage.statements import Asked
    from hub.storage.vault import Vault

CHUNK = 5_000
FLOOR = -12.0  # bits below which a pair is neither near a decision nor a rival of one that is

FORGET = """
delete from comparison where record_a = any(%(records)b::bigint[]) or record_b = any(%(records)b::bigint[]) returning record_a, record_b
"""

KEEP = """
insert into comparison (record_a, record_b, levels, bits, model)
select *, %(model)s from unnest(%(a)b::bigint[], %(b)b::bigint[], %(levels)b::bytea[], %(bits)b::bytea[])
"""

# Records with a pair that was never judged, or whose rival went away.
TO_JUDGE = """
select record_a as record from comparison where chance is null union select record_b from comparison where chance is null
"""

# The pairs of some records and of all that have one with them: a pair is judged among the rivals of both sides.
AROUND = """
with beside as materialized (
  select unnest(%(records)b::bigint[]) as record
  union select record_b from comparison where record_a = any(%(records)b::bigint[])
  union select record_a from comparison where record_b = any(%(records)b::bigint[])
), around as (
  select c.record_a, c.record_b from beside b join comparison c on c.record_a = b.record
  union select c.record_a, c.record_b from beside b join comparison c on c.record_b = b.record
)
select c.record_a, c.record_b, c.levels, c.bits, c.chance, c.decision, a.flow as flow_a, b.flow as flow_b
from around join comparison c using (record_a, record_b)
join source_identity a on a.source_record_id = c.record_a
join source_identity b on b.source_record_id = c.record_b
order by 1, 2
"""

DECIDE = """
insert into comparison (record_a, record_b, levels, bits, model, chance, decision, evidence)
select a, b, levels, bits, %(model)s, chance, decision, evidence::jsonb
from unnest(%(a)b::bigint[], %(b)b::bigint[], %(levels)b::bytea[], %(bits)b::bytea[], %(chances)b::float8[], %(decisions)b::text[],
            %(evidence)b::text[]) j(a, b, levels, bits, chance, decision, evidence)
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

    def known(self, records: Collection[int]) -> dict[int, Known]:
        """Who some records are; while they are few, each is read once in a transaction."""
        if len(self.people) + len(records) > CHUNK:
            self.people.clear()
        missing = [record for record in records if record not in self.people]
        self.people.update(load_known(self.connection, self.vault, missing))
        return {record: self.people[record] for record in records if record in self.people}


def compare_again(
    matcher: Matcher, records: Sequence[int], before: Collection[int], aside: Counter[str]
) -> tuple[set[int], Pairs]:
    """Compare some records, of which some were compared ``before``, with all that share a key with them.

    Returns every record whose pairs must be judged again, and the pairs that are not kept yet: those of a few records, to be kept once
    they are judged.
    """
    concerned, pairs = set(records), Pairs.none()
    for start in range(0, len(records), CHUNK):
        _keep(matcher, pairs)
        chosen = list(records[start : start + CHUNK])
        again = chosen if start else [record for record in chosen if record in before]  # a chunk met those of the next
        if again:
            (forgotten,) = ask(matcher.connection, (FORGET, {"records": again}))
            concerned.update(record for row in forgotten for record in row)
        found = candidate_pairs(matcher.connection, chosen)
        aside.update(found.set_aside)
        pairs = compared(matcher, found.pairs)
        pairs = pairs.where(matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1) >= FLOOR)
        concerned.update(pairs.a.tolist(), pairs.b.tolist())
    if len(records) > CHUNK or len(concerned) > CHUNK:
        _keep(matcher, pairs)
        return concerned, Pairs.none()
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
    """Decide again every pair of some records, among all its rivals, those ``fresh`` that are not kept yet included; returns the
    records of those decided otherwise than before.
    """
    turned: set[int] = set()
    ordered = sorted(records)
    if len(ordered) > CHUNK:
        _keep(matcher, fresh)
        fresh = Pairs.none()
    for start in range(0, len(ordered), CHUNK):
        (rows,) = matcher.ask((AROUND, {"records": ordered[start : start + CHUNK]}))
        if rows or len(fresh):
            turned |= _judge(matcher, ordered[start : start + CHUNK], rows, fresh)
    return turned


def _judge(matcher: Matcher, records: list[int], rows: Sequence[Any], fresh: Pairs) -> set[int]:
    pairs, sizes = _as_pairs(matcher, rows, fresh)
    rivals = rivals_of(pairs, matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1))
    decided = decide(matcher.matching.model, pairs, records=sizes, costs=matcher.matching.costs, rivals=rivals)
    chances, decisions = decided.chances.round(9), outcomes(decided).tolist()
    mine = np.isin(pairs.a, records) | np.isin(pairs.b, records)
    before = [(row.chance, row.decision) for row in rows] + [(None, None)] * len(fresh)
    otherwise = [now != then for now, then in zip(zip(chances.tolist(), decisions, strict=True), before, strict=True)]
    which = np.flatnonzero(mine & np.array(otherwise))
    if not len(which):
        return set()
    _write(matcher, pairs, decided, rivals=rivals, sizes=sizes, which=which)
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


def _write(
    matcher: Matcher, pairs: Pairs, decided: Decided, *, rivals: Rivals, sizes: dict[int, int], which: np.ndarray
) -> None:
    chosen = Decided(
        chances=decided.chances[which], link=decided.link[which], review=decided.review[which], never=decided.never[which]
    )  # fmt: skip
    few = pairs.where(which)
    said = evidence_of(
        matcher.matching.model,
        few,
        chosen,
        records=sizes,
        costs=matcher.matching.costs,
        rivals=(rivals[0][which], rivals[1][which]),
    )
    judged = {
        "chances": chosen.chances.round(9).tolist(), "decisions": outcomes(chosen).tolist(),
        "evidence": [orjson.dumps(document).decode() for document in said],
    }  # fmt: skip
    matcher.later.append((DECIDE, _kept(matcher, few) | judged))
