"""What a person, or somebody on its behalf, may ask for: objection, shelter from a threat, litigation hold; and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.acts import RIGHT, begin_act
from hub.dossiers.protections import current_person, lift, put
from hub.sharing.news import Origin
from hub.sharing.select import fill
from hub.storage.store import take_lock

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.acts import Act
    from hub.opening import Hub

WAITING = """
select count(*) from message
where person_id = :person and state in ('pending', 'parked', 'unfound') and sync_file_id is null
"""


def place(
    hub: Hub, person: UUID, *, kind: str, author: str, reason: str, now: datetime, until: datetime | None = None
) -> dict[str, Any]:
    """Put a person under a protection, and take back what waits to leave about it, in one transaction."""
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile")
        who = current_person(connection, person)
        put(connection, [who], kind=kind, reason=reason, author=author, now=now, until=until)
        act, counts = _decide_again(hub, connection, who, now)
    act.told()
    return {"person": who, "kind": kind, "until": until, **counts}


def end(hub: Hub, person: UUID, *, kind: str, author: str, now: datetime) -> dict[str, Any]:
    """End a protection of a person; what may be told again is told."""
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile")
        who = current_person(connection, person)
        lift(connection, who, kind=kind, author=author, now=now)
        act, counts = _decide_again(hub, connection, who, now)
    act.told()
    return {"person": who, "kind": kind, "lifted": True, **counts}


def _decide_again(hub: Hub, connection: Connection, person: UUID, now: datetime) -> tuple[Act, dict[str, int]]:
    before = connection.execute(text(WAITING), {"person": person}).scalar_one()
    act = begin_act(connection, RIGHT, now=now)  # which right is nobody's business outside the protections
    filled = fill(connection, hub.agreements, [person], now=now, origin=Origin(act=act.id))
    return act, {"waiting_before": before, "written": sum(filled.messages.values()),
                 "waiting_now": connection.execute(text(WAITING), {"person": person}).scalar_one()}  # fmt: skip
