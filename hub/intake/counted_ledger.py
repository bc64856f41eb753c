"""The running ledger as it was last counted, row by row: counted again when a flow's deliveries moved, kept for the screens.

Counting reads every movement of a flow, a second per million: too long for each look at a page, short enough for the first
look after a delivery, and `oversee` has mostly done it by then.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.intake.running_ledger import running_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

# Erasure and retention take rows away without a delivery: a count does not stand longer than this.
STANDS = timedelta(hours=24)

MARK = """
select count(*) || '/' || count(*) filter (where state = 'applied') || '/' || coalesce(sum(applied), 0) || '/'
  || coalesce(sum(entered) - sum("left"), 0) || '/' || coalesce(extract(epoch from max(closed_at)), 0)
from delivery where flow = :flow
"""

KEPT = "select lines, counted_at from counted_ledger where flow = :flow and mark = :mark and counted_at > :since"

KEEP = """
insert into counted_ledger (flow, lines, mark, counted_at) values (:flow, cast(:lines as jsonb), :mark, :now)
on conflict (flow) do update set lines = excluded.lines, mark = excluded.mark, counted_at = excluded.counted_at
"""


def counted_ledger(connection: Connection, flow: str, *, now: datetime) -> tuple[list[dict[str, Any]], datetime]:
    """The months of a flow's running ledger, oldest first, and when they were counted; counts and keeps them if need be."""
    mark = connection.execute(text(MARK), {"flow": flow}).scalar_one()
    asked = {"flow": flow, "mark": mark, "since": now - STANDS}
    kept = connection.execute(text(KEPT), asked).first()
    if kept is not None:
        return kept.lines, kept.counted_at
    lines = running_ledger(connection, flow=flow)
    written = orjson.dumps(lines).decode()
    connection.execute(text(KEEP), {"flow": flow, "mark": mark, "lines": written, "now": now})
    return lines, now


def count_ledgers(connection: Connection, flows: Iterable[str], *, now: datetime) -> int:
    """Count the ledgers of the flows whose deliveries moved; returns how many flows have a month that does not close."""
    return sum(not all(line["closes"] for line in counted_ledger(connection, flow, now=now)[0]) for flow in flows)
