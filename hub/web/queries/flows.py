"""The history of a flow: its deliveries, what was refused and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

DELIVERIES = """
select id, name, state, kind, reference_date, arrived_at, closed_at, units, control_total, received, applied, unchanged,
       superseded, quarantined, refused, entered, "left", extract(epoch from closed_at - arrived_at) as seconds
from delivery
where flow = :flow and (cast(:before as bigint) is null or id < :before)
order by id desc limit :limit
"""

HISTORY = """
select id, coalesce(reference_date, (arrived_at at time zone 'Europe/Paris')::date) as day, kind, received, quarantined,
       extract(epoch from closed_at - arrived_at) as seconds, profile -> 'filled' as filled,
       (profile ->> 'records')::int as records, profile -> 'measures' as measures
from delivery where flow = :flow and state in ('applied', 'outdated', 'held') and received is not null
order by id desc limit :limit
"""

REFUSED = """
select q.rule, count(*) as records
from delivery d join quarantine q on q.delivery_id = d.id and q.state = 'open'
where d.flow = :flow and d.quarantined > 0 group by q.rule order by records desc, q.rule limit 10
"""


def deliveries(
    connection: Connection, flow: str, *, before: int | None = None, limit: int = 25
) -> list[dict[str, Any]]:
    """The deliveries of a flow, latest first, before a given one."""
    rows = connection.execute(text(DELIVERIES), {"flow": flow, "before": before, "limit": limit})
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name


def history(connection: Connection, flow: str, *, limit: int = 30) -> list[Any]:
    """The last deliveries that were read to their end, oldest first: volumes, fills, latency, measures."""
    rows = list(connection.execute(text(HISTORY), {"flow": flow, "limit": limit}))
    return rows[::-1]


def refused_by_rule(connection: Connection, flow: str) -> list[Any]:
    """What waits in quarantine, by the rule that refused it."""
    return list(connection.execute(text(REFUSED), {"flow": flow}))
