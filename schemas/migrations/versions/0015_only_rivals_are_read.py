"""Only rivals are read: what each pair weighs beside it, and whether rivals may change what is decided of it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"

ENDS = ("record_a", "record_b")


def upgrade() -> None:
    """Pairs that are kept say that nothing is known of them, and are read as before until they are judged again, a full match at the latest:
    no row is written here. Four indexes are made, which locks the pairs against writing meanwhile.
    """
    op.add_column(
        "comparison",
        sa.Column(
            "total",
            sa.Double(),
            nullable=False,
            server_default=sa.text("'infinity'"),
            comment="what it weighs in all, in bits; infinite: not known yet",
        ),
    )
    op.add_column(
        "comparison",
        sa.Column(
            "contended",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("true"),
            comment="it would be linked or proposed, had neither record another pair: false only when that is known",
        ),
    )
    op.drop_index("ix_comparison_record_b", table_name="comparison")
    for end in ENDS:
        op.create_index(f"ix_comparison_{end}_total", "comparison", [end, "total"])
        op.create_index(
            f"ix_comparison_{end}_contended", "comparison", [end, "total"], postgresql_where=sa.text("contended")
        )


def downgrade() -> None:
    for end in ENDS:
        op.drop_index(f"ix_comparison_{end}_contended", table_name="comparison")
        op.drop_index(f"ix_comparison_{end}_total", table_name="comparison")
    op.create_index("ix_comparison_record_b", "comparison", ["record_b"])
    op.drop_column("comparison", "contended")
    op.drop_column("comparison", "total")
