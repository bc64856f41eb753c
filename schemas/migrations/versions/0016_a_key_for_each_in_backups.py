"""A key for each person and record, by which what backups hold of it can be made unreadable"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "backup_key",
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="r: a record; p: a person's opaque id; q: in quarantine"
        ),
        sa.Column("key", sa.LargeBinary(), nullable=True, comment="absent: destroyed when the person was erased"),
        sa.PrimaryKeyConstraint("subject", name="pk_backup_key"),
        comment="what each is sealed with in backups: in no backup itself, drawn when one is taken",
    )


def downgrade() -> None:
    op.drop_table("backup_key")
