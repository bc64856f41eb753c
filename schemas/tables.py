"""The store: what the hub keeps, and the constraints that keep it true.

Used by ``hub`` only. A person's facts live in ``source_version.content`` (who said what, every version) and, derived
from it, in ``dossier.content``. A NIR is never in either: it is encrypted beside them and searched by a keyed hash.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def number() -> Column[Any]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


# --- the way in --------------------------------------------------------------------------------------------------

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
    Column("state", Text, nullable=False, comment="received, applied, refused, repeated, outdated, held"),
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
    Column("released_by", Text, comment="the operator who let a held delivery through"),
    Column("profile", JSONB, comment="volumes, fill rates, codes: counts only"),
    Column("findings", JSONB, comment="what the suite said of the delivery as a whole"),
    CheckConstraint("state in ('received', 'applied', 'refused', 'repeated', 'outdated', 'held')", name="known_state"),
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
    Column("content", JSONB, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("nir_encrypted", LargeBinary),
    Column("nir_hash", LargeBinary),
    prefixes=["UNLOGGED"],
    comment="records between normalise and apply; emptied by apply, rebuilt from the raw delivery if lost",
)

full_picture = Table(
    "full_picture",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("order_key", Text, nullable=False),
    Column("delivery_id", ForeignKey("delivery.id"), nullable=False),
    comment="the last picture of everybody in a scope: nothing older than it may speak",
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

# --- what partners said ------------------------------------------------------------------------------------------

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
)

# --- who is who --------------------------------------------------------------------------------------------------

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

dossier = Table(
    "dossier",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("content", JSONB, nullable=False, comment="path to value, partner, flow, date: derived, may be rebuilt"),
    Column("content_hash", LargeBinary, nullable=False),
    moment("updated_at"),
)

# --- the way out -------------------------------------------------------------------------------------------------

told = Table(
    "told",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("content", JSONB, nullable=False, comment="path to the value the partner was last told"),
    comment="what each partner has been told about each person it follows",
)

sync_file = Table(
    "sync_file",
    metadata,
    number(),
    Column("partner", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("previous_sha256", Text),
    Column("records", Integer, nullable=False),
    moment("created_at"),
    moment("deposited_at", nullable=True),
    UniqueConstraint("partner", "sequence"),
    CheckConstraint("kind in ('delta', 'full')", name="known_kind"),
)

message = Table(
    "message",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True, comment="the idempotency key the partner sees"),
    Column("partner", Text, nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("agreement", Text, nullable=False),
    Column("sequence", Integer, nullable=False, comment="order within (partner, person)"),
    Column("payload", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("sync_file_id", ForeignKey("sync_file.id"), index=True),
    moment("arrived_at", nullable=True),
    moment("created_at"),
    moment("next_attempt_at"),
    moment("sent_at", nullable=True),
    moment("acknowledged_at", nullable=True),
    UniqueConstraint("partner", "person_id", "sequence"),
    CheckConstraint(
        "state in ('pending', 'sent', 'acknowledged', 'rejected', 'parked', 'replaced')", name="known_state"
    ),
)
Index(
    "ix_message_pending",
    message.c.partner,
    message.c.next_attempt_at,
    postgresql_where=message.c.state == "pending",
)

disclosure = Table(
    "disclosure",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    moment("at"),
    Column("partner", Text, nullable=False),
    Column("person_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("agreement", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("message_id", UUID(as_uuid=True), nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("entry_hash", LargeBinary, nullable=False),
    comment="the journal: append-only, each entry sealed by the one before",
)

# --- dealings with providers -------------------------------------------------------------------------------------

access_token = Table(
    "access_token",
    metadata,
    Column("name", Text, primary_key=True, comment="the connection, or the keyed hash of a user's key"),
    Column("token_encrypted", LargeBinary, nullable=False),
    moment("expires_at"),
)

rate_budget = Table(
    "rate_budget",
    metadata,
    Column("provider", Text, primary_key=True),
    moment("next_slot_at"),
    comment="one budget per provider, shared by every process",
)

asked = Table(
    "asked",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("source_record_id", ForeignKey("source_record.id"), primary_key=True),
    moment("asked_at"),
    Column("answer", Text, nullable=False, comment="return code of the provider"),
    comment="when a provider was last asked about a record, so that it is not asked again too soon",
)
