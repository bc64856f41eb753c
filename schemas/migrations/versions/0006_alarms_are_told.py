"""Alarms are told outside the screens, once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "alarm",
        sa.Column(
            "notified_at", sa.DateTime(timezone=True), nullable=True, comment="when it was told by e-mail or webhook"
        ),
    )


def downgrade() -> None:
    op.drop_column("alarm", "notified_at")
