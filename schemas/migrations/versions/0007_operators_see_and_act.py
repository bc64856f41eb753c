"""Operators see and act"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

QUARANTINED = {
    "ix_quarantine_open": ["id"],
    "ix_quarantine_open_rule": ["rule", "id"],
    "ix_quarantine_open_delivery_id": ["delivery_id", "rule"],
}


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False, comment="Argon2id, in PHC form"),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("partner", sa.Text(), nullable=True, comment="the one partner a read-only account of a partner sees"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sessions_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "failures", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="wrong passwords in a row"
        ),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "roles <@ array['operator', 'reviewer', 'dpo', 'administrator', 'partner'] and cardinality(roles) > 0",
            name=op.f("ck_account_known_roles"),
        ),
        sa.CheckConstraint("('partner' = any(roles)) = (partner is not null)", name=op.f("ck_account_partner_named")),
        sa.CheckConstraint("partner is null or cardinality(roles) = 1", name=op.f("ck_account_partner_alone")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="what was looked at, or unmasked, or taken out"),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="a person's opaque id, a case, a quarantined record, a delivery",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="as the operator typed it, where one is asked for"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        comment="every look at a person's data on the screens: append-only",
    )
    op.create_index("ix_access_log_subject", "access_log", ["subject", "id"])
    # What the screens list, a page at a time, and what they count.
    for name, columns in QUARANTINED.items():
        op.create_index(name, "quarantine", columns, postgresql_where=sa.text("state = 'open'"))
    op.create_index("ix_review_case_open", "review_case", ["id"], postgresql_where=sa.text("closed_at is null"))
    op.create_index("ix_message_partner_state", "message", ["partner", "state", "id"])
    op.create_index("ix_message_arrived_at", "message", ["arrived_at"])


def downgrade() -> None:
    op.drop_index("ix_message_arrived_at", table_name="message")
    op.drop_index("ix_message_partner_state", table_name="message")
    op.drop_index("ix_review_case_open", table_name="review_case")
    for name in QUARANTINED:
        op.drop_index(name, table_name="quarantine")
    op.drop_index("ix_access_log_subject", table_name="access_log")
    op.drop_table("access_log")
    op.drop_table("account")
