"""Recalls: when a link or a delivery is undone, or a person erased, each correction is followed until its partner has answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

# The messages written in this transaction that change or take back something a partner had been told.
NOTE = """
with corrections as (
  select id, partner, person_id, sequence, array(select jsonb_object_keys(payload -> 'fields') order by 1) as fields
  from message
  where created_at = :now and state = 'pending' and person_id = any(:persons) and payload -> 'before' <> '{}'
), opened as (
  insert into recall (cause, subject, opened_at)
  select :cause, :subject, :now where exists (select from corrections) returning id
)
insert into recall_message (recall_id, message_id, partner, person_id, sequence, fields)
select o.id, c.id, c.partner, c.person_id, c.sequence, c.fields from corrections c cross join opened o
"""

# A correction that was folded into a newer message has that one's fate.
FOLLOWED = """
select r.id, r.cause, r.subject, r.opened_at, c.partner, c.message_id, c.fields, m.state as first_state, m.reason,
       coalesce(case when m.state = 'replaced' then later.state end, m.state) as state
from recall r
join recall_message c on c.recall_id = r.id
left join message m on m.id = c.message_id
left join lateral (
  select l.state from message l
  where l.partner = c.partner and l.person_id = c.person_id and l.sequence > c.sequence and l.state <> 'replaced'
  order by l.sequence limit 1
) later on true
where cast(:recall as bigint) is null or r.id = :recall
order by r.id, c.partner, c.message_id
"""

SAID = {
    "acknowledged": "corrected", "rejected": "refused", "parked": "given up", "pending": "waits", "sent": "sent",
    "replaced": "nothing left to correct", "unfound": "not found by the partner",
}  # fmt: skip
OVER = frozenset({"corrected", "nothing left to correct"})


def note_recall(connection: Connection, *, cause: str, subject: str, persons: Collection[UUID], now: datetime) -> int:
    """Follow the corrections just written about some persons; returns how many there are."""
    if not persons:
        return 0
    known = {"cause": cause, "subject": subject, "persons": list(persons), "now": now}
    return connection.execute(text(NOTE), known).rowcount


def recalls(connection: Connection, *, recall: int | None = None) -> list[dict[str, Any]]:
    """Each recall: how many corrections are in which state, partner by partner, and the fields each partner was sent."""
    found: dict[int, dict[str, Any]] = {}
    states: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(text(FOLLOWED), {"recall": recall}):
        said = SAID.get(row.state or "replaced", row.state)
        document = found.setdefault(
            row.id,
            {"id": row.id, "cause": row.cause, "subject": row.subject, "opened_at": row.opened_at, "partners": {}},
        )
        partner = document["partners"].setdefault(
            row.partner, {"fields": Counter(), "states": Counter(), "messages": []}
        )
        partner["fields"].update(row.fields)
        partner["states"][said] += 1
        partner["messages"].append({"message": row.message_id, "state": said, "fields": row.fields})
        states[row.id][said] += 1
    for number, document in found.items():
        document["corrections"] = sum(states[number].values())
        document["outstanding"] = sum(n for state, n in states[number].items() if state not in OVER)
    return list(found.values())
