"""The way out"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KNOWN_STATES_BEFORE = "state in ('pending', 'sent', 'acknowledged', 'rejected', 'parked', 'replaced')"
KNOWN_STATES = "state in ('pending', 'sent', 'acknowledged', 'rejected', 'unfound', 'parked', 'replaced')"


def upgrade() -> None:
    _message()
    op.create_table(
        "switched_off",
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False, comment="an operator, or hub after repeated failure"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("partner", name=op.f("pk_switched_off")),
        comment="partners to whom nothing is sent, until somebody says otherwise",
    )
    op.add_column(
        "rate_budget",
        sa.Column(
            "pace", sa.Double(), server_default="1", nullable=False, comment="share of the rate left by the last 429"
        ),
    )
    op.add_column("rate_budget", sa.Column("slowed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "rate_budget",
        sa.Column(
            "failures", sa.Integer(), server_default="0", nullable=False, comment="calls in a row without an answer"
        ),
    )
    op.add_column(
        "rate_budget",
        sa.Column(
            "openings", sa.Integer(), server_default="0", nullable=False, comment="times in a row the circuit opened"
        ),
    )
    op.add_column("rate_budget", sa.Column("open_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rate_budget", sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table_comment(
        "rate_budget",
        "one budget and one circuit breaker per provider, shared by every process",
        existing_comment="one budget per provider, shared by every process",
    )


def _message() -> None:
    op.add_column(
        "message",
        sa.Column(
            "code", sa.Text(), nullable=True, comment="class of the last answer: the partner's return code, or ours"
        ),
    )
    op.add_column(
        "message",
        sa.Column(
            "priority",
            sa.SmallInteger(),
            server_default="1",
            nullable=False,
            comment="0 urgent, 1 alone, 2 one of many",
        ),
    )
    op.add_column(
        "message",
        sa.Column(
            "lane",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="the département it is about: each has its turn",
        ),
    )
    op.add_column(
        "message",
        sa.Column(
            "asked_with",
            sa.Text(),
            nullable=True,
            comment="hash of the keys the partner found nobody with: others, and it goes again",
        ),
    )
    op.drop_constraint("known_state", "message", type_="check")
    op.create_check_constraint("known_state", "message", KNOWN_STATES)
    op.drop_index("ix_message_pending", table_name="message", postgresql_where=sa.text("state = 'pending'"))
    op.create_index(
        "ix_message_pending",
        "message",
        ["partner", "person_id", "sequence"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_message_turn",
        "message",
        ["partner", "priority", "lane", "created_at", "person_id", "sequence"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_message_aside",
        "message",
        ["partner", "code"],
        postgresql_where=sa.text("state IN ('parked', 'unfound', 'rejected')"),
    )


def downgrade() -> None:
    op.create_table_comment(
        "rate_budget",
        "one budget per provider, shared by every process",
        existing_comment="one budget and one circuit breaker per provider, shared by every process",
    )
    for column in ("probe_until", "open_until", "openings", "failures", "slowed_at", "pace"):
        op.drop_column("rate_budget", column)
    op.drop_table("switched_off")
    op.drop_index("ix_message_aside", table_name="message")
    op.drop_index("ix_message_turn", table_name="message")
    op.drop_index("ix_message_pending", table_name="message")
    op.create_index(
        "ix_message_pending", "message", ["partner", "next_attempt_at"], postgresql_where=sa.text("state = 'pending'")
    )
    op.execute("update message set state = 'rejected' where state = 'unfound'")
    op.drop_constraint("known_state", "message", type_="check")
    op.create_check_constraint("known_state", "message", KNOWN_STATES_BEFORE)
    for column in ("asked_with", "lane", "priority", "code"):
        op.drop_column("message", column)
