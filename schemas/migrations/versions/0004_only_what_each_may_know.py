"""Only what each may know"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

# What is sealed stays: neither an update, nor a deletion, nor a truncation, whoever asks through the hub's own connection.
REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'append-only' using errcode = 'integrity_constraint_violation', table = tg_table_name;
end $$
"""
SEALED = ("disclosure", "checkpoint")


def upgrade() -> None:
    op.create_table(
        "agreement_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="of the agreement: its partner, or the name of a further purpose"
        ),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the agreement's canonical JSON"),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="baseline: found at installation; narrower: needs nobody; wider: two people",
        ),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind <> 'wider' or approved_by is null or lower(trim(approved_by)) <> lower(trim(proposed_by))",
            name=op.f("ck_agreement_version_two_people"),
        ),
        sa.CheckConstraint("kind in ('baseline', 'narrower', 'wider')", name=op.f("ck_agreement_version_known_kind")),
        sa.CheckConstraint(
            "(approved_by is null) = (approved_at is null)", name=op.f("ck_agreement_version_approved_whole")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_version")),
        comment="each version of each agreement: the last approved one is in force",
    )
    op.create_index("ix_agreement_version_name", "agreement_version", ["name", "id"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False, comment="the seal of the last entry it covers"),
        sa.Column("root", sa.LargeBinary(), nullable=False, comment="Merkle root of the seals it covers"),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False, comment="hash of the checkpoint before"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "signature", sa.LargeBinary(), nullable=False, comment="Ed25519, with a key that is not in this database"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint")),
        sa.UniqueConstraint("last_position", name=op.f("uq_checkpoint_last_position")),
        comment="the journal up to a position, signed: what comes before can be neither changed nor cut",
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False, comment="the opaque id: it names nobody any more"),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "counts",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="how many rows, files and messages it reached",
        ),
        sa.Column("partners_done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "certificate",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="signed, once every partner has answered",
        ),
        sa.CheckConstraint("cause in ('request', 'retention')", name=op.f("ck_erasure_known_cause")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("person_id", name=op.f("uq_erasure_person_id")),
    )
    op.create_table(
        "protection",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False, comment="as it was when it was asked for"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('objection', 'threat', 'new', 'returned', 'archived', 'litigation')",
            name=op.f("ck_protection_known_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protection")),
        comment="what holds for a person; it holds through its records, so that it follows merges and splits",
    )
    op.create_index(
        "ix_protection_open", "protection", ["kind"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(op.f("ix_protection_person_id"), "protection", ["person_id"], unique=False)
    op.create_table(
        "recall",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="delivery, links, erasure"),
        sa.Column("subject", sa.Text(), nullable=False, comment="a delivery, or a count: never a person"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cause in ('delivery', 'links', 'erasure')", name=op.f("ck_recall_known_cause")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
    )
    op.create_table(
        "protection_record",
        sa.Column("protection_id", sa.BigInteger(), nullable=False),
        sa.Column("source_record_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["protection_id"],
            ["protection.id"],
            name=op.f("fk_protection_record_protection_id_protection"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("protection_id", "source_record_id", name=op.f("pk_protection_record")),
        comment="the records a protection covers: whoever holds one of them is protected",
    )
    op.create_index(
        op.f("ix_protection_record_source_record_id"), "protection_record", ["source_record_id"], unique=False
    )
    op.create_table(
        "recall_message",
        sa.Column("recall_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"], name=op.f("fk_recall_message_recall_id_recall")),
        sa.PrimaryKeyConstraint("recall_id", "message_id", name=op.f("pk_recall_message")),
        comment="the corrections of a recall, followed until each is acknowledged",
    )
    op.create_index(op.f("ix_recall_message_message_id"), "recall_message", ["message_id"], unique=False)
    op.create_table(
        "redaction",
        sa.Column("erasure_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column(
            "how",
            sa.Text(),
            nullable=True,
            comment="masked: overwritten where it stood; destroyed: the whole stored delivery went",
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("how in ('masked', 'destroyed')", name=op.f("ck_redaction_known_how")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_redaction_delivery_id_delivery")),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.id"], name=op.f("fk_redaction_erasure_id_erasure")),
        sa.PrimaryKeyConstraint("erasure_id", "delivery_id", "record", name=op.f("pk_redaction")),
        comment="where an erased person stood in the deliveries as received, until it stands there no more",
    )
    op.create_table(
        "tombstone",
        sa.Column("erasure_id", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False, comment="keyed hash of a number, a civil status or a key"),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.id"], name=op.f("fk_tombstone_erasure_id_erasure")),
        sa.PrimaryKeyConstraint("erasure_id", "mark", name=op.f("pk_tombstone")),
        comment="by what an erased person would be recognised, and nothing that says who it is",
    )
    op.create_index(op.f("ix_tombstone_mark"), "tombstone", ["mark"], unique=False)
    op.create_index(op.f("ix_message_person_id"), "message", ["person_id"], unique=False)

    op.execute(REFUSE)
    for table in SEALED:
        op.execute(
            f"create trigger append_only_rows before update or delete on {table} for each row execute function refuse_change()"
        )
        op.execute(
            f"create trigger append_only before truncate on {table} for each statement execute function refuse_change()"
        )


def downgrade() -> None:
    for table in SEALED:
        op.execute(f"drop trigger append_only_rows on {table}")
        op.execute(f"drop trigger append_only on {table}")
    op.execute("drop function refuse_change()")
    op.drop_index(op.f("ix_message_person_id"), table_name="message")
    op.drop_index(op.f("ix_tombstone_mark"), table_name="tombstone")
    op.drop_table("tombstone")
    op.drop_table("redaction")
    op.drop_index(op.f("ix_recall_message_message_id"), table_name="recall_message")
    op.drop_table("recall_message")
    op.drop_index(op.f("ix_protection_record_source_record_id"), table_name="protection_record")
    op.drop_table("protection_record")
    op.drop_table("recall")
    op.drop_index(op.f("ix_protection_person_id"), table_name="protection")
    op.drop_index("ix_protection_open", table_name="protection", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_table("protection")
    op.drop_table("erasure")
    op.drop_table("checkpoint")
    op.drop_index("ix_agreement_version_name", table_name="agreement_version")
    op.drop_table("agreement_version")
