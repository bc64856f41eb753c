"""From cause to answer: acts behind messages that no delivery is behind; what releasing would do, kept; ledgers count again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "act",
        sa.Column("id", sa.Uuid(), nullable=False, comment="its trace is made from it"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True, comment="a delivery or a partner: never a person"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('revert', 'unlink', 'right', 'erasure', 'retention', 'agreement', 'resend')",
            name=op.f("ck_act_known_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
        comment="what was done, no delivery being behind it, that partners had to be told of",
    )
    op.add_column(
        "message",
        sa.Column(
            "act_id",
            sa.Uuid(),
            nullable=True,
            comment="what made it, where no delivery did: its trace is that act's",
        ),
    )
    op.create_foreign_key(op.f("fk_message_act_id_act"), "message", "act", ["act_id"], ["id"])
    op.create_index("ix_message_act_id", "message", ["act_id"], postgresql_where=sa.text("act_id is not null"))
    op.create_table(
        "release_preview",
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "counts",
            postgresql.JSONB(),
            nullable=True,
            comment="what letting the delivery through would do: counts only",
        ),
        sa.CheckConstraint(
            "state in ('asked', 'done', 'too_long', 'gave_way', 'failed')", name=op.f("ck_release_preview_known_state")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_release_preview_delivery_id_delivery")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_release_preview")),
        comment="what letting a held delivery through would do, as it was last tried and undone: derived, may be tried again",
    )
    op.execute("delete from counted_ledger")  # its lines say more from now on; they are counted again


def downgrade() -> None:
    op.execute("delete from counted_ledger")
    op.drop_table("release_preview")
    op.drop_index("ix_message_act_id", table_name="message")
    op.drop_constraint(op.f("fk_message_act_id_act"), "message", type_="foreignkey")
    op.drop_column("message", "act_id")
    op.drop_table("act")
