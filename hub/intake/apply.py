"""Apply: staged records become the current state of what a partner says; unchanged ones cost a hash comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text

from hub.intake.ledger import close_applied, count_waiting
from hub.intake.remembered import FORGET, REMEMBER
from hub.monitoring.oversight import alarm_delivery
from hub.storage.store import refresh_statistics, take_lock
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.opening import Hub

# An order key compares as text. A record is superseded when the flow already spoke later of that person, or when a
# later full picture of its scope was applied: that picture confirmed, or no longer showed, everybody in it.
VERDICTS = """
select s.record, s.unit, s.key, s.repetition, r.id as source_record_id, r.id is null as is_new, r.left_on is not null as had_left,
       case when s.repetition > 1 then 'unchanged'
            when greatest(r.order_key, f.order_key) > :order_key then 'superseded'
            when r.content_hash = s.content_hash and not r.withdrawn then 'unchanged'
            else 'applied' end as outcome
from (
  select record, unit, key, scope, content_hash, row_number() over (partition by key order by record) as repetition
  from staged_record where delivery_id = :id
) s
left join source_record r on r.flow = :flow and r.key = s.key
left join (select scope, max(order_key) as order_key from full_picture where flow = :flow group by scope) f
  on f.scope = s.scope
"""
JUDGE = f"create temporary table judged on commit drop as {VERDICTS}"

# What a record was before this delivery: reverting the delivery puts it back.
BEFORE = """
jsonb_build_object('version', r.version, 'content_hash', r.content_hash, 'nir_hash', r.nir_hash, 'scope', r.scope,
  'as_of', r.as_of, 'order_key', r.order_key, 'delivery_id', r.delivery_id, 'left_on', r.left_on, 'withdrawn', r.withdrawn)
"""

NOTE_CHANGED = f"""
insert into movement (delivery_id, source_record_id, kind, "on", before)
select :id, r.id, case when r.withdrawn then 'entered' when r.left_on is not null then 'returned' else 'changed' end,
       :reference_date, {BEFORE}
from judged j join source_record r on r.id = j.source_record_id
where j.outcome = 'applied' or (j.outcome = 'unchanged' and j.repetition = 1 and j.had_left)
on conflict do nothing
"""  # noqa: S608 - an expression of our own

# A new record is known by its id from here on. Looked up by flow and key, in statistics of before this delivery, a flow that
# has just begun would seem empty, and twenty-five thousand records would each be compared with all the others.
INSERT_NEW = """
with new as (
insert into source_record
  (flow, partner, key, scope, version, content_hash, nir_hash, as_of, order_key, delivery_id, to_match, updated_at)
select :flow, :partner, s.key, s.scope, 1, s.content_hash, s.nir_hash, coalesce(s.as_of, :reference_date), :order_key, :id, true, :now
from judged j join staged_record s on s.delivery_id = :id and s.record = j.record
where j.outcome = 'applied' and j.is_new
order by s.record
returning id, key
)
update judged j set source_record_id = new.id from new where new.key = j.key
"""

NOTE_NEW = """
insert into movement (delivery_id, source_record_id, kind, "on")
select :id, source_record_id, 'entered', :reference_date from judged where outcome = 'applied' and is_new
on conflict do nothing
"""

UPDATE_CHANGED = """
update source_record r
set version = (select max(v.version) + 1 from source_version v where v.source_record_id = r.id),
    content_hash = s.content_hash, nir_hash = s.nir_hash, scope = s.scope, as_of = coalesce(s.as_of, :reference_date),
    order_key = :order_key, delivery_id = :id, left_on = null, withdrawn = false, to_match = true, updated_at = :now
from judged j join staged_record s on s.delivery_id = :id and s.record = j.record
where r.id = j.source_record_id and j.outcome = 'applied' and not j.is_new
"""

# A remembered unit comes without its content: an earlier version of the record, with the same hash, holds it.
INSERT_VERSIONS = """
insert into source_version
  (source_record_id, version, content, nir_encrypted, content_hash, as_of, delivery_id, recorded_at)
select r.id, r.version, coalesce(s.content, old.content), coalesce(s.nir_encrypted, old.nir_encrypted), s.content_hash,
       r.as_of, :id, :now
