"""Preview: what letting a held delivery through would do, done for real and rolled back; kept, so that a page only shows it.

It needs the locks that the way in needs, and gives them back as soon as anybody waits for them. Until it is done, or where it
cannot be, what was counted without trying stands in its place.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from hub.identity.reconcile import reconcile as link_records
from hub.intake.apply import apply_in
from hub.intake.counted_release import count_release
from hub.intake.held import the_held
from hub.intake.normalise import normalise_in
from hub.people.reconcile import follow
from hub.storage.giving_way import GaveWay, TooLong, giving_way
from hub.storage.store import try_lock
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

LONGEST = 120.0  # seconds, the reading of a large delivery included
PATIENCE = 1.0  # seconds somebody else may wait for it
TURN = 0.2

COUNTS = ("received", "applied", "unchanged", "superseded", "quarantined", "refused", "entered", "left")
FOLLOWS = ("persons_touched", "new_persons", "merged", "reviews_opened", "dossiers_changed", "messages")

ASK = """
insert into release_preview (delivery_id, state, asked_by, asked_at) values (:id, 'asked', :author, :now)
on conflict (delivery_id) do update
set state = 'asked', asked_by = excluded.asked_by, asked_at = excluded.asked_at, done_at = null, counts = null
"""
MOVED = "select source_record_id from movement where delivery_id = :id order by 1"
KEEP = """
update release_preview set state = :state, done_at = :now, counts = coalesce(cast(:counts as jsonb), counts)
where delivery_id = :id
"""
KEEP_COUNTED = """
update release_preview set counts = cast(:counts as jsonb) where delivery_id = :id and counts is null
"""
SHOWN = "select state, asked_by, asked_at, done_at, counts from release_preview where delivery_id = :id"


def what_releasing_does(
    hub: Hub, delivery_id: int, *, author: str, now: datetime, longest: float = LONGEST
) -> dict[str, Any]:
    """What letting a held delivery through would do; raises ``FixTheDeclaration`` when it is not held.

    All of it is done and rolled back, links and messages included, so that what it announces is what will happen. Raises
    ``GaveWay`` when others had to work meanwhile, ``TooLong`` after ``longest`` seconds.
    """
    with hub.engine.connect() as connection, giving_way(hub.engine, connection, longest=longest, patience=PATIENCE):
        done = _try(hub, connection, delivery_id, author=author, now=now)
        connection.rollback()
    return done


def _try(hub: Hub, connection: Connection, delivery_id: int, *, author: str, now: datetime) -> dict[str, Any]:
    row = the_held(connection, delivery_id, with_flow=True)
    connection.execute(
        update(delivery).where(delivery.c.id == delivery_id).values(state="received", released_by=author)
    )
    normalise_in(hub, connection, delivery_id, now=now)  # what takes long is done before anybody could wait for it
    while not try_lock(connection, "reconcile"):
        time.sleep(TURN)
    while not apply_in(connection, delivery_id, now=now):
        normalise_in(hub, connection, delivery_id, now=now)
    settled = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
    moved = connection.execute(text(MOVED), {"id": delivery_id}).scalars().all()  # what others wait for is theirs
    linked = link_records(connection, hub.vault, hub.matching, now=now, chosen=list(moved))
    followed = follow(hub, connection, linked, now=now)
    counts = {name: getattr(settled, name) or 0 for name in COUNTS}
    return {"id": delivery_id, "flow": row.flow, "state": settled.state, **counts} | {
        name: followed[name] for name in FOLLOWS
    }


def ask_preview(hub: Hub, delivery_id: int, *, author: str, now: datetime) -> None:
    """Say that somebody wants to know; raises ``FixTheDeclaration`` when the delivery is not held."""
    with hub.engine.begin() as connection:
        the_held(connection, delivery_id)
        connection.execute(text(ASK), {"id": delivery_id, "author": author, "now": now})


def count_preview(hub: Hub, delivery_id: int) -> None:
    """Count it, which holds nothing up, and keep that until it was tried; nothing is kept where counting takes too long."""
    try:
        counts = count_release(hub, delivery_id)
    except OperationalError:
        return
    if counts:
        with hub.engine.begin() as connection:
            connection.execute(text(KEEP_COUNTED), {"id": delivery_id, "counts": orjson.dumps(counts).decode()})


def make_preview(hub: Hub, delivery_id: int, *, author: str, clock: Callable[[], datetime]) -> None:
    """Try it, and keep what came of it, be it that it could not be done."""
    counts, state = None, "failed"
    try:
        counts = what_releasing_does(hub, delivery_id, author=author, now=clock()) | {"exact": True}
        state = "done"
    except GaveWay:
        state = "gave_way"
    except TooLong:
        state = "too_long"
    finally:
        found = orjson.dumps(counts).decode() if counts else None
        kept = {"id": delivery_id, "state": state, "now": clock(), "counts": found}
        with hub.engine.begin() as connection:
            connection.execute(text(KEEP), kept)


def preview_of(connection: Connection, delivery_id: int) -> Row[Any] | None:
    """What was last found out, or that it is being found out; None when nobody asked."""
    return connection.execute(text(SHOWN), {"id": delivery_id}).first()
