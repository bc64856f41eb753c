"""Thresholds are checked"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

COUNTS = ("same", "same_linked", "same_to_review", "different", "different_linked", "different_to_review")


def upgrade() -> None:
    op.create_table(
        "threshold_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threshold_check")),
        comment="pairs that certified numbers unite or hold apart, and what the model made of them without numbers",
    )


def downgrade() -> None:
    op.drop_table("threshold_check")
