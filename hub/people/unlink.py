"""Unlink: take a record out of a person, for good; dossiers as if it had never been there, and what partners must forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.acts import UNLINK, begin_act
from hub.dossiers.dossier import rebuild
from hub.dossiers.protections import reopen
from hub.identity.reconcile import gather_again
from hub.people.reviews import keep_decision, weigh_cases
from hub.sharing.follow import carry_told
from hub.sharing.news import Origin
from hub.sharing.recall import told_across
from hub.sharing.recalls import note_recall
from hub.sharing.select import fill
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.opening import Hub

MEMBERS = """
select source_record_id from link where superseded_at is null and person_id = :person order by source_record_id
"""

NOW_IN = "select source_record_id as record, person_id from link where superseded_at is null and source_record_id = any(:records)"

CLOSE_CASES = """
update review_case set closed_at = :now, closed_by = :author
where closed_at is null and (record_a = :record and record_b = any(:others) or record_b = :record and record_a = any(:others))
"""


def unlink(
    hub: Hub, person: UUID, record: int, *, author: str, reason: str, clock: Callable[[], datetime], dry_run: bool
) -> dict[str, Any]:
    """Hold a record apart from every other of its person, in one transaction; ``dry_run`` says what that does and keeps nothing.

    Returns the persons there are now, the fields each partner had been sent because of the link, and the messages that take them
    back. Raises ``FixTheDeclaration`` when the record is not that person's, or is its only one.
    """
    now = clock()
    with hub.engine.connect() as connection, connection.begin() as transaction:
        take_lock(connection, "reconcile")
        others = _others(connection, person, record)
        for other in others:
            pair = (min(record, other), max(record, other))
            keep_decision(connection, pair, verdict="distinct", author=author, reason=reason, now=now)
        connection.execute(text(CLOSE_CASES), {"record": record, "others": others, "author": author, "now": now})
        act = begin_act(connection, UNLINK, now=now)
        done = _apart(hub, connection, person, [record, *others], now=now, origin=Origin(act=act.id))
        if dry_run:
            transaction.rollback()
    if not dry_run:
        act.told()
    return {"person": person, "record": record, **done}


def _others(connection: Connection, person: UUID, record: int) -> list[int]:
    members = list(connection.execute(text(MEMBERS), {"person": person}).scalars())
    if record not in members:
        raise FixTheDeclaration(f"Record {record} is not linked to {person}: hub person explain lists its records.")
    if len(members) == 1:
        raise FixTheDeclaration(f"Record {record} is all there is of {person}: there is nothing to unlink.")
    return [member for member in members if member != record]


def _apart(
    hub: Hub, connection: Connection, person: UUID, records: list[int], *, now: datetime, origin: Origin
) -> dict[str, Any]:
    told = told_across(connection, person)
    done = gather_again(connection, hub.vault, hub.matching, records, now=now)
    reopen(connection, done.touched, now=now)
    carry_told(connection, done.moved)
    changed = rebuild(connection, done.touched, now=now)
    filled = fill(connection, hub.agreements, done.touched, now=now, origin=origin, recalled=done.touched)
    weigh_cases(connection, done.touched)
    note_recall(connection, cause="links", subject=str(person), persons=done.touched, now=now)
    now_in = {row.record: row.person_id for row in connection.execute(text(NOW_IN), {"records": records})}
    return {
        "persons": sorted(set(now_in.values())),
        "kept_by": now_in,
        "dossiers_changed": len(changed),
        "sent_because_of_the_link": told.because_of(now_in),
        "messages": dict(filled.messages),
    }
