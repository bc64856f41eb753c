"""What partners said: the current state of each record, and every version of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.base import metadata, moment, number

source_record = Table(
    "source_record",
    metadata,
    number(),
    Column("flow", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("nir_hash", LargeBinary),
    Column("as_of", Date, comment="the day the partner speaks of"),
    Column("order_key", Text, nullable=False),
    Column("delivery_id", ForeignKey("delivery.id"), nullable=False, comment="the delivery of the current version"),
    Column("left_on", Date, comment="absent from a full picture since that reference date"),
    Column(
        "withdrawn", Boolean, nullable=False, server_default=text("false"), comment="its only delivery was reverted"
    ),
    Column("to_match", Boolean, nullable=False, comment="new or changed since it was last reconciled"),
    moment("updated_at"),
    UniqueConstraint("flow", "key"),
)
Index("ix_source_record_to_match", source_record.c.id, postgresql_where=source_record.c.to_match)

source_version = Table(
    "source_version",
    metadata,
    Column("source_record_id", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", JSONB, nullable=False),
    Column("nir_encrypted", LargeBinary),
    Column("content_hash", LargeBinary, nullable=False),
    Column("as_of", Date),
    Column("delivery_id", BigInteger, nullable=False, index=True),
    moment("recorded_at"),
    moment("withdrawn_at", nullable=True),
)

movement = Table(
    "movement",
    metadata,
    Column("delivery_id", ForeignKey("delivery.id"), primary_key=True),
    Column("source_record_id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("on", Date, nullable=False, comment="the reference date of the delivery"),
    Column("before", JSONB, comment="the record's state before the delivery: what reverting it puts back"),
    CheckConstraint("kind in ('entered', 'changed', 'left', 'returned')", name="known_kind"),
    comment="what a delivery did to each record it touched: the running ledger is counted here",
)
Index("ix_movement_source_record_id", movement.c.source_record_id)
