"""Quality over time and between partners: what the suites measured, delivery after delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

COMPARED = """
select f.flow, count(d.id) filter (where d.state = 'applied') as applied,
       count(d.id) filter (where d.state in ('refused', 'held')) as not_applied,
       coalesce(sum(d.received) filter (where d.state = 'applied'), 0) as received,
       coalesce(sum(d.quarantined) filter (where d.state = 'applied'), 0) as quarantined,
       coalesce(sum(d.unchanged) filter (where d.state = 'applied'), 0) as unchanged,
       percentile_cont(0.5) within group (order by extract(epoch from d.closed_at - d.arrived_at))
         filter (where d.state = 'applied') as seconds
from unnest(cast(:flows as text[])) with ordinality as f (flow, place)
left join delivery d on d.flow = f.flow and d.received_at >= :since
group by f.flow, f.place order by f.place
"""


def compared(connection: Connection, flows: Sequence[str], *, since: datetime) -> Sequence[Any]:
    """Each flow since a day: deliveries, records, refusals, and the median time from arrival to application."""
    return connection.execute(text(COMPARED), {"flows": list(flows), "since": since}).all()
