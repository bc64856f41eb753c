"""Revert: undo one delivery, as if it had never come, and correct whoever was told something because of it.

Records on which a later delivery spoke keep the later word. A dry run does all of it and rolls back, so what it announces
is what will happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text, update

from hub.acts import REVERT, begin_act
from hub.alarms import close_alarms
from hub.dossiers.dossier import rebuild
from hub.identity.reconcile import reconcile as link_records
from hub.identity.records import Move
from hub.intake.ledger import count_again
from hub.monitoring.oversight import subject_of
from hub.people.reviews import weigh_cases
from hub.sharing.follow import carry_told
from hub.sharing.news import Origin
from hub.sharing.recall import Retraction, retract
from hub.sharing.recalls import note_recall
from hub.sharing.select import fill
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

# Each record the delivery touched: who spoke of it later, and what next moved it.
UNDONE = """
create temporary table undone on commit drop as
select m.source_record_id, m.kind, m.before,
  (select min(o.delivery_id) from delivery_record o join delivery d on d.id = o.delivery_id
   where o.source_record_id = m.source_record_id and o.outcome in ('applied', 'unchanged') and d.state = 'applied'
     and d.flow = :flow and d.id <> :id and (d.closed_at, d.id) > (:closed_at, :id)) as spoken_by,
  (select min(n.delivery_id) from movement n join delivery d on d.id = n.delivery_id
   where n.source_record_id = m.source_record_id and d.state = 'applied' and d.id <> :id
     and (d.closed_at, d.id) > (:closed_at, :id)) as moved_by
from movement m where m.delivery_id = :id
"""

# Later deliveries take over the movement of a record that stays: what they found is what was there before this one.
HAND_OVER = (
    """
    update movement n set before = u.before, kind = case
        when u.kind in ('entered', 'returned') and n.kind = 'changed' then u.kind
        when u.kind = 'left' and n.kind = 'returned' then 'changed' else n.kind end
    from undone u where n.source_record_id = u.source_record_id and n.delivery_id = u.moved_by
    """,
    """
    insert into movement (delivery_id, source_record_id, kind, "on", before)
    select u.spoken_by, u.source_record_id, u.kind, coalesce(d.reference_date, d.arrived_at::date), u.before
    from undone u join delivery d on d.id = u.spoken_by
    where u.kind <> 'left' and (u.moved_by is null or u.spoken_by < u.moved_by)
    on conflict do nothing
    """,
    """
    delete from movement n using undone u
    where n.source_record_id = u.source_record_id and n.delivery_id = u.moved_by
      and u.spoken_by is null and u.before is null
    """,
)

RESTORE = """
update source_record r
set version = old.version, content_hash = old.content_hash, nir_hash = old.nir_hash, scope = old.scope, as_of = old.as_of,
    order_key = old.order_key, delivery_id = old.delivery_id, withdrawn = old.withdrawn,
    left_on = case when u.moved_by is null then old.left_on else r.left_on end, to_match = true, updated_at = :now
from undone u cross join lateral jsonb_populate_record(null::source_record, u.before) old
where r.id = u.source_record_id and u.spoken_by is null and u.before is not null
"""

WITHDRAW = """
update source_record r
set withdrawn = true, left_on = cast(:now as date), content_hash = '', order_key = '', to_match = true, updated_at = :now
from undone u where r.id = u.source_record_id and u.spoken_by is null and u.before is null
returning r.id, r.partner
"""

# A record that stays because a later delivery said the same keeps its version: only its author changes.
VERSIONS = (
    """
    update source_version v set withdrawn_at = :now
    from undone u where v.source_record_id = u.source_record_id and v.delivery_id = :id and u.spoken_by is null
    """,
    """
    update source_version v set delivery_id = u.spoken_by
    from undone u where v.source_record_id = u.source_record_id and v.delivery_id = :id and u.spoken_by is not null
    """,
    """
    update source_record r set delivery_id = u.spoken_by
    from undone u where r.id = u.source_record_id and r.delivery_id = :id and u.spoken_by is not null
    """,
)

FORGET = (
    "delete from full_picture where delivery_id = :id",
    (
        "update quarantine set state = 'dropped', state_reason = 'livraison annulée', closed_at = :now "
        "where delivery_id = :id and state = 'open'"
    ),
)

GONE = """
select l.source_record_id, l.person_id, r.partner, v.content
from link l
join source_record r on r.id = l.source_record_id
join lateral (select content from source_version v where v.source_record_id = r.id order by version desc limit 1) v on true
where l.superseded_at is null and l.source_record_id = any(:records)
"""

UNLINK = (
    "update link set superseded_at = :now where superseded_at is null and source_record_id = any(:records)",
    """
    update comparison set chance = null
    where record_a in (select record_b from comparison where record_a = any(:records)
                       union select record_a from comparison where record_b = any(:records))
      or record_b in (select record_b from comparison where record_a = any(:records)
                      union select record_a from comparison where record_b = any(:records))
    """,
    "delete from source_identity where source_record_id = any(:records)",
    (
        "update review_case set closed_at = :now, closed_by = 'hub' "
        "where closed_at is null and (record_a = any(:records) or record_b = any(:records))"
    ),
)

# The links of everybody around, as they were when the delivery was applied; what people decided since stays.
MOVED = """
with around as (
  select distinct b.source_record_id, b.person_id, b.id, b.method
  from link a join link b on b.person_id = a.person_id and b.superseded_at is null
  where a.superseded_at is null and a.source_record_id in (select source_record_id from undone)
)
select n.id, n.source_record_id as record, n.person_id as now_person, o.person_id as old_person, o.id as old_link
from around n
join link o on o.source_record_id = n.source_record_id and o.decided_at <= :closed_at
  and (o.superseded_at is null or o.superseded_at > :closed_at)
