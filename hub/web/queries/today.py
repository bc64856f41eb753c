"""What an operator looks at first: each flow's last delivery, what is expected, what is late."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from croniter import croniter
from sqlalchemy import text

from hub.days import PARIS
from hub.web.queries.counting import LIMIT, capped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from connectors.declaration import Flow

LAST = """
select f.flow, d.id, d.arrived_at, d.state, d.reason, d.quarantined, d.received, ok.arrived_at as last_applied,
       coalesce(p.people, 0) as people, a.late, q.waiting
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
left join lateral (
  select count(*) as waiting from (
    select from delivery r join quarantine o on o.delivery_id = r.id and o.state = 'open'
    where r.flow = f.flow and r.quarantined > 0 limit :most) o) q on true
order by f.place
"""


def flows_today(connection: Connection, flows: Sequence[Flow], *, now: datetime) -> list[dict[str, Any]]:
    """Each flow with its last delivery, when it was last fresh, when the next is due, how many are late, what it has in quarantine."""
    declared = {flow.flow: flow for flow in flows}
    rows = connection.execute(text(LAST), {"flows": list(declared), "most": LIMIT + 1})
    return [
        dict(row._mapping)  # noqa: SLF001 - public name
        | {
            "label": declared[row.flow].label,
            "partner": declared[row.flow].partner,
            "due": next_due(declared[row.flow], now),
            "waiting": capped(row.waiting),
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
