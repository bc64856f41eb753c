"""What wants an operator: one open alarm per kind and subject, seen again rather than said again."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text

from schemas.tables.base import metadata, moment, number

alarm = Table(
    "alarm",
    metadata,
    number(),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="a flow, a delivery, a partner: never a person"),
    Column("flow", Text),
    Column("message", Text, nullable=False, comment="French, with what to do; never a person's data"),
    Column("times", Integer, nullable=False, server_default="1"),
    moment("opened_at"),
    moment("last_seen_at"),
    moment("acknowledged_at", nullable=True),
    Column("acknowledged_by", Text),
    moment("closed_at", nullable=True),
    Column("notified_at", DateTime(timezone=True), comment="when it was told by e-mail or webhook"),
)
Index("uq_alarm_open", alarm.c.kind, alarm.c.subject, unique=True, postgresql_where=alarm.c.closed_at.is_(None))
