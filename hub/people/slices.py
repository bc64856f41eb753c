"""Slices: what waits to be matched, a bounded number of records at a time, what came alone before what came in a flood.

One flood in one transaction would have everybody else wait for its end. Records may be matched in any order, with the same result.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection

SLICE = 1000  # records in one transaction: a few seconds
FLOOD = 500  # records of one delivery: more than that is a flood

WAITING = """
select delivery_id, array_agg(id order by id) as records
from source_record where to_match group by delivery_id order by count(*), delivery_id
"""


def slices(connection: Connection, *, deliveries: Collection[int] | None = None) -> list[list[int]]:
    """What waits to be matched, in the order to take it; with ``deliveries``, no other flood than theirs."""
    alone: list[int] = []
    floods: list[int] = []
    for row in connection.execute(text(WAITING)):
        if len(row.records) <= FLOOD:
            alone += row.records
        elif deliveries is None or row.delivery_id in deliveries:
            floods += row.records
    return [*_evenly(alone), *_evenly(floods)]


def _evenly(records: list[int]) -> Iterator[list[int]]:
    """Slices of nearly one size: the last one of a flood is not taken for what came alone."""
    number = ceil(len(records) / SLICE)
    for place in range(number):
        yield records[place * len(records) // number : (place + 1) * len(records) // number]
