"""The pairs that were compared, as they are kept: what each is worth alone, and what was decided of it among its rivals.

What a pair weighs depends on its two records only. What is decided of it depends on the rivals of both, so that a new record has
the pairs around it judged again; nothing depends on the order in which records came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from sqlalchemy import text

from hub.identity.candidates import candidate_pairs
from hub.identity.comparing import compare
from hub.identity.evidence import APART, evidence_of, outcomes
from hub.identity.model.decision import Decided, decide
from hub.identity.model.pairs import BITS, LEVELS, Pairs
from hub.identity.model.scorecard import rivals_of
from hub.identity.rarity import frequencies_for
from hub.identity.records import load_known

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.identity.matching import Matching
    from hub.identity.model.scorecard import Rivals
    from hub.identity.rarity import Base
    from hub.storage.vault import Vault

CHUNK = 5_000
FLOOR = -12.0  # bits below which a pair is neither near a decision nor a rival of one that is

FORGET = """
delete from comparison where record_a = any(:records) or record_b = any(:records) returning record_a, record_b
"""

KEEP = """
insert into comparison (record_a, record_b, levels, bits, model)
select *, :model from unnest(cast(:a as bigint[]), cast(:b as bigint[]), cast(:levels as bytea[]), cast(:bits as bytea[]))
"""

TO_JUDGE = """
select record_a as record from comparison where chance is null union select record_b from comparison where chance is null
"""

BESIDE = """
select record_b as record from comparison where record_a = any(:records)
union select record_a from comparison where record_b = any(:records)
union select unnest(cast(:records as bigint[]))
"""

AROUND = """
select record_a, record_b, levels, bits, chance, decision from comparison where record_a = any(:records)
union
select record_a, record_b, levels, bits, chance, decision from comparison where record_b = any(:records)
order by 1, 2
"""

FLOWS = "select source_record_id as record, flow from source_identity where source_record_id = any(:records)"

DECIDE = """
update comparison c set chance = j.chance, decision = j.decision, evidence = cast(j.evidence as jsonb)
from unnest(cast(:a as bigint[]), cast(:b as bigint[]), cast(:chances as float8[]), cast(:decisions as text[]),
            cast(:evidence as text[])) j(a, b, chance, decision, evidence)
where c.record_a = j.a and c.record_b = j.b
"""


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """What pairs are compared and decided with."""

    connection: Connection
    vault: Vault
    matching: Matching
    base: Base
    full: bool = False


def compare_again(matcher: Matcher, records: Sequence[int], aside: Counter[str]) -> set[int]:
    """Compare some records with all that share a key with them; returns every record whose pairs must be judged again."""
    concerned = set(records)
    for start in range(0, len(records), CHUNK):
        chosen = list(records[start : start + CHUNK])
        forgotten = matcher.connection.execute(text(FORGET), {"records": chosen})
        concerned.update(record for row in forgotten for record in row)
        found = candidate_pairs(matcher.connection, chosen)
        aside.update(found.set_aside)
        pairs = compared(matcher, found.pairs)
        pairs = pairs.where(matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1) >= FLOOR)
        _keep(matcher, pairs)
        concerned.update(pairs.a.tolist(), pairs.b.tolist())
    return concerned


def compared(matcher: Matcher, pairs: Sequence[tuple[int, int]]) -> Pairs:
    """Pairs of records, compared with the rarities in force."""
    people = load_known(matcher.connection, matcher.vault, {record for pair in pairs for record in pair})
    flows = {flow: number for number, flow in enumerate(sorted({known.flow for known in people.values()}))}
    persons = [known.person for known in people.values()]
    frequencies = frequencies_for(matcher.connection, matcher.base, persons)
    spark = matcher.matching.spark if matcher.full else None
    return compare(pairs, people, flows=flows, frequencies=frequencies, spark=spark)


def _keep(matcher: Matcher, pairs: Pairs) -> None:
    levels, bits = pairs.levels.astype(np.uint8), pairs.bits.astype("<f4")
    matcher.connection.execute(
        text(KEEP),
        {
            "a": pairs.a.tolist(),
            "b": pairs.b.tolist(),
            "levels": [row.tobytes() for row in levels],
            "bits": [row.tobytes() for row in bits],
            "model": matcher.matching.model.version,
        },
    )


def to_judge(connection: Connection) -> set[int]:
    """Records with a pair that was never judged, or whose rival went away."""
    return set(connection.execute(text(TO_JUDGE)).scalars())


def judge_again(matcher: Matcher, records: Collection[int]) -> set[int]:
    """Decide again every pair of some records, among all its rivals; returns the records of those decided otherwise than before."""
    turned: set[int] = set()
    ordered = sorted(records)
    for start in range(0, len(ordered), CHUNK):
        turned |= _judge_chunk(matcher, ordered[start : start + CHUNK])
    return turned


def _judge_chunk(matcher: Matcher, records: list[int]) -> set[int]:
    connection = matcher.connection
    beside = connection.execute(text(BESIDE), {"records": records}).scalars().all()
    rows = connection.execute(text(AROUND), {"records": list(beside)}).all()
    if not rows:
        return set()
    pairs, sizes = _as_pairs(matcher, rows)
    rivals = rivals_of(pairs, matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1))
    decided = decide(matcher.matching.model, pairs, records=sizes, costs=matcher.matching.costs, rivals=rivals)
    chances, decisions = decided.chances.round(9), outcomes(decided)
    mine = np.isin(pairs.a, records) | np.isin(pairs.b, records)
    as_before = np.array(
        [row.chance == chance and row.decision == word for row, chance, word in zip(rows, chances, decisions, strict=True)]
    )  # fmt: skip
    which = np.flatnonzero(mine & ~as_before)
    if not len(which):
        return set()
    _write(matcher, pairs, decided, rivals=rivals, sizes=sizes, which=which)
    turned = [
        place for place in which.tolist() if rows[place].decision != decisions[place] or decisions[place] != APART
    ]
    return {int(record) for place in turned for record in (pairs.a[place], pairs.b[place])}


def _as_pairs(matcher: Matcher, rows: Sequence[Any]) -> tuple[Pairs, dict[int, int]]:
    """Kept comparisons as columns, and the size of each source by its number."""
    a, b = np.array([row.record_a for row in rows]), np.array([row.record_b for row in rows])
    ids = np.unique(np.concatenate([a, b])).tolist()
    flow_of = {row.record: row.flow for row in matcher.connection.execute(text(FLOWS), {"records": ids})}
    flows = {flow: number for number, flow in enumerate(sorted(set(flow_of.values())))}
    source = {record: flows[flow] for record, flow in flow_of.items()}
    pairs = Pairs(
        a=a, b=b,
        source_a=np.array([source[record] for record in a.tolist()], dtype=np.uint8),
        source_b=np.array([source[record] for record in b.tolist()], dtype=np.uint8),
        levels=np.frombuffer(b"".join(bytes(row.levels) for row in rows), dtype=np.uint8).reshape(-1, LEVELS),
        bits=np.frombuffer(b"".join(bytes(row.bits) for row in rows), dtype="<f4").reshape(-1, BITS),
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
    matcher.connection.execute(
        text(DECIDE),
        {
            "a": few.a.tolist(),
            "b": few.b.tolist(),
            "chances": chosen.chances.round(9).tolist(),
            "decisions": outcomes(chosen).tolist(),
            "evidence": [orjson.dumps(document).decode() for document in said],
        },
    )
