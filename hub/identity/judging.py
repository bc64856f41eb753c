"""Pairs judged among their rivals: those that may become something, for no rival makes a link of what is none alone.

A rival can only take chances away. So a pair that would be refused if neither record had another is refused without its rivals being
looked for, in every mode; on a large base that is nearly every pair of a common name. What is left is *contended*.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from hub.identity.comparisons import CHUNK, keep, kept
from hub.identity.evidence import APART, consider, evidence_of, outcomes
from hub.identity.model.pairs import BITS, LEVELS, Pairs
from hub.identity.model.scorecard import nobody, rivals_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from hub.identity.comparisons import Matcher
    from hub.identity.evidence import Considered
    from hub.identity.model.scorecard import Rivals

Around = dict[int, tuple[float, bool]]
Before = tuple[float | None, str | None]
Decision = tuple["Considered", list[Before]]

_READ = (
    "c.record_a, c.record_b, c.levels, c.bits, c.chance, c.decision, c.contended, a.flow as flow_a, b.flow as flow_b"
)
_FLOWS = """
cross join lateral (select flow from source_identity where source_record_id = c.record_a offset 0) a
cross join lateral (select flow from source_identity where source_record_id = c.record_b offset 0) b
"""

# The pairs of some records.
OF = f"""
select {_READ}
from unnest(%(records)s::bigint[]) r(record) cross join lateral (
  select * from comparison where record_a = r.record
  union all select * from comparison where record_b = r.record and record_a <> all(%(records)s::bigint[])
) c {_FLOWS}
order by 1, 2
"""  # noqa: S608 - our own

# For each record, its pairs worth ``least`` bits or more; and, where others came to rival them, all that are contended.
NEAR = f"""
select {_READ}
from unnest(%(records)s::bigint[], %(least)s::float8[], %(joined)s::boolean[]) r(record, least, joined) cross join lateral (
  select * from comparison where record_a = r.record and total >= r.least
  union all select * from comparison where record_b = r.record and total >= r.least
  union all select * from comparison where record_a = r.record and contended and total < r.least and r.joined
  union all select * from comparison where record_b = r.record and contended and total < r.least and r.joined
) c {_FLOWS}
"""  # noqa: S608 - our own

DECIDE = """
insert into comparison (record_a, record_b, levels, bits, model, total, chance, decision, contended, evidence)
select a, b, levels, bits, %(model)s, total, chance, decision, contended, evidence::jsonb
from unnest(%(a)s::bigint[], %(b)s::bigint[], %(levels)s::bytea[], %(bits)s::bytea[], %(totals)s::float8[], %(chances)s::float8[],
            %(decisions)s::text[], %(contended)s::boolean[], %(evidence)s::text[])
  j(a, b, levels, bits, total, chance, decision, contended, evidence)
on conflict (record_a, record_b) do update
set total = excluded.total, chance = excluded.chance, decision = excluded.decision, contended = excluded.contended,
  evidence = excluded.evidence
