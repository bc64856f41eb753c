"""What a cycle did, in numbers a person understands; read from the store, never from counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from hub.opening import Hub

FLOWS = """
select flow, count(*) filter (where state = 'applied') as deliveries,
       count(*) filter (where state = 'repeated') as repeated,
       count(*) filter (where state in ('refused', 'held')) as not_applied,
       coalesce(sum(units), 0) as units, sum(control_total) as control_total,
       coalesce(sum(received), 0) as received, coalesce(sum(applied), 0) as applied,
       coalesce(sum(unchanged), 0) as unchanged, coalesce(sum(superseded), 0) as superseded,
       coalesce(sum(quarantined), 0) as quarantined, coalesce(sum(refused), 0) as refused,
       bool_and(state <> 'applied' or received = applied + unchanged + superseded + quarantined + refused) as balanced
from delivery group by flow order by flow
"""

# A line balances when its counts add up, when they equal the rows they count, and when the partner agrees.
UNBALANCED = """
select d.id
from delivery d
left join lateral (
  select count(*) filter (where outcome = 'applied') as applied, count(*) filter (where outcome = 'unchanged') as unchanged,
         count(*) filter (where outcome = 'quarantined') as quarantined, count(*) as received
  from delivery_record r where r.delivery_id = d.id
) counted on true
where d.state = 'applied'
  and (d.received <> counted.received or d.applied <> counted.applied or d.unchanged <> counted.unchanged
       or d.quarantined <> counted.quarantined
       or d.received <> d.applied + d.unchanged + d.superseded + d.quarantined + d.refused)
order by d.id
"""

PEOPLE = """
select partners, count(*) as people
from (
  select l.person_id, count(distinct case when r.partner like 'departement%' then 'departement' else r.partner end) as partners
  from link l join source_record r on r.id = l.source_record_id and r.left_on is null
  where l.superseded_at is null group by l.person_id
) known group by partners order by partners
"""

MESSAGES = """
select partner, count(*) filter (where state <> 'replaced') as messages,
       count(*) filter (where sent_at is not null and state <> 'replaced') as sent,
       count(*) filter (where state = 'acknowledged') as acknowledged,
       count(*) filter (where state = 'rejected') as rejected,
       count(*) filter (where state in ('pending', 'sent')) as waiting,
       count(*) filter (where state = 'unfound') as unfound,
       count(*) filter (where state = 'parked') as parked,
       count(distinct person_id) as people,
       round(cast(percentile_cont(0.5) within group (order by extract(epoch from sent_at - arrived_at)) as numeric), 1)::float as p50_seconds,
       round(cast(percentile_cont(0.95) within group (order by extract(epoch from sent_at - arrived_at)) as numeric), 1)::float as p95_seconds
from message group by partner order by partner
"""


def summary(hub: Hub) -> dict[str, Any]:
    """Per flow, per person, per partner: what moved, and whether every line balances."""
    with hub.engine.connect() as connection:
        flows = {row.pop("flow"): row for row in _rows(connection, FLOWS)}
        unbalanced = list(connection.execute(text(UNBALANCED)).scalars())
        people = {str(row["partners"]): row["people"] for row in _rows(connection, PEOPLE)}
        messages = {row.pop("partner"): row for row in _rows(connection, MESSAGES)}
        reviews = connection.execute(text("select count(*) from review_case where closed_at is null")).scalar_one()
    return {
        "flows": flows,
        "unbalanced_deliveries": unbalanced,
        "people_known_to": people,
        "review_cases": reviews,
        "partners": messages,
    }


def _rows(connection: Any, statement: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(text(statement))]  # noqa: SLF001 - public name
