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
from hub.identity.evidence import LINK, REVIEW, consider, evidence_of, outcomes
from hub.identity.model.pairs import Pairs
from hub.identity.model.scorecard import nobody, rivals_of
from hub.identity.neighbours import OF, ends_of, neighbours_of, pairs_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from hub.identity.comparisons import Matcher
    from hub.identity.evidence import Considered
    from hub.identity.model.scorecard import Rivals
    from hub.identity.neighbours import Around, End, Pair

Before = tuple[float | None, str | None]
Decision = tuple["Considered", np.ndarray, list[Before]]  # with which of the pairs are contended

SEEN = {LINK, REVIEW}

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
    mine = pairs_of(matcher, rows).with_(fresh)
    total = model.totals(mine)
    alone = _considered(matcher, mine, nobody(len(mine)))
    known = {(row.record_a, row.record_b) for row in rows}
    around = _around(alone, total, reach=model.reach, fresh=len(fresh))
    near = neighbours_of(matcher, around, known, set(chain(*ends_of(mine.where(alone.contended)))))
    rivalled = _rivalled(matcher, near, fresh, total[len(rows) :])
    if rivalled:
        ends = set(chain(*ends_of(pairs_of(matcher, [near[pair] for pair in rivalled]))))
        near |= neighbours_of(matcher, _around_kept(matcher, rivalled), known, ends)
    beside = list(near.values())
    every = mine.with_(pairs_of(matcher, beside))
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


def _rivalled(matcher: Matcher, near: Mapping[Pair, Any], fresh: Pairs, total: np.ndarray) -> dict[Pair, float]:
    """The kept pairs that a fresh one rivals, near enough to matter and better than what is known to rival them; and their bits."""
    rows = list(near.values())
    if not len(fresh) or not any(row.contended for row in rows):
        return {}
    reach = matcher.matching.model.reach
    found: dict[Pair, float] = {}
    joined = _best(_sides(fresh, total))
    pairs = pairs_of(matcher, rows)
    bits = matcher.matching.model.totals(pairs)
    before = _best(_sides(pairs, bits))
    for row, one, other, worth in zip(rows, *ends_of(pairs), bits.tolist(), strict=True):
        for end in (one, other) if row.contended else ():
            new = joined.get(end, NONE)[0]
            if new >= worth - reach and new > _other(before[end], worth):
                found[row.record_a, row.record_b] = worth
    return found


NONE = (-np.inf, -np.inf)


def _sides(pairs: Pairs, total: np.ndarray) -> Iterable[tuple[End, float]]:
    one, other = ends_of(pairs)
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