where o.person_id <> n.person_id and n.method <> 'decision_humaine'
"""

PUT_BACK = """
insert into link (source_record_id, person_id, method, score, evidence, author, decided_at)
select source_record_id, person_id, method, score, evidence, author, :now from link where id = any(:links)
"""


def revert(
    hub: Hub, delivery_id: int, *, author: str, reason: str, clock: Callable[[], datetime], dry_run: bool
) -> dict[str, Any]:
    """Undo an applied delivery in one transaction; returns counts. Raises ``FixTheDeclaration`` when it is not applied."""
    now = clock()
    with hub.engine.connect() as connection, connection.begin() as transaction:
        row = _applied(connection, delivery_id)
        act = begin_act(connection, REVERT, subject=subject_of(delivery_id), now=now)
        done = _undo(hub, connection, row, now=now, origin=Origin(act=act.id))
        connection.execute(
            update(delivery)
            .where(delivery.c.id == delivery_id)
            .values(state="reverted", closed_by=author, reason=f"Annulée : {reason}")
        )
        close_alarms(connection, subject_of(delivery_id), now=now)
        if dry_run:
            transaction.rollback()
            return done
    act.told()
    return done


def _applied(connection: Connection, delivery_id: int) -> Row[Any]:
    flow = connection.execute(select(delivery.c.flow).where(delivery.c.id == delivery_id)).scalar()
    if flow:
        take_lock(connection, f"flow:{flow}")
    row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).first()
    if row is None or row.state != "applied":
        state = row.state if row else "unknown"
        raise FixTheDeclaration(f"Delivery {delivery_id} is {state}: only an applied delivery can be reverted.")
    return row


def _undo(hub: Hub, connection: Connection, row: Row[Any], *, now: datetime, origin: Origin) -> dict[str, Any]:
    take_lock(connection, "reconcile")
    known = {"id": row.id, "flow": row.flow, "closed_at": row.closed_at, "now": now}
    connection.execute(text(UNDONE), known)
    touched = _persons(connection)
    moves = _put_links_back(connection, known)
    withdrawn, retractions = _put_records_back(connection, known)
    linked = link_records(connection, hub.vault, hub.matching, now=now)
    moves += linked.moved
    persons = touched | linked.touched | {person for move in moves for person in (move.old, move.new)}
    carry_told(connection, moves)
    changed = rebuild(connection, persons, now=now)
    filled = fill(connection, hub.agreements, persons, now=now, origin=origin, recalled=persons)
    retracted = retract(connection, hub.agreements, retractions, now=now, origin=origin)
    weigh_cases(connection, persons)
    note_recall(connection, cause="delivery", subject=subject_of(row.id), persons=persons, now=now)
    counted = connection.execute(
        text("select count(*) as records, count(*) filter (where spoken_by is not null) as kept from undone")
    ).one()
    return {
        "records": counted.records,
        "kept_by_later_deliveries": counted.kept,
        "records_withdrawn": withdrawn,
        "people": len(persons),
        "links_put_back": len(moves),
        "dossiers_changed": len(changed),
        "messages": dict(filled.messages + retracted),
    }


def _persons(connection: Connection) -> set[UUID]:
    return set(
        connection.execute(
            text("""
                select person_id from link
                where superseded_at is null and source_record_id in (select source_record_id from undone)
                """)
        ).scalars()
    )


def _put_links_back(connection: Connection, known: dict[str, Any]) -> list[Move]:
    rows = connection.execute(text(MOVED), known).all()
    if not rows:
        return []
    known = known | {"links": [row.old_link for row in rows], "records": [row.record for row in rows]}
    connection.execute(text(UNLINK[0]), known)
    connection.execute(text(PUT_BACK), known)
    back = [row.old_person for row in rows]
    connection.execute(text("update person set forwards_to = null where id = any(:back)"), {"back": back})
    return [Move(record=row.record, old=row.now_person, new=row.old_person) for row in rows]


def _put_records_back(connection: Connection, known: dict[str, Any]) -> tuple[int, list[Retraction]]:
    for statement in (*HAND_OVER, *VERSIONS, *FORGET, RESTORE):
        connection.execute(text(statement), known)
    gone = [row.id for row in connection.execute(text(WITHDRAW), known)]
    known = known | {"records": gone}
    retractions = [
        Retraction(partner=row.partner, person_id=row.person_id, own=row.content)
        for row in connection.execute(text(GONE), known)
    ]
    for statement in UNLINK:
        connection.execute(text(statement), known)
    later = connection.execute(text("select distinct unnest(array[spoken_by, moved_by]) from undone")).scalars().all()
    connection.execute(text("delete from movement where delivery_id = :id"), known)
    for other in later:
        if other is not None:
            count_again(connection, other)
    return len(gone), retractions
