"""Who may look and act on the screens, and what of a person they looked at."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from schemas.tables.base import metadata, moment, number

account = Table(
    "account",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password", Text, nullable=False, comment="Argon2id, in PHC form"),
    Column("roles", ARRAY(Text), nullable=False),
    Column("partner", Text, comment="the one partner a read-only account of a partner sees"),
    moment("created_at"),
    moment("sessions_from", nullable=True),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="wrong passwords in a row"),
    moment("locked_until", nullable=True),
    moment("disabled_at", nullable=True),
    CheckConstraint(
        "roles <@ array['operator', 'reviewer', 'dpo', 'administrator', 'partner'] and cardinality(roles) > 0",
        name="known_roles",
    ),
    CheckConstraint("('partner' = any(roles)) = (partner is not null)", name="partner_named"),
    CheckConstraint("partner is null or cardinality(roles) = 1", name="partner_alone"),
)

access_log = Table(
    "access_log",
    metadata,
    number(),
    moment("at"),
    Column("account", Text, nullable=False),
    Column("action", Text, nullable=False, comment="what was looked at, or unmasked, or taken out"),
    Column("subject", Text, nullable=False, comment="a person's opaque id, a case, a quarantined record, a delivery"),
    Column("reason", Text, comment="as the operator typed it, where one is asked for"),
    comment="every look at a person's data on the screens: append-only",
)
Index("ix_access_log_subject", access_log.c.subject, access_log.c.id)
