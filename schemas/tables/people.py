"""Who is who: comparison keys, persons, links, decisions, cases and dossiers."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from schemas.tables.base import metadata, moment, number

source_identity = Table(
    "source_identity",
    metadata,
    Column("source_record_id", ForeignKey("source_record.id"), primary_key=True),
    Column("flow", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("nir_hash", LargeBinary, comment="only where the number may decide: valid and definitive"),
    Column("nir_certified", Boolean, nullable=False),
    Column("birth_date", Date),
    Column("birth_date_precision", Text, comment="day, month or year: compare no finer"),
    Column("birth_name", Text, comment="comparison key, not the name"),
    Column("usage_name", Text),
    Column("first_name", Text, comment="first given name, comparison key"),
    Column("first_names", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("sex", Text),
    Column("birth_rank", Integer),
    Column("birth_place", Text),
    Column("place", Text, comment="where the person lives: commune or postcode, with the street"),
    Column("phones", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("email", Text),
    Column("caf_number", Text),
    Column("france_travail_number", Text),
    Column("france_travail_local_id", Text),
    Column("household", Text, comment="records of one household share it: never an identity"),
)
Index("ix_source_identity_nir_hash", source_identity.c.nir_hash)
Index("ix_source_identity_birth_date", source_identity.c.birth_date, source_identity.c.first_name)

person = Table(
    "person",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    moment("created_at"),
    Column("forwards_to", UUID(as_uuid=True), comment="after a merge: where to look now; ids are never reused"),
)

link = Table(
    "link",
    metadata,
    number(),
    Column("source_record_id", ForeignKey("source_record.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("method", Text, nullable=False, comment="alone, rung of the ladder, or human"),
    Column("score", Double),
    Column("evidence", JSONB, nullable=False, comment="levels per field, never values"),
    Column("author", Text, nullable=False),
    moment("decided_at"),
    moment("superseded_at", nullable=True),
)
Index(
    "uq_link_current",
    link.c.source_record_id,
    unique=True,
    postgresql_where=link.c.superseded_at.is_(None),
)

decision = Table(
    "decision",
    metadata,
    number(),
    Column("record_a", ForeignKey("source_record.id"), nullable=False),
    Column("record_b", ForeignKey("source_record.id"), nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text),
    Column("author", Text, nullable=False),
    moment("decided_at"),
    moment("superseded_at", nullable=True),
    CheckConstraint("verdict in ('same', 'distinct', 'unsure')", name="known_verdict"),
    CheckConstraint("record_a < record_b", name="ordered_pair"),
    comment="what a person decided about a pair: outlives every re-match",
)
Index(
    "uq_decision_current",
    decision.c.record_a,
    decision.c.record_b,
    unique=True,
    postgresql_where=decision.c.superseded_at.is_(None),
)

review_case = Table(
    "review_case",
    metadata,
    number(),
    Column("record_a", ForeignKey("source_record.id"), nullable=False),
    Column("record_b", ForeignKey("source_record.id"), nullable=False),
    Column("kind", Text, nullable=False, comment="why the machine did not decide"),
    Column("evidence", JSONB, nullable=False),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    Column("closed_by", Text),
    CheckConstraint("record_a < record_b", name="ordered_pair"),
)
Index(
    "uq_review_case_open",
    review_case.c.record_a,
    review_case.c.record_b,
    unique=True,
    postgresql_where=review_case.c.closed_at.is_(None),
)

Index("ix_review_case_open", review_case.c.id, postgresql_where=review_case.c.closed_at.is_(None))

dossier = Table(
    "dossier",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("content", JSONB, nullable=False, comment="path to value, partner, flow, date: derived, may be rebuilt"),
    Column("content_hash", LargeBinary, nullable=False),
    moment("updated_at"),
)
