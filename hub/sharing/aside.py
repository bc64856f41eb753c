"""What was set aside: parked, unfound and rejected messages, by reason, and putting them in line again. No person's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.dossiers.protections import SILENT
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

STATES = ("parked", "unfound", "rejected")

LIST = """
select id, partner, state, code, reason, attempts, priority, lane, created_at, next_attempt_at,
       array(select jsonb_object_keys(payload -> 'fields') order by 1) as fields
from message
where state = any(:states) and (cast(:partner as text) is null or partner = :partner)
  and (cast(:code as text) is null or code = :code)
order by created_at desc, id limit :limit
"""

BY_REASON = """
select partner, state, coalesce(code, '') as code, min(reason) as reason, count(*) as messages, min(created_at) as since
from message where state = any(:states) and (cast(:partner as text) is null or partner = :partner)
group by partner, state, coalesce(code, '') order by messages desc, partner, state, code
"""

SHOW = """
select m.id, m.partner, m.person_id, m.agreement, m.sequence, m.state, m.code, m.reason, m.attempts, m.priority, m.lane,
       m.arrived_at, m.created_at, m.next_attempt_at, m.sent_at, m.acknowledged_at, f.name as sync_file,
       coalesce('livraison ' || m.delivery_id, a.kind || coalesce(' ' || a.subject, '')) as because_of,
       array(select jsonb_object_keys(m.payload -> 'fields') order by 1) as fields
from message m left join sync_file f on f.id = m.sync_file_id left join act a on a.id = m.act_id where m.id = :id
"""

# What later messages of the same person carry is taken out: an older word never overwrites a newer one. The partner
# knows the message by the same id. What was written before a person was put under a protection does not go any more; nor, once
# rejected, what is about somebody its partner follows no more: what waits is decided again as that happens, this is not.
REPLAY = """
with chosen as (
  select m.id, m.partner, m.person_id, m.sequence from message m
  where m.state = any(:states) and (cast(:ids as uuid[]) is null or m.id = any(:ids))
    and (cast(:partner as text) is null or m.partner = :partner) and (cast(:code as text) is null or m.code = :code)
    and not exists (
      select from link l join protection_record c on c.source_record_id = l.source_record_id
      join protection p on p.id = c.protection_id and p.closed_at is null and (p.until is null or p.until > :now)
      where l.person_id = m.person_id and l.superseded_at is null and p.kind = any(:protected)
    )
    and (m.state <> 'rejected' or not jsonb_path_exists(m.payload, '$.fields.* ? (@ != null)') or exists (
      select from link l join source_record r on r.id = l.source_record_id and r.left_on is null
      where l.person_id = m.person_id and l.superseded_at is null and r.partner = m.partner
    ))
  for update skip locked
), newer as (
  select c.id, array_agg(distinct field) as fields
  from chosen c
  join message n on n.partner = c.partner and n.person_id = c.person_id and n.sequence > c.sequence and n.state <> 'replaced'
  cross join lateral jsonb_object_keys(n.payload -> 'fields') field
  group by c.id
), kept as (
  select m.id, (m.payload -> 'fields') - coalesce(n.fields, '{}') as fields
  from chosen c join message m on m.id = c.id left join newer n on n.id = c.id
)
update message m
set state = case when k.fields = '{}'::jsonb then 'replaced' else 'pending' end,
    payload = jsonb_set(m.payload, '{fields}', k.fields), attempts = 0, next_attempt_at = :now, acknowledged_at = null,
    asked_with = null, sync_file_id = null
from kept k where m.id = k.id
returning m.partner, m.state
"""


def aside(
    connection: Connection,
    *,
    partner: str | None = None,
    code: str | None = None,
    states: Sequence[str] = STATES,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Messages set aside, latest first: why, and which fields they carry, without their values."""
    known = {"states": list(states), "partner": partner, "code": code, "limit": limit}
    return [dict(row._mapping) for row in connection.execute(text(LIST), known)]  # noqa: SLF001 - public name


def by_reason(
    connection: Connection, *, partner: str | None = None, states: Sequence[str] = STATES
) -> list[dict[str, Any]]:
    """How many messages each partner's each reason set aside, most frequent first."""
    rows = connection.execute(text(BY_REASON), {"states": list(states), "partner": partner})
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name


def show(connection: Connection, message: UUID) -> dict[str, Any]:
    """One message, without a value of anybody's; raises ``FixTheDeclaration`` when there is none of that id."""
    row = connection.execute(text(SHOW), {"id": message}).first()
    if row is None:
        raise FixTheDeclaration(f"No message {message}: hub outbox list shows those set aside.")
    return dict(row._mapping)  # noqa: SLF001 - public name


def replay(
    connection: Connection,
    *,
    now: datetime,
    ids: Sequence[UUID] | None = None,
    partner: str | None = None,
    code: str | None = None,
    states: Sequence[str] = STATES,
) -> dict[str, int]:
    """Put messages set aside in line again, one by one or by reason; returns how many, and how many had nothing left to say."""
    known = {"ids": list(ids) if ids else None, "partner": partner, "code": code, "states": list(states), "now": now,
             "protected": [*SILENT, "threat"]}  # fmt: skip
    rows = connection.execute(text(REPLAY), known).all()
    replaced = sum(row.state == "replaced" for row in rows)
    return {"replayed": len(rows) - replaced, "overtaken": replaced}
