"""The way out: messages, sync files, what each partner was told, and the journal of disclosures."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from schemas.tables.base import metadata, moment, number

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

act = Table(
    "act",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True, comment="its trace is made from it"),
    Column("kind", Text, nullable=False),
    Column("subject", Text, comment="a delivery or a partner: never a person"),
    moment("at"),
    CheckConstraint(
        "kind in ('revert', 'unlink', 'right', 'erasure', 'retention', 'agreement', 'resend')", name="known_kind"
    ),
    comment="what was done, no delivery being behind it, that partners had to be told of",
)

message = Table(
    "message",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True, comment="the idempotency key the partner sees"),
    Column("partner", Text, nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("agreement", Text, nullable=False),
    Column("sequence", Integer, nullable=False, comment="order within (partner, person)"),
    Column("payload", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("code", Text, comment="class of the last answer: the partner's return code, or ours"),
    Column("priority", SmallInteger, nullable=False, server_default="1", comment="0 urgent, 1 alone, 2 one of many"),
    Column("lane", Text, nullable=False, server_default="", comment="the département it is about: each has its turn"),
    Column("asked_with", Text, comment="hash of the keys the partner found nobody with: others, and it goes again"),
    Column("sync_file_id", ForeignKey("sync_file.id"), index=True),
    Column(
        "delivery_id",
        ForeignKey("delivery.id"),
        index=True,
        comment="whose word it carries: its trace is that delivery's",
    ),
    Column(
        "act_id",
        ForeignKey("act.id"),
        comment="what made it, where no delivery did: its trace is that act's",
    ),
    moment("arrived_at", nullable=True),
    moment("created_at"),
    moment("next_attempt_at"),
    moment("sent_at", nullable=True),
    moment("acknowledged_at", nullable=True),
    UniqueConstraint("partner", "person_id", "sequence"),
    CheckConstraint(
        "state in ('pending', 'sent', 'acknowledged', 'rejected', 'unfound', 'parked', 'replaced')", name="known_state"
    ),
)
Index("ix_message_sent_at", message.c.partner, message.c.sent_at, postgresql_where=message.c.sent_at.is_not(None))
Index(
    "ix_message_acknowledged_at",
    message.c.partner,
    message.c.acknowledged_at,
    postgresql_where=message.c.acknowledged_at.is_not(None),
)
Index("ix_message_act_id", message.c.act_id, postgresql_where=message.c.act_id.is_not(None))
Index(
    "ix_message_pending",
    message.c.partner,
    message.c.person_id,
    message.c.sequence,
    postgresql_where=message.c.state == "pending",
)
Index(
    "ix_message_turn",
    message.c.partner,
    message.c.priority,
    message.c.lane,
    message.c.created_at,
    message.c.person_id,
    message.c.sequence,
    postgresql_where=message.c.state == "pending",
)
Index(
    "ix_message_aside",
    message.c.partner,
    message.c.code,
    postgresql_where=message.c.state.in_(("parked", "unfound", "rejected")),
)

switched_off = Table(
    "switched_off",
    metadata,
    Column("partner", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False, comment="an operator, or hub after repeated failure"),
    moment("since"),
    comment="partners to whom nothing is sent, until somebody says otherwise",
)

Index("ix_message_partner_state", message.c.partner, message.c.state, message.c.id)

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
Index("ix_disclosure_partner_at", disclosure.c.partner, disclosure.c.at, disclosure.c.position)

Index("ix_disclosure_partner", disclosure.c.partner, disclosure.c.position)

checkpoint = Table(
    "checkpoint",
    metadata,
    number(),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False, unique=True),
    Column("last_hash", LargeBinary, nullable=False, comment="the seal of the last entry it covers"),
    Column("root", LargeBinary, nullable=False, comment="Merkle root of the seals it covers"),
    Column("previous_hash", LargeBinary, nullable=False, comment="hash of the checkpoint before"),
    moment("at"),
    Column("public_key", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False, comment="Ed25519, with a key that is not in this database"),
    comment="the journal up to a position, signed: what comes before can be neither changed nor cut",
)
