"""What goes to each partner: counts that stop, messages a page at a time, sync files with what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.web.queries.counting import LIMIT, PAGE, capped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

STATES = ("pending", "sent", "acknowledged", "rejected", "unfound", "parked", "replaced")

COUNTS = """
select p.partner, s.state, c.messages
from unnest(cast(:partners as text[])) as p (partner) cross join unnest(cast(:states as text[])) as s (state)
cross join lateral (
  select count(*) as messages from (select from message where partner = p.partner and state = s.state limit :most) m) c
"""

MESSAGES = """
select m.id, m.state, m.sequence, m.attempts, m.reason, m.created_at, m.next_attempt_at, m.sent_at, m.acknowledged_at, m.person_id,
       m.delivery_id, a.kind as act, a.subject as act_subject,
       (select count(*) from jsonb_object_keys(m.payload -> 'fields')) as fields
from (
  select * from message where partner = :partner and state = :state and (cast(:after as uuid) is null or id > :after)
  order by id limit :limit
) m
left join act a on a.id = m.act_id
order by m.id
"""

FILES = """
select f.id, f.sequence, f.kind, f.name, f.records, f.created_at, f.deposited_at, c.acknowledged, c.rejected, c.unanswered
from sync_file f
cross join lateral (
  select count(*) filter (where state = 'acknowledged') as acknowledged, count(*) filter (where state = 'rejected') as rejected,
         count(*) filter (where state = 'sent') as unanswered
  from (select state from message where sync_file_id = f.id limit :most) m) c
where f.partner = :partner and (cast(:before as bigint) is null or f.sequence < :before)
order by f.sequence desc limit :limit
"""

FIRST_PARKED = """
select reason, count(*) as messages from (select reason from message where partner = :partner and state = :state limit :most) m
group by reason order by messages desc, reason limit 5
"""


def counts(connection: Connection, partners: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How many messages each partner has in each state; counting stops at a limit, and says so."""
    asked = {"partners": list(partners), "states": list(STATES), "most": LIMIT + 1}
    found: dict[str, dict[str, Any]] = {partner: {} for partner in partners}
    for row in connection.execute(text(COUNTS), asked):
        found[row.partner][row.state] = capped(row.messages)
    return found


def messages(connection: Connection, partner: str, *, state: str, after: UUID | None) -> list[Any]:
    """The messages of a partner in a state; one more than a page, which says whether there is more."""
    asked = {"partner": partner, "state": state, "after": after, "limit": PAGE + 1}
    return list(connection.execute(text(MESSAGES), asked))


def reasons(connection: Connection, partner: str, state: str) -> Sequence[Any]:
    """Why messages in a state are there, most frequent first."""
    return connection.execute(text(FIRST_PARKED), {"partner": partner, "state": state, "most": LIMIT}).all()


def sync_files(connection: Connection, partner: str, *, before: int | None = None, limit: int = 10) -> Sequence[Any]:
    """The files deposited with a partner, latest first, and what it answered about each."""
    asked = {"partner": partner, "before": before, "limit": limit, "most": LIMIT}
    return connection.execute(text(FILES), asked).all()
