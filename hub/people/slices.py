"""Slices: what waits to be matched, a bounded number of records at a time, what came alone before what came in a flood.

One flood in one transaction would have everybody else wait for its end. Records may be matched in any order, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection

SLICE = 500  # records in one transaction: a few seconds
FLOOD = 500  # records of one delivery: more than that is a flood

WAITING = """
select delivery_id, array_agg(id order by id) as records
from source_record where to_match group by delivery_id order by count(*), delivery_id
"""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Records to match in one transaction; whether they came in a flood, so that what they make goes after the rest."""

    records: list[int] = field(default_factory=list)
    flood: bool = False


def slices(connection: Connection, *, deliveries: Collection[int] | None = None) -> list[Slice]:
    """What waits to be matched, in the order to take it; with ``deliveries``, no other flood than theirs."""
    alone: list[int] = []
    floods: list[int] = []
    for row in connection.execute(text(WAITING)):
        if len(row.records) <= FLOOD:
            alone += row.records
        elif deliveries is None or row.delivery_id in deliveries:
            floods += row.records
    return [*_cut(alone, flood=False), *_cut(floods, flood=True)]


def _cut(records: list[int], *, flood: bool) -> Iterator[Slice]:
    for start in range(0, len(records), SLICE):
        yield Slice(records=records[start : start + SLICE], flood=flood)
