"""Nothing lost"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

KNOWN_STATES_BEFORE = "state in ('received', 'applied', 'refused', 'repeated', 'outdated', 'held')"
KNOWN_STATES = "state in ('received', 'applied', 'refused', 'repeated', 'redated', 'outdated', 'held', 'reverted')"


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="a flow, a delivery, a partner: never a person"),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False, comment="French, with what to do; never a person's data"),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index(
        "uq_alarm_open", "alarm", ["kind", "subject"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "remembered_unit",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="keyed hash of the unit's bytes and of the declarations"
        ),
        sa.Column("position", sa.Integer(), nullable=False, comment="of the record in its unit"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("nir_hash", sa.LargeBinary(), nullable=True),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "digest", "position", name=op.f("pk_remembered_unit")),
        comment="what a unit came to when it was last read: the same bytes need not be read again",
    )
    op.create_table(
        "movement",
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("source_record_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False, comment="the reference date of the delivery"),
        sa.Column(
            "before",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the record's state before the delivery: what reverting it puts back",
        ),
        sa.CheckConstraint("kind in ('entered', 'changed', 'left', 'returned')", name=op.f("ck_movement_known_kind")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_movement_delivery_id_delivery")),
        sa.PrimaryKeyConstraint("delivery_id", "source_record_id", name=op.f("pk_movement")),
        comment="what a delivery did to each record it touched: the running ledger is counted here",
    )
    op.create_index("ix_movement_source_record_id", "movement", ["source_record_id"], unique=False)
    op.add_column(
        "delivery",
        sa.Column(
            "header_key",
            sa.Text(),
            nullable=True,
            comment="how the partner itself tells this delivery from the others of the flow",
        ),
    )
    op.add_column(
        "delivery",
        sa.Column("entered", sa.Integer(), nullable=True, comment="persons the flow did not show before this delivery"),
    )
    op.add_column(
        "delivery", sa.Column("closed_by", sa.Text(), nullable=True, comment="the operator who refused or reverted it")
    )
    op.alter_column(
        "delivery",
        "state",
        existing_type=sa.TEXT(),
        comment="see known_state below; docs/operations.md says each",
        existing_comment="received, applied, refused, repeated, outdated, held",
        existing_nullable=False,
    )
    op.create_table_comment(
        "full_picture",
        "the pictures of everybody in a scope: nothing older than the last may speak",
        existing_comment="the last picture of everybody in a scope: nothing older than it may speak",
        schema=None,
    )
    op.add_column(
        "source_record",
        sa.Column(
            "withdrawn",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="its only delivery was reverted",
        ),
    )
    op.add_column("source_version", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "staged_record",
        sa.Column(
            "digest", sa.LargeBinary(), nullable=True, comment="of the unit's bytes, where they can be remembered"
        ),
    )
    op.add_column(
        "staged_record",
        sa.Column("shape", sa.Text(), nullable=True, comment="which fields are filled, and with which codes"),
    )
    op.alter_column(
        "staged_record",
        "content",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        nullable=True,
        comment="absent where the unit is remembered: an earlier version holds it",
    )
    op.drop_constraint("known_state", "delivery", type_="check")
    op.create_check_constraint("known_state", "delivery", KNOWN_STATES)
    op.drop_constraint("pk_full_picture", "full_picture", type_="primary")
    op.create_primary_key("pk_full_picture", "full_picture", ["flow", "scope", "delivery_id"])
    # What came in before movements were kept counts as entered by the delivery of its current version.
    op.execute("""
        insert into movement (delivery_id, source_record_id, kind, "on")
        select r.delivery_id, r.id, 'entered', coalesce(d.reference_date, d.arrived_at::date)
        from source_record r join delivery d on d.id = r.delivery_id
    """)
    op.execute("""
        insert into movement (delivery_id, source_record_id, kind, "on")
        select p.delivery_id, r.id, 'left', r.left_on
        from source_record r join full_picture p on p.flow = r.flow and p.scope = r.scope
        where r.left_on is not null and p.delivery_id <> r.delivery_id
    """)


def downgrade() -> None:
    op.drop_constraint("pk_full_picture", "full_picture", type_="primary")
    op.execute(
        "delete from full_picture p using full_picture q where p.flow = q.flow and p.scope = q.scope and p.order_key < q.order_key"
    )
    op.create_primary_key("pk_full_picture", "full_picture", ["flow", "scope"])
    op.drop_constraint("known_state", "delivery", type_="check")
    op.create_check_constraint("known_state", "delivery", KNOWN_STATES_BEFORE)
    op.alter_column(
        "staged_record",
        "content",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        nullable=False,
        comment=None,
        existing_comment="absent where the unit is remembered: an earlier version holds it",
    )
    op.drop_column("staged_record", "shape")
    op.drop_column("staged_record", "digest")
    op.drop_column("source_version", "withdrawn_at")
    op.drop_column("source_record", "withdrawn")
    op.create_table_comment(
        "full_picture",
        "the last picture of everybody in a scope: nothing older than it may speak",
        existing_comment="the pictures of everybody in a scope: nothing older than the last may speak",
        schema=None,
    )
    op.alter_column(
        "delivery",
        "state",
        existing_type=sa.TEXT(),
        comment="received, applied, refused, repeated, outdated, held",
        existing_comment="see known_state below; docs/operations.md says each",
        existing_nullable=False,
    )
    op.drop_column("delivery", "closed_by")
    op.drop_column("delivery", "entered")
    op.drop_column("delivery", "header_key")
    op.drop_index("ix_movement_source_record_id", table_name="movement")
    op.drop_table("movement")
    op.drop_table("remembered_unit")
    op.drop_index("uq_alarm_open", table_name="alarm", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_table("alarm")
