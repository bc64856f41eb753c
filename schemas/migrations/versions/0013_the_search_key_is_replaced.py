"""The search key is replaced: under how many keys the hashes of the store lie, and how far a rotation has come"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "search_generation",
        sa.Column("generation", sa.Integer(), nullable=False, comment="search keys every hash of the store lies under"),
        sa.Column("lifting_to", sa.Integer(), nullable=True, comment="where a rotation under way brings them"),
        sa.Column("step", sa.Integer(), server_default="0", nullable=False, comment="how far it has come"),
        sa.Column("place", sa.BigInteger(), server_default="0", nullable=False),
        comment="one row: hub keys rotate-search goes by it",
    )
    op.execute("insert into search_generation (generation) values (1)")


def downgrade() -> None:
    op.drop_table("search_generation")
