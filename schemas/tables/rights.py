"""What people are owed: protections, erasures, what is known of those who must not come back; and what agreements are in force."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from schemas.tables.base import metadata, moment, number

agreement_version = Table(
    "agreement_version",
    metadata,
    number(),
    Column("name", Text, nullable=False, comment="of the agreement: its partner, or the name of a further purpose"),
    Column("sha256", Text, nullable=False, comment="of the agreement's canonical JSON"),
    Column("content", JSONB, nullable=False),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="baseline: found at installation; narrower: needs nobody; wider: two people",
    ),
    Column("proposed_by", Text, nullable=False),
    moment("proposed_at"),
    Column("approved_by", Text),
    moment("approved_at", nullable=True),
    CheckConstraint("kind in ('baseline', 'narrower', 'wider')", name="known_kind"),
    CheckConstraint(
        "kind <> 'wider' or approved_by is null or lower(trim(approved_by)) <> lower(trim(proposed_by))",
        name="two_people",
    ),
    CheckConstraint("(approved_by is null) = (approved_at is null)", name="approved_whole"),
    comment="each version of each agreement: the last approved one is in force",
)
Index("ix_agreement_version_name", agreement_version.c.name, agreement_version.c.id)

protection = Table(
    "protection",
    metadata,
    number(),
    Column("kind", Text, nullable=False),
    Column("person_id", UUID(as_uuid=True), nullable=False, index=True, comment="as it was when it was asked for"),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    moment("opened_at"),
    moment("until", nullable=True),
    moment("closed_at", nullable=True),
    Column("closed_by", Text),
    CheckConstraint("kind in ('objection', 'threat', 'new', 'returned', 'archived', 'litigation')", name="known_kind"),
    comment="what holds for a person; it holds through its records, so that it follows merges and splits",
)
Index("ix_protection_open", protection.c.kind, postgresql_where=protection.c.closed_at.is_(None))

protection_record = Table(
    "protection_record",
    metadata,
    Column("protection_id", ForeignKey("protection.id", ondelete="CASCADE"), primary_key=True),
    Column("source_record_id", BigInteger, primary_key=True, index=True),
    comment="the records a protection covers: whoever holds one of them is protected",
)

erasure = Table(
    "erasure",
    metadata,
    number(),
    Column(
        "person_id", UUID(as_uuid=True), nullable=False, unique=True, comment="the opaque id: it names nobody any more"
    ),
    Column("cause", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("erased_at"),
    Column("counts", JSONB, nullable=False, comment="how many rows, files and messages it reached"),
    moment("partners_done_at", nullable=True),
    Column("certificate", JSONB, comment="signed, once every partner has answered"),
    CheckConstraint("cause in ('request', 'retention')", name="known_cause"),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("erasure_id", ForeignKey("erasure.id"), primary_key=True),
    Column(
        "mark", LargeBinary, primary_key=True, index=True, comment="keyed hash of a number, a civil status or a key"
    ),
    comment="by what an erased person would be recognised, and nothing that says who it is",
)

redaction = Table(
    "redaction",
    metadata,
    Column("erasure_id", ForeignKey("erasure.id"), primary_key=True),
    Column("delivery_id", ForeignKey("delivery.id"), primary_key=True),
    Column("record", Integer, primary_key=True),
    Column("unit", Integer, nullable=False),
    Column("how", Text, comment="masked: overwritten where it stood; destroyed: the whole stored delivery went"),
    moment("done_at", nullable=True),
    CheckConstraint("how in ('masked', 'destroyed')", name="known_how"),
    comment="where an erased person stood in the deliveries as received, until it stands there no more",
)

recall = Table(
    "recall",
    metadata,
    number(),
    Column("cause", Text, nullable=False, comment="delivery, links, erasure"),
    Column("subject", Text, nullable=False, comment="a delivery, or a count: never a person"),
    moment("opened_at"),
    CheckConstraint("cause in ('delivery', 'links', 'erasure')", name="known_cause"),
)

recall_message = Table(
    "recall_message",
    metadata,
    Column("recall_id", ForeignKey("recall.id"), primary_key=True),
    Column("message_id", UUID(as_uuid=True), primary_key=True, index=True),
    Column("partner", Text, nullable=False),
    Column("person_id", UUID(as_uuid=True), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    comment="the corrections of a recall, followed until each is acknowledged",
)