from judged j
join staged_record s on s.delivery_id = :id and s.record = j.record
join source_record r on r.id = j.source_record_id
left join lateral (
  select v.content, v.nir_encrypted from source_version v
  where s.content is null and v.source_record_id = r.id and v.content_hash = s.content_hash
  order by v.version desc limit 1
) old on true
where j.outcome = 'applied'
"""

BRING_BACK = """
update source_record r
set left_on = null, to_match = true, updated_at = :now
from judged j
where r.id = j.source_record_id and j.outcome = 'unchanged' and j.had_left
"""

# Whoever was refused is not gone: a full picture with records that could not be read at all marks nobody as gone.
# Nor is anybody a later delivery spoke of, when the picture comes late.
GONE = """
from source_record r
where r.flow = :flow and r.left_on is null and r.order_key <= :order_key
  and r.scope in (select scope from staged_record where delivery_id = :id)
  and not exists (select from judged j where j.key = r.key)
  and not exists (select from quarantine q where q.delivery_id = :id and (q.key = r.key or q.key is null))
  and not exists (
    select from delivery_record o join delivery d on d.id = o.delivery_id
    where o.source_record_id = r.id and d.flow = :flow and d.state = 'applied' and d.order_key > :order_key
  )
"""

NOTE_LEFT = f"""
insert into movement (delivery_id, source_record_id, kind, "on", before)
select :id, r.id, 'left', :reference_date, {BEFORE} {GONE}
"""

MARK_LEFT = """
update source_record r set left_on = :reference_date, to_match = true, updated_at = :now
from movement m where m.delivery_id = :id and m.kind = 'left' and m.source_record_id = r.id
"""

KEEP_PICTURE = """
insert into full_picture (flow, scope, order_key, delivery_id)
select distinct :flow, scope, :order_key, :id from staged_record where delivery_id = :id
"""

RECORD_OUTCOMES = """
insert into delivery_record (delivery_id, record, unit, outcome, source_record_id)
select :id, record, unit, outcome, source_record_id from judged
union all
select :id, record, unit, 'quarantined', null from quarantine where delivery_id = :id and state = 'open'
"""


def apply(hub: Hub, delivery_id: int, *, now: datetime) -> bool:
    """Apply one staged delivery in one transaction; returns False when its staged records are gone and must be redone."""
    with hub.engine.begin() as connection:
        return apply_in(connection, delivery_id, now=now)


def apply_in(connection: Connection, delivery_id: int, *, now: datetime) -> bool:
    """The same in the caller's transaction."""
    flow = connection.execute(select(delivery.c.flow).where(delivery.c.id == delivery_id)).scalar_one()
    take_lock(connection, f"flow:{flow}")
    take_lock(connection, f"delivery:{delivery_id}")  # whoever reads it again is done, or has not begun
    row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
    if row.state != "received":
        return True
    if row.received is None or row.received != count_waiting(connection, delivery_id):
        return False
    known = {
        "id": delivery_id,
        "flow": row.flow,
        "partner": row.partner,
        "order_key": row.order_key,
        "reference_date": row.reference_date or row.arrived_at.date(),
        "now": now,
    }
    refresh_statistics(connection, "staged_record")
    apply_staged(connection, known)
    if row.kind == "full":
        for statement in (NOTE_LEFT, MARK_LEFT, KEEP_PICTURE, FORGET):
            connection.execute(text(statement), known)
    connection.execute(text(RECORD_OUTCOMES), known)
    connection.execute(text("delete from staged_record where delivery_id = :id"), known)
    close_applied(connection, delivery_id, now=now)
    alarm_delivery(connection, delivery_id, now=now)
    return True


def apply_staged(connection: Connection, known: Mapping[str, object]) -> None:
    """Judge the staged records of a delivery against what its partner already said, and write what is new.

    Leaves the temporary table ``judged`` (record, unit, key, source_record_id, outcome) to the caller's transaction.
    Deliveries of several flows may be applied at once, but none while records are reconciled: a record that changed
    then would be taken for matched.
    """
    take_lock(connection, "reconcile", shared=True)
    for statement in (
        JUDGE, "analyze judged", NOTE_CHANGED, INSERT_NEW, NOTE_NEW, UPDATE_CHANGED, INSERT_VERSIONS, BRING_BACK, REMEMBER,
    ):  # fmt: skip
        connection.execute(text(statement), known)
