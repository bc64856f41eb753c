"""Alarms: what wants an operator, said once, seen again, closed when it is over. No person's data in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text, update

from schemas.errors import FixTheDeclaration
from schemas.tables import alarm

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.opening import Hub

RAISE = """
insert into alarm (kind, subject, flow, message, opened_at, last_seen_at)
values (:kind, :subject, :flow, :message, :now, :now)
on conflict (kind, subject) where closed_at is null
do update set message = excluded.message, last_seen_at = excluded.last_seen_at, times = alarm.times + 1
"""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """What is wrong (``kind``), with what (``subject``: a delivery, a flow, a partner), and what to do about it."""

    kind: str
    subject: str
    message: str
    flow: str | None = None


def raise_alarms(connection: Connection, alarms: Iterable[Alarm], *, now: datetime) -> None:
    """Open alarms, or see again those that are open."""
    rows = [
        {"kind": each.kind, "subject": each.subject, "flow": each.flow, "message": each.message, "now": now}
        for each in alarms
    ]
    if rows:
        connection.execute(text(RAISE), rows)


def close_alarms(connection: Connection, subject: str, *, now: datetime, kind: str | None = None) -> None:
    """What an alarm said is over."""
    over = update(alarm).where(alarm.c.subject == subject, alarm.c.closed_at.is_(None)).values(closed_at=now)
    connection.execute(over.where(alarm.c.kind == kind) if kind else over)


def open_alarms(connection: Connection, *, flow: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The open alarms, latest first."""
    shown = (alarm.c.id, alarm.c.kind, alarm.c.subject, alarm.c.flow, alarm.c.message, alarm.c.times, alarm.c.opened_at,
             alarm.c.acknowledged_by)  # fmt: skip
    chosen = select(*shown).where(alarm.c.closed_at.is_(None)).order_by(alarm.c.id.desc()).limit(limit)
    if flow:
        chosen = chosen.where(alarm.c.flow == flow)
    return [dict(row._mapping) for row in connection.execute(chosen)]  # noqa: SLF001 - public name


def acknowledge(hub: Hub, number: int, *, author: str, now: datetime, close: bool = False) -> None:
    """Say that somebody looks after an alarm, or has dealt with it; raises ``FixTheDeclaration`` when it is not open."""
    values: dict[str, Any] = {"acknowledged_by": author, "acknowledged_at": now}
    if close:
        values["closed_at"] = now
    with hub.engine.begin() as connection:
        done = connection.execute(
            update(alarm).where(alarm.c.id == number, alarm.c.closed_at.is_(None)).values(values)
        ).rowcount
    if not done:
        raise FixTheDeclaration(f"No open alarm {number}: hub alarms list shows them.")
