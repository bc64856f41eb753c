"""Pairs judged among their rivals: those that may become something, for no rival makes a link of what is none alone.

A rival can only take chances away. So a pair that would be refused if neither record had another is refused without its rivals being
looked for, in every mode; on a large base that is nearly every pair of a common name. What is left is *contended*.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from hub.identity.comparisons import CHUNK, keep, kept
from hub.identity.evidence import LINK, REVIEW, consider, evidence_of, outcomes
from hub.identity.model.pairs import BITS, LEVELS, Pairs
from hub.identity.model.scorecard import nobody, rivals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from hub.identity.comparisons import Matcher
    from hub.identity.evidence import Considered
    from hub.identity.model.scorecard import Rivals

Pair = tuple[int, int]
End = tuple[int, int]  # a record, and the source of the other
Around = dict[int, tuple[float, float]]
Before = tuple[float | None, str | None]
Decision = tuple["Considered", np.ndarray, list[Before]]  # with which of the pairs are contended

_READ = "c.record_a, c.record_b, c.levels, c.bits, c.chance, c.decision, c.contended, c.total, a.flow as flow_a, b.flow as flow_b"
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

# For each record, its best pairs worth ``least`` bits or more; and those contended worth ``most`` or less, that others come to rival.
NEAR = f"""
select {_READ}, r.record as read_of
from unnest(%(records)s::bigint[], %(least)s::float8[], %(most)s::float8[]) r(record, least, most) cross join lateral (
  (select * from comparison where record_a = r.record and total >= r.least order by total desc limit %(top)s)
  union all (select * from comparison where record_b = r.record and total >= r.least order by total desc limit %(top)s)
  union all select * from comparison where record_a = r.record and contended and total < r.least and total <= r.most
  union all select * from comparison where record_b = r.record and contended and total < r.least and total <= r.most
) c {_FLOWS}
"""  # noqa: S608 - our own
SEEN = {LINK, REVIEW}
TOP, ALL, MATTER = 8, 1_000_000, 2  # pairs of a record read first, and all of them where these do not tell

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
    around = _around(alone, total, reach=model.reach, fresh=len(fresh))
    near = _near(matcher, around, known, set(chain(*_ends(mine.where(alone.contended)))))
    rivalled = _rivalled(matcher, near, fresh, total[len(rows) :])
    if rivalled:
        ends = set(chain(*_ends(_pairs(matcher, [near[pair] for pair in rivalled]))))
        near |= _near(matcher, _around_kept(matcher, rivalled), known, ends)
    beside = list(near.values())
    every = mine.with_(_pairs(matcher, beside))
    rivals = rivals_of(every, model.totals(every)) if len(every) > 1 else nobody(1)
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


def _around(alone: Considered, total: np.ndarray, *, reach: float, fresh: int) -> Around:
    """Of each record, from how many bits on its other pairs may rival one of these; and up to how many the last ``fresh`` of these may
    rival its own.
    """
    around: Around = {}
    a, b, bits = alone.pairs.a.tolist(), alone.pairs.b.tolist(), total.tolist()
    for place in range(len(bits) - fresh, len(bits)):
        for record in (a[place], b[place]):
            _, most = around.get(record, (np.inf, -np.inf))
            around[record] = (np.inf, max(most, bits[place] + reach))
    for place in np.flatnonzero(alone.contended).tolist():
        for record in (a[place], b[place]):
            least, most = around.get(record, (np.inf, -np.inf))
            around[record] = (min(least, bits[place] - reach), most)
    return around


def _around_kept(matcher: Matcher, rows: Mapping[Pair, float]) -> Around:
    """The same for kept pairs that are to be judged again."""
    around: Around = {}
    for pair, total in rows.items():
        for record in pair:
            least, _ = around.get(record, (np.inf, -np.inf))
            around[record] = (min(least, total - matcher.matching.model.reach), -np.inf)
    return around


def _near(matcher: Matcher, around: Around, known: Collection[Pair], ends: Collection[End]) -> dict[Pair, Any]:
    """The kept pairs of some records that may rival or be rivalled, but for those that are ``known``: of each of ``ends``, the best two
    for sure.
    """
    if not around:
        return {}
    rows = _best_of(matcher, around, TOP)
    unsure = _unsure(rows, around, matcher.source, ends)
    if unsure:
        rows = rows + _best_of(matcher, {record: around[record] for record in unsure}, ALL)
    return {pair: row for row in rows if (pair := (row.record_a, row.record_b)) not in known}


def _best_of(matcher: Matcher, around: Around, top: int) -> list[Any]:
    least, most = zip(*around.values(), strict=True)
    asked = {"records": list(around), "least": list(least), "most": list(most), "top": top}
    return matcher.ask((NEAR, asked))[0]


def _unsure(rows: Sequence[Any], around: Around, source_of: Callable[[str], int], ends: Collection[End]) -> set[int]:
    """Records of which as many pairs were read as may be at first, and not surely the best two with a source that is asked for."""
    if len(rows) < TOP:
        return set()
    ranked: defaultdict[tuple[int, bool], list[float]] = defaultdict(list)
    found: defaultdict[End, list[float]] = defaultdict(list)
    for row in rows:
        record, is_a = row.read_of, row.read_of == row.record_a
        if row.total >= around[record][0]:
            ranked[record, is_a].append(row.total)
        if row.total < np.inf:
            found[record, source_of(row.flow_b if is_a else row.flow_a)].append(row.total)
    floor: defaultdict[int, float] = defaultdict(lambda: -np.inf)
    for (record, _), bits in ranked.items():
        if len(bits) >= TOP:
            floor[record] = max(floor[record], min(bits))
    return {
        record for record, source in ends
        if record in floor and sum(bits >= floor[record] for bits in found[record, source]) < MATTER
    }  # fmt: skip


def _rivalled(matcher: Matcher, near: Mapping[Pair, Any], fresh: Pairs, total: np.ndarray) -> dict[Pair, float]:
    """The kept pairs that a fresh one rivals, near enough to matter and better than what is known to rival them; and their bits."""
    rows = list(near.values())
    if not len(fresh) or not any(row.contended for row in rows):
        return {}
    reach, found = matcher.matching.model.reach, dict[Pair, float]()
    joined = _best(_sides(fresh, total))
    pairs = _pairs(matcher, rows)
    bits = matcher.matching.model.totals(pairs)
    before = _best(_sides(pairs, bits))
    for row, one, other, worth in zip(rows, *_ends(pairs), bits.tolist(), strict=True):
        for end in (one, other) if row.contended else ():
            new = joined.get(end, NONE)[0]
            if new >= worth - reach and new > _other(before[end], worth):
                found[row.record_a, row.record_b] = worth
    return found


NONE = (-np.inf, -np.inf)


def _ends(pairs: Pairs) -> tuple[list[End], list[End]]:
    """Each record of each pair, with the source of the other."""
    return (
        list(zip(pairs.a.tolist(), pairs.source_b.tolist(), strict=True)),
        list(zip(pairs.b.tolist(), pairs.source_a.tolist(), strict=True)),
    )


def _sides(pairs: Pairs, total: np.ndarray) -> Iterable[tuple[End, float]]:
    one, other = _ends(pairs)
    return zip(one + other, total.tolist() * 2, strict=True)


def _best(sides: Iterable[tuple[End, float]]) -> dict[End, tuple[float, float]]:
    """The best bits at each end, and the second."""
    best: dict[End, tuple[float, float]] = {}
    for end, bits in sides:
        first, second = best.get(end, NONE)
        best[end] = (bits, first) if bits > first else (first, max(second, bits))
    return best


def _other(best: tuple[float, float], own: float) -> float:
    """The best of the others."""
    return best[1] if own == best[0] else best[0]


def _settled(alone: Considered, rivals: Rivals, matcher: Matcher, before: list[Before]) -> list[Decision]:
    """Pairs as they were decided alone; the contended ones that have a rival, among their rivals. Only those decided otherwise than
    ``before``.
    """
    again = alone.contended & (np.maximum(*rivals) > -np.inf)
    parts = [(alone, alone.contended, list(range(len(before))))]
    if again.any():
        among, others = np.flatnonzero(again), np.flatnonzero(~again)
        judged = _considered(matcher, alone.pairs.where(among), _of(rivals, among))
        parts = [
            (alone.where(others), alone.contended[others], others.tolist()),
            (judged, again[among], among.tolist()),
        ]
    found = []
    for part, contended, places in parts:
        then = [before[place] for place in places]
        now = zip(part.decided.chances.round(9).tolist(), outcomes(part.decided).tolist(), strict=True)
        other = np.flatnonzero([one != two for one, two in zip(now, then, strict=True)])
        if len(other) == len(then) > 0:
            found.append((part, contended, then))
        elif len(other):
            found.append((part.where(other), contended[other], [then[place] for place in other.tolist()]))
    return found


def _write(matcher: Matcher, decided: list[Decision]) -> set[int]:
    """Keep what was decided, later; returns the records of pairs that are, or were, linked or proposed. Whoever is new or changed has its
    person made again anyway: a pair of it that is refused puts nobody else in question.
    """
    turned: set[int] = set()
    columns: dict[str, Any] = {}
    for part, contended, before in decided:
        words = outcomes(part.decided).tolist()
        said = evidence_of(matcher.matching.model, part, records=matcher.sizes(), costs=matcher.matching.costs)
        judged = kept(matcher, part.pairs) | {
            "chances": part.decided.chances.round(9).tolist(), "decisions": words, "contended": contended.tolist(),
            "evidence": [orjson.dumps(document).decode() for document in said],
        }  # fmt: skip
        columns = {
            name: columns[name] + value if columns and isinstance(value, list) else value
            for name, value in judged.items()
        }
        for a, b, word, (_, then) in zip(part.pairs.a.tolist(), part.pairs.b.tolist(), words, before, strict=True):
            if word in SEEN or then in SEEN:
                turned |= {a, b}
    if columns:
        matcher.later.append((DECIDE, columns))
    return turned
