"""Of one provider's rate, each use has its turn; the journal is read partner by partner"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column(
        "rate_budget",
        sa.Column(
            "turns",
            postgresql.JSONB(),
            nullable=False,
            server_default="{}",
            comment="of each use, asking or sending, the moment of its last slot: none takes many ahead of another",
        ),
    )
    op.create_index("ix_disclosure_partner", "disclosure", ["partner", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_disclosure_partner", table_name="disclosure")
    op.drop_column("rate_budget", "turns")
