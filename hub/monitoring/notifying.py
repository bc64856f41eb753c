"""What alarms say outside the screens: each is told once, in one digest, without anybody's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from hub.monitoring.runbook import runbook
from schemas.tables import alarm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

MOST_TOLD = 100


def untold(connection: Connection) -> list[dict[str, Any]]:
    """The open alarms nobody was told of and nobody has taken up, oldest first."""
    shown = (alarm.c.id, alarm.c.kind, alarm.c.subject, alarm.c.message, alarm.c.opened_at)
    chosen = (
        select(*shown)
        .where(alarm.c.closed_at.is_(None), alarm.c.notified_at.is_(None), alarm.c.acknowledged_at.is_(None))
        .order_by(alarm.c.id)
        .limit(MOST_TOLD)
    )
    return [dict(row._mapping) for row in connection.execute(chosen)]  # noqa: SLF001 - public name


def digest(alarms: Sequence[dict[str, Any]], *, address: str | None) -> dict[str, Any]:
    """One message for these alarms: ``subject``, ``text``, and ``alarms`` for a machine to read.

    ``address`` is where the screens are, when they can be reached.
    """
    lines = []
    for each in alarms:
        title = runbook().title(each["kind"])
        lines += [f"{title}. {each['message']}", f"  hub alarms runbook {each['kind']}"]
    if address:
        lines += ["", address]
    number = len(alarms)
    return {
        "subject": f"Hub : {number} alarme{'s' if number > 1 else ''} à traiter",
        "text": "\n".join(lines),
        "alarms": [
            {key: each[key] for key in ("id", "kind", "subject", "message")}
            | {"opened_at": each["opened_at"].isoformat()}
            for each in alarms
        ],
    }


def mark_told(connection: Connection, numbers: Sequence[int], *, now: datetime) -> None:
    """They were told: they are not told again while they stay open."""
    connection.execute(update(alarm).where(alarm.c.id.in_(numbers)).values(notified_at=now))
