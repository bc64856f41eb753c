"""What letting a held delivery through would do, counted from what is staged: nothing is tried, no lock is taken, nobody waits.

What happens to records is exact; whom they turn out to be is found by matching only, so persons and messages are at most so many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from hub.intake.apply import GONE, VERDICTS
from hub.intake.ledger import count_waiting
from schemas.tables import delivery

if TYPE_CHECKING:
    from hub.opening import Hub

LONGEST = 60  # seconds

# Whoever a record is that the flow shows for the first time, or that still waits to be matched, they are one person at most, whom
# a partner follows already or not.
COUNT = f"""
with judged as materialized ({VERDICTS}),
moved as materialized (
  select j.source_record_id as id, j.outcome, j.is_new or j.had_left or r.withdrawn as comes
  from judged j left join source_record r on r.id = j.source_record_id
  where j.outcome = 'applied' or (j.outcome = 'unchanged' and j.repetition = 1 and j.had_left)
),
gone as materialized (select r.id {GONE} and :full),
known as materialized (
  select t.id, l.person_id from (select id from moved where id is not null union all select id from gone) t
  left join link l on l.source_record_id = t.id and l.superseded_at is null
),
touched as materialized (select distinct person_id from known where person_id is not null),
followed as (
  select r.partner, count(distinct t.person_id) as persons from touched t
  join link l on l.person_id = t.person_id and l.superseded_at is null
  join source_record r on r.id = l.source_record_id and r.left_on is null
  where r.partner = any(:partners) group by r.partner
)
select (select count(*) from judged where outcome = 'applied') as applied,
       (select count(*) from judged where outcome = 'unchanged') as unchanged,
       (select count(*) from judged where outcome = 'superseded') as superseded,
       (select count(*) from quarantine where delivery_id = :id and state = 'open') as quarantined,
       (select count(*) from moved where comes) as entered,
       (select count(*) from gone) as "left",
       (select count(*) from touched) as known,
       (select count(*) from moved where id is null) + (select count(*) from known where person_id is null) as unknown,
       (select coalesce(jsonb_object_agg(partner, persons), '{{}}') from followed) as followed
"""  # noqa: S608 - expressions of our own


def count_release(hub: Hub, delivery_id: int) -> dict[str, Any] | None:
    """Counts as ``what_releasing_does`` gives them, ``exact`` or not; None when it is not held, or its records must be read again."""
    with hub.engine.connect() as connection:
        row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
        if row.state != "held" or row.received != count_waiting(connection, delivery_id):
            return None
        connection.execute(text(f"set local statement_timeout = '{LONGEST}s'"))
        asked = {
            "id": delivery_id,
            "flow": row.flow,
            "order_key": row.order_key,
            "full": row.kind == "full",
            "partners": list(hub.agreements),
        }
        found = connection.execute(text(COUNT), asked).one()
    counts = {
        name: getattr(found, name) for name in ("applied", "unchanged", "superseded", "quarantined", "entered", "left")
    }
    return counts | {
        "exact": False,
        "received": row.received,
        "persons_touched": found.known + found.unknown,
        "messages": {
            partner: count
            for partner in sorted(hub.agreements)
            if (count := found.followed.get(partner, 0) + found.unknown)
        },
    }
