"""Held deliveries: an operator sees what one would do, lets it through, or refuses it; either way with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text, update

from hub.alarms import close_alarms
from hub.identity.reconcile import reconcile as link_records
from hub.intake.apply import apply_in
from hub.intake.ledger import close_refused
from hub.intake.normalise import normalise_in
from hub.monitoring.oversight import subject_of
from hub.people.reconcile import follow
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import delivery

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

COUNTS = ("received", "applied", "unchanged", "superseded", "quarantined", "refused", "entered", "left")
FOLLOWS = ("persons_touched", "new_persons", "merged", "reviews_opened", "dossiers_changed", "messages")


def release(hub: Hub, delivery_id: int, *, author: str, now: datetime) -> None:
    """Let a held delivery be read again and applied at the next ``settle``; raises ``FixTheDeclaration`` when it is not held."""
    with hub.engine.begin() as connection:
        _held(connection, delivery_id)
        connection.execute(
            update(delivery)
            .where(delivery.c.id == delivery_id)
            .values(state="received", received=None, released_by=author, reason=None)
        )
        close_alarms(connection, subject_of(delivery_id), now=now, kind="livraison_retenue")


def what_releasing_does(hub: Hub, delivery_id: int, *, author: str, now: datetime) -> dict[str, Any]:
    """What letting a held delivery through would do; raises ``FixTheDeclaration`` when it is not held.

    All of it is done and rolled back, links and messages included, so that what it announces is what will happen.
    """
    with hub.engine.connect() as connection, connection.begin() as transaction:
        row = _held(connection, delivery_id, with_flow=True)
        take_lock(connection, "reconcile")
        connection.execute(
            update(delivery).where(delivery.c.id == delivery_id).values(state="received", released_by=author)
        )
        while not apply_in(connection, delivery_id, now=now):
            normalise_in(hub, connection, delivery_id, now=now)
        settled = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
        followed = follow(hub, connection, link_records(connection, hub.vault, hub.matching, now=now), now=now)
        transaction.rollback()
    counts = {name: getattr(settled, name) or 0 for name in COUNTS}
    return {"id": delivery_id, "flow": row.flow, "state": settled.state, **counts} | {
        name: followed[name] for name in FOLLOWS
    }


def refuse(hub: Hub, delivery_id: int, *, author: str, reason: str, now: datetime) -> None:
    """Close a held delivery for good: it applies nothing; raises ``FixTheDeclaration`` when it is not held."""
    with hub.engine.begin() as connection:
        _held(connection, delivery_id)
        close_refused(connection, delivery_id, reason=f"Refusée par un opérateur : {reason}", now=now, closed_by=author)
        close_alarms(connection, subject_of(delivery_id), now=now)


def _held(connection: Connection, delivery_id: int, *, with_flow: bool = False) -> Row[Any]:
    flow = connection.execute(select(delivery.c.flow).where(delivery.c.id == delivery_id)).scalar()
    if flow and with_flow:
        take_lock(connection, f"flow:{flow}")
    take_lock(connection, f"delivery:{delivery_id}")
    row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).first()
    if row is None or row.state != "held":
        held = ", ".join(str(each) for each in connection.scalars(text("select id from delivery where state = 'held'")))
        raise FixTheDeclaration(f"Delivery {delivery_id} is not held. Held: {held or 'none'}.")
    return row
