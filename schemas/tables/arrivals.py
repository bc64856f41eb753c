"""The way in: deliveries, what became of each record, and what waits for a correction."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

delivery = Table(
    "delivery",
    metadata,
    number(),
    Column("flow", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    moment("arrived_at"),
    moment("received_at"),
    moment("closed_at", nullable=True),
    Column("state", Text, nullable=False, comment="see known_state below; docs/operations.md says each"),
    Column("reason", Text, comment="in French, for the operator; never a person's data"),
    Column("kind", Text, comment="full: a picture of everybody; delta: only what changed"),
    Column("order_key", Text, comment="sorts the deliveries of a flow as their partner meant them"),
    Column("reference_date", Date),
    Column("header", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("footer", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("units", Integer, comment="what the partner counts: households, rows, users"),
    Column("control_total", Integer, comment="the partner's own count of units, where it sends one"),
    Column("received", Integer, comment="records read"),
    Column("applied", Integer),
    Column("unchanged", Integer),
    Column("superseded", Integer),
    Column("quarantined", Integer),
    Column("refused", Integer),
    Column("left", Integer, comment="persons of the flow whom a full picture no longer shows"),
    Column("header_key", Text, comment="how the partner itself tells this delivery from the others of the flow"),
    Column("entered", Integer, comment="persons the flow did not show before this delivery"),
    Column("closed_by", Text, comment="the operator who refused or reverted it"),
    Column("released_by", Text, comment="the operator who let a held delivery through"),
    Column("profile", JSONB, comment="volumes, fill rates, codes: counts only"),
    Column("findings", JSONB, comment="what the suite said of the delivery as a whole"),
    CheckConstraint(
        "state in ('received', 'applied', 'refused', 'repeated', 'redated', 'outdated', 'held', 'reverted')",
        name="known_state",
    ),
    CheckConstraint(
        "state <> 'applied' or received = applied + unchanged + superseded + quarantined + refused", name="balances"
    ),
)
Index("ix_delivery_flow_received_at", delivery.c.flow, delivery.c.received_at)
Index("ix_delivery_flow_sha256", delivery.c.flow, delivery.c.sha256)

staged_record = Table(
    "staged_record",
    metadata,
    Column("delivery_id", BigInteger, nullable=False, index=True),
    Column("record", Integer, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("key", Text, nullable=False, comment="keyed hash of the partner's own key for this person"),
    Column("scope", Text, nullable=False, comment="the part of the flow a full picture speaks of: a département"),
    Column("as_of", Date),
    Column("content", JSONB, comment="absent where the unit is remembered: an earlier version holds it"),
    Column("content_hash", LargeBinary, nullable=False),
    Column("nir_encrypted", LargeBinary),
    Column("nir_hash", LargeBinary),
    Column("digest", LargeBinary, comment="of the unit's bytes, where they can be remembered"),
    Column("shape", Text, comment="which fields are filled, and with which codes"),
    prefixes=["UNLOGGED"],
    comment="records between normalise and apply; emptied by apply, rebuilt from the raw delivery if lost",
)

full_picture = Table(
    "full_picture",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("delivery_id", ForeignKey("delivery.id"), primary_key=True),
    Column("order_key", Text, nullable=False),
    comment="the pictures of everybody in a scope: nothing older than the last may speak",
)

remembered_unit = Table(
    "remembered_unit",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True, comment="keyed hash of the unit's bytes and of the declarations"),
    Column("position", Integer, primary_key=True, comment="of the record in its unit"),
    Column("key", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("as_of", Date),
    Column("content_hash", LargeBinary, nullable=False),
    Column("nir_hash", LargeBinary),
    Column("shape", Text, nullable=False),
    comment="what a unit came to when it was last read: the same bytes need not be read again",
)

delivery_record = Table(
    "delivery_record",
    metadata,
    Column("delivery_id", ForeignKey("delivery.id"), primary_key=True),
    Column("record", Integer, primary_key=True),
    Column("unit", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("source_record_id", BigInteger),
    CheckConstraint(
        "outcome in ('applied', 'unchanged', 'superseded', 'quarantined', 'refused')", name="known_outcome"
    ),
    comment="what became of each record of each delivery: the ledger is counted here",
)

quarantine = Table(
    "quarantine",
    metadata,
    number(),
    Column("delivery_id", ForeignKey("delivery.id"), nullable=False, index=True),
    Column("record", Integer, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("field", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("hint", Text, nullable=False, comment="one French sentence: what to correct"),
    Column("key", Text, comment="the person's key in the flow, where the record could be read that far"),
    Column("block_encrypted", LargeBinary),
    Column("state", Text, nullable=False, server_default="open"),
    Column("state_reason", Text),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    UniqueConstraint("delivery_id", "record"),
    CheckConstraint("state in ('open', 'replayed', 'dropped')", name="known_state"),
)
Index("ix_quarantine_open", quarantine.c.id, postgresql_where=quarantine.c.state == "open")
Index("ix_quarantine_open_rule", quarantine.c.rule, quarantine.c.id, postgresql_where=quarantine.c.state == "open")
Index(
    "ix_quarantine_open_delivery_id",
    quarantine.c.delivery_id,
    quarantine.c.rule,
    postgresql_where=quarantine.c.state == "open",
)

counted_ledger = Table(
    "counted_ledger",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("lines", JSONB, nullable=False),
    Column("mark", Text, nullable=False, comment="what the flow's deliveries had come to when it was counted"),
    moment("counted_at"),
    comment="the running ledger of each flow as it was last counted, row by row: derived, may be counted again",
)

release_preview = Table(
    "release_preview",
    metadata,
    Column("delivery_id", ForeignKey("delivery.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    moment("asked_at"),
    moment("done_at", nullable=True),
    Column("counts", JSONB, comment="what letting the delivery through would do: counts only"),
    CheckConstraint("state in ('asked', 'done', 'too_long', 'gave_way', 'failed')", name="known_state"),
    comment="what letting a held delivery through would do, as it was last tried and undone: derived, may be tried again",
)
