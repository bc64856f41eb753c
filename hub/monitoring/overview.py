"""The state of the hub in numbers: flows, store, outbox. Counts only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.alarms import open_alarms
from hub.sharing.switches import switches

if TYPE_CHECKING:
    from hub.opening import Hub

LAST_DELIVERIES = """
select distinct on (flow) flow, id, arrived_at, closed_at, state, reason, quarantined
from delivery where state not in ('repeated', 'redated') order by flow, id desc
"""

PEOPLE = "select flow, count(*) as people from source_record where left_on is null group by flow"

STORE = """
select (select count(*) from delivery) as deliveries,
       (select count(*) from source_record where left_on is null) as source_records,
       (select count(*) from person where forwards_to is null
          and exists (select from link where link.person_id = person.id and link.superseded_at is null)) as persons,
       (select count(*) from quarantine where state = 'open') as quarantined,
       (select count(*) from review_case where closed_at is null) as review_cases,
       (select count(*) from source_record where to_match) as to_reconcile,
       (select count(*) from disclosure) as disclosures
"""

OUTBOX = """
select partner,
       count(*) filter (where state in ('pending', 'sent')) as waiting,
       count(*) filter (where state = 'acknowledged') as acknowledged,
       count(*) filter (where state = 'rejected') as rejected,
       count(*) filter (where state = 'unfound') as unfound,
       count(*) filter (where state = 'parked') as parked
from message group by partner order by partner
"""


def overview(hub: Hub) -> dict[str, Any]:
    """Every declared flow with its last delivery, the store's sizes, the outbox per partner, the latest open alarms."""
    with hub.engine.connect() as connection:
        last = {row.flow: row for row in connection.execute(text(LAST_DELIVERIES))}
        people: dict[str, int] = {row.flow: row.people for row in connection.execute(text(PEOPLE))}
        alarms = open_alarms(connection, limit=20)
        store = dict(connection.execute(text(STORE)).one()._mapping)  # noqa: SLF001 - public name
        outbox = {
            row.partner: {key: value for key, value in row._mapping.items() if key != "partner"}  # noqa: SLF001
            for row in connection.execute(text(OUTBOX))
        }
        off = switches(connection)
    flows = [
        {
            "flow": flow.flow,
            "label": flow.label,
            "partner": flow.partner,
            "last_delivery": last[flow.flow].arrived_at if flow.flow in last else None,
            "state": last[flow.flow].state if flow.flow in last else None,
            "reason": last[flow.flow].reason if flow.flow in last else None,
            "quarantined": last[flow.flow].quarantined if flow.flow in last else None,
            "people": people.get(flow.flow, 0),
        }
        for flow in hub.flows.values()
        if flow.direction == "in"
    ]
    return {"flows": flows, "store": store, "outbox": outbox, "switched_off": off, "alarms": alarms}