"""


def judge_again(matcher: Matcher, records: Collection[int], fresh: Pairs) -> set[int]:
    """Decide every pair that is kept of some records, those ``fresh`` that are not kept yet, and the contended ones that these come to
    rival; returns the records of those decided otherwise than before.
    """
    turned: set[int] = set()
    ordered = sorted(records)
    if len(ordered) > CHUNK:
        keep(matcher, fresh)
        fresh = Pairs.none()
    for start in range(0, len(ordered) or 1, CHUNK):
        chosen = ordered[start : start + CHUNK]
        rows = matcher.ask((OF, {"records": chosen}))[0] if chosen else []
        if rows or len(fresh):
            turned |= _judge(matcher, rows, fresh)
        fresh = Pairs.none()
    return turned


def _judge(matcher: Matcher, rows: Sequence[Any], fresh: Pairs) -> set[int]:
    model = matcher.matching.model
    mine = _pairs(matcher, rows).with_(fresh)
    total = model.totals(mine)
    alone = _considered(matcher, mine, nobody(len(mine)))
    known = {(row.record_a, row.record_b) for row in rows}
    near = _near(matcher, _around(alone, total, reach=model.reach, fresh=fresh), known)
    rivalled = _rivalled(matcher, near, fresh, total[len(rows) :])
    if rivalled:
        near |= _near(matcher, _around_kept(matcher, rivalled), known)
    beside = list(near.values())
    every = mine.with_(_pairs(matcher, beside)) if beside else mine
    rivals = rivals_of(every, model.totals(every))
    before = [(row.chance, row.decision) for row in rows] + [(None, None)] * len(fresh)
    decided = _settled(alone, _of(rivals, np.arange(len(mine))), matcher, before)
    if rivalled:
        places = np.array(
            [len(mine) + place for place, row in enumerate(beside) if (row.record_a, row.record_b) in rivalled]
        )
        pairs = every.where(places)
        kept_alone = _considered(matcher, pairs, nobody(len(pairs)))
        then = [(row.chance, row.decision) for row in beside if (row.record_a, row.record_b) in rivalled]
        decided += _settled(kept_alone, _of(rivals, places), matcher, then)
    return _write(matcher, decided)


def _considered(matcher: Matcher, pairs: Pairs, rivals: Rivals) -> Considered:
    matching = matcher.matching
    return consider(matching.model, pairs, records=matcher.sizes(), costs=matching.costs, rivals=rivals)


def _of(rivals: Rivals, places: np.ndarray) -> Rivals:
    return rivals[0][places], rivals[1][places]


def _pairs(matcher: Matcher, rows: Sequence[Any]) -> Pairs:
    """Kept comparisons as columns."""
    if not rows:
        return Pairs.none()
    return Pairs(
        a=np.array([row.record_a for row in rows], dtype=np.int64),
        b=np.array([row.record_b for row in rows], dtype=np.int64),
        source_a=np.array([matcher.source(row.flow_a) for row in rows], dtype=np.uint8),
        source_b=np.array([matcher.source(row.flow_b) for row in rows], dtype=np.uint8),
        levels=np.frombuffer(b"".join([row.levels for row in rows]), dtype=np.uint8).reshape(-1, LEVELS),
        bits=np.frombuffer(b"".join([row.bits for row in rows]), dtype="<f4").reshape(-1, BITS),
    )


def _around(alone: Considered, total: np.ndarray, *, reach: float, fresh: Pairs) -> Around:
    """Of each record, from how many bits on its other pairs may rival one of these, and whether these may rival its own."""
    around: Around = dict.fromkeys(chain(fresh.a.tolist(), fresh.b.tolist()), (np.inf, True))
    for place in np.flatnonzero(alone.contended).tolist():
        for record in (int(alone.pairs.a[place]), int(alone.pairs.b[place])):
            least, joined = around.get(record, (np.inf, False))
            around[record] = (min(least, float(total[place]) - reach), joined)
    return around


def _around_kept(matcher: Matcher, rows: Mapping[tuple[int, int], float]) -> Around:
    """The same for kept pairs that are to be judged again."""
    around: Around = {}
    for pair, total in rows.items():
        for record in pair:
            least, _ = around.get(record, (np.inf, False))
            around[record] = (min(least, total - matcher.matching.model.reach), False)
    return around


def _near(matcher: Matcher, around: Around, known: Collection[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    """The kept pairs of some records that may rival or be rivalled, but for those that are ``known``."""
    if not around:
        return {}
    least, joined = zip(*around.values(), strict=True)
    (rows,) = matcher.ask((NEAR, {"records": list(around), "least": list(least), "joined": list(joined)}))
    return {pair: row for row in rows if (pair := (row.record_a, row.record_b)) not in known}


def _rivalled(
    matcher: Matcher, near: Mapping[tuple[int, int], Any], fresh: Pairs, total: np.ndarray
) -> dict[tuple[int, int], float]:
    """The kept pairs that a fresh one rivals near enough to matter, and their bits."""
    contended = [row for row in near.values() if row.contended]
    if not contended or not len(fresh):
        return {}
    best: dict[tuple[int, int], float] = {}
    for record, source, bits in chain(_sides(fresh.a, fresh.source_b, total), _sides(fresh.b, fresh.source_a, total)):
        best[record, source] = max(bits, best.get((record, source), -np.inf))
    model, found = matcher.matching.model, dict[tuple[int, int], float]()
    for row, bits in zip(contended, model.totals(_pairs(matcher, contended)).tolist(), strict=True):
        sides = ((row.record_a, matcher.source(row.flow_b)), (row.record_b, matcher.source(row.flow_a)))
        if any(best.get(side, -np.inf) >= bits - model.reach for side in sides):
            found[row.record_a, row.record_b] = bits
    return found


def _sides(records: np.ndarray, sources: np.ndarray, total: np.ndarray) -> Iterable[tuple[int, int, float]]:
    return zip(records.tolist(), sources.tolist(), total.tolist(), strict=True)


def _settled(alone: Considered, rivals: Rivals, matcher: Matcher, before: list[Before]) -> list[Decision]:
    """Pairs as they were decided alone; the contended ones that have a rival, among their rivals. Only those decided otherwise than
    ``before``.
    """
    again = alone.contended & (np.maximum(*rivals) > -np.inf)
    parts = [(alone, ~again)]
    if again.any():
        pairs, places = alone.pairs.where(again), np.flatnonzero(again)
        among = _considered(matcher, pairs, _of(rivals, places))
        parts = [(alone.where(~again), ~again), (among, again)]
    found = []
    for part, which in parts:
        then = [before[place] for place in np.flatnonzero(which).tolist()]
        now = zip(part.decided.chances.round(9).tolist(), outcomes(part.decided).tolist(), strict=True)
        other = np.flatnonzero([one != two for one, two in zip(now, then, strict=True)])
        if len(other):
            found.append((part.where(other), [then[place] for place in other.tolist()]))
    return found


def _write(matcher: Matcher, decided: list[Decision]) -> set[int]:
    """Keep what was decided, later; returns the records of pairs that are, or were, more than apart."""
    turned: set[int] = set()
    columns: dict[str, Any] = {}
    for part, before in decided:
        words = outcomes(part.decided).tolist()
        said = evidence_of(matcher.matching.model, part, records=matcher.sizes(), costs=matcher.matching.costs)
        judged = kept(matcher, part.pairs) | {
            "chances": part.decided.chances.round(9).tolist(), "decisions": words, "contended": part.contended.tolist(),
            "evidence": [orjson.dumps(document).decode() for document in said],
        }  # fmt: skip
        columns = {
            name: columns[name] + value if columns and isinstance(value, list) else value
            for name, value in judged.items()
        }
        for a, b, word, (_, then) in zip(part.pairs.a.tolist(), part.pairs.b.tolist(), words, before, strict=True):
            if word != APART or then != word:
                turned |= {a, b}
    if columns:
        matcher.later.append((DECIDE, columns))
    return turned
