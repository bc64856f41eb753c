"""The kept pairs of some records, and those near enough to rival or to be rivalled: read few at a time, and more only where these do not tell."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.identity.model.pairs import BITS, LEVELS, Pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from hub.identity.comparisons import Matcher

Pair = tuple[int, int]
End = tuple[int, int]  # a record, and the source of the other
Around = dict[int, tuple[float, float]]

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
TOP, ALL, MATTER = 8, 1_000_000, 2  # pairs of a record read first, and all of them where these do not tell


def neighbours_of(matcher: Matcher, around: Around, known: Collection[Pair], ends: Collection[End]) -> dict[Pair, Any]:
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


def pairs_of(matcher: Matcher, rows: Sequence[Any]) -> Pairs:
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


def ends_of(pairs: Pairs) -> tuple[list[End], list[End]]:
    """Each record of each pair, with the source of the other."""
    return (
        list(zip(pairs.a.tolist(), pairs.source_b.tolist(), strict=True)),
        list(zip(pairs.b.tolist(), pairs.source_a.tolist(), strict=True)),
    )
