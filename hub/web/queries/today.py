"""What an operator looks at first: each flow's last delivery, what is expected, what is late."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from croniter import croniter
from sqlalchemy import text

from hub.days import PARIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from connectors.declaration import Flow

LAST = """
select f.flow, d.id, d.arrived_at, d.state, d.reason, d.quarantined, d.received, ok.arrived_at as last_applied,
       coalesce(p.people, 0) as people, a.late
from unnest(cast(:flows as text[])) with ordinality as f (flow, place)
left join lateral (
  select * from delivery where flow = f.flow and state not in ('repeated', 'redated')
  order by received_at desc, id desc limit 1) d on true
left join lateral (
  select arrived_at from delivery where flow = f.flow and state = 'applied' order by received_at desc, id desc limit 1) ok on true
left join lateral (
  select sum(entered) - sum("left") as people from delivery where flow = f.flow and state = 'applied') p on true
left join lateral (
  select count(*) as late from alarm where flow = f.flow and kind = 'livraison_manquante' and closed_at is null) a on true
order by f.place
"""


def flows_today(connection: Connection, flows: Sequence[Flow], *, now: datetime) -> list[dict[str, Any]]:
    """Each flow with its last delivery, when it was last fresh, when the next is due, and how many are late."""
    declared = {flow.flow: flow for flow in flows}
    rows = connection.execute(text(LAST), {"flows": list(declared)})
    return [
        dict(row._mapping)  # noqa: SLF001 - public name
        | {
            "label": declared[row.flow].label,
            "partner": declared[row.flow].partner,
            "due": next_due(declared[row.flow], now),
        }
        for row in rows
    ]


def oldest_held(connection: Connection) -> int | None:
    """The delivery that has waited longest for an operator."""
    return connection.execute(text("select min(id) from delivery where state = 'held'")).scalar()


def next_due(flow: Flow, now: datetime) -> datetime | None:
    """When the next delivery of a flow is expected; None where it promises none."""
    start = now.astimezone(PARIS)
    moments: list[datetime] = [croniter(each.cron, start).get_next(datetime) for each in flow.expected]
    return min(moments, default=None)
