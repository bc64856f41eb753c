"""Held deliveries: an operator lets one through, or refuses it; either way with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text, update

from hub.alarms import close_alarms
from hub.intake.ledger import close_refused
from hub.monitoring.oversight import subject_of
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import delivery

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

FORGET_PREVIEW = "delete from release_preview where delivery_id = :id"


def release(hub: Hub, delivery_id: int, *, author: str, now: datetime) -> None:
    """Let a held delivery be read again and applied at the next ``settle``; raises ``FixTheDeclaration`` when it is not held."""
    with hub.engine.begin() as connection:
        the_held(connection, delivery_id)
        connection.execute(
            update(delivery)
            .where(delivery.c.id == delivery_id)
            .values(state="received", received=None, released_by=author, reason=None)
        )
        connection.execute(text(FORGET_PREVIEW), {"id": delivery_id})
        close_alarms(connection, subject_of(delivery_id), now=now, kind="livraison_retenue")


def refuse(hub: Hub, delivery_id: int, *, author: str, reason: str, now: datetime) -> None:
    """Close a held delivery for good: it applies nothing; raises ``FixTheDeclaration`` when it is not held."""
    with hub.engine.begin() as connection:
        the_held(connection, delivery_id)
        connection.execute(text(FORGET_PREVIEW), {"id": delivery_id})
        close_refused(connection, delivery_id, reason=f"Refusée par un opérateur : {reason}", now=now, closed_by=author)
        close_alarms(connection, subject_of(delivery_id), now=now)


def the_held(connection: Connection, delivery_id: int, *, with_flow: bool = False) -> Row[Any]:
    """Lock a delivery, and its flow where it will be applied; raises ``FixTheDeclaration`` when it is not held."""
    flow = connection.execute(select(delivery.c.flow).where(delivery.c.id == delivery_id)).scalar()
    if flow and with_flow:
        take_lock(connection, f"flow:{flow}")
    take_lock(connection, f"delivery:{delivery_id}")
    row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).first()
    if row is None or row.state != "held":
        held = ", ".join(str(each) for each in connection.scalars(text("select id from delivery where state = 'held'")))
        raise FixTheDeclaration(f"Delivery {delivery_id} is not held. Held: {held or 'none'}.")
    return row
