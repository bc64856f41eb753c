"""What moved since: a step's trace finds the messages it moved by when they left and when they were answered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(
        "ix_message_sent_at", "message", ["partner", "sent_at"], postgresql_where=sa.text("sent_at is not null")
    )
    op.create_index(
        "ix_message_acknowledged_at",
        "message",
        ["partner", "acknowledged_at"],
        postgresql_where=sa.text("acknowledged_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_message_acknowledged_at", table_name="message")
    op.drop_index("ix_message_sent_at", table_name="message")
