"""What to do first: cases by their worth, messages by their delivery, the journal by partner, the ledger as counted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

# As hub.reviews weighs them from then on.
WEIGH = """
update review_case c set worth = w.worth
from (
  select c.id, round(((0.1 + 4 * coalesce(c.chance * (1 - c.chance), 0.25))
    * (case when c.evidence -> 'regles' ?| array['perhaps_twins', 'perhaps_father_and_son', 'another_name'] then 4 else 1 end + w.told)
    * (1 + w.partners))::numeric, 3)::float as worth
  from review_case c
  cross join lateral (
    select count(distinct r.partner) as partners, count(distinct t.partner) as told
    from link l join link m on m.person_id = l.person_id and m.superseded_at is null
    join source_record r on r.id = m.source_record_id and r.left_on is null
    left join told t on t.person_id = l.person_id and t.content <> '{}'::jsonb
    where l.superseded_at is null and l.source_record_id in (c.record_a, c.record_b)
  ) w
  where c.closed_at is null
) w
where c.id = w.id
"""

# Messages carried when their word arrived, which named the delivery as long as no two arrived at once.
TIE = """
update message m set delivery_id = d.id
from (select arrived_at, max(id) as id from delivery where state = 'applied' group by arrived_at) d
where d.arrived_at = m.arrived_at
"""


def upgrade() -> None:
    op.add_column(
        "review_case",
        sa.Column(
            "worth", sa.Double(), server_default="0", nullable=False, comment="what an answer is worth: most goes first"
        ),
    )
    op.execute(WEIGH)
    op.drop_index("ix_review_case_open", table_name="review_case")
    op.create_index(
        "ix_review_case_worth",
        "review_case",
        [sa.literal_column("worth DESC"), "id"],
        postgresql_where=sa.text("closed_at is null"),
    )
    op.add_column(
        "message",
        sa.Column(
            "delivery_id", sa.BigInteger(), nullable=True, comment="whose word it carries: its trace is that delivery's"
        ),
    )
    op.create_foreign_key(op.f("fk_message_delivery_id_delivery"), "message", "delivery", ["delivery_id"], ["id"])
    op.execute(TIE)
    op.drop_index("ix_message_arrived_at", table_name="message")
    op.create_index("ix_message_delivery_id", "message", ["delivery_id"])
    op.create_index("ix_disclosure_partner_at", "disclosure", ["partner", "at", "position"])
    op.create_table(
        "counted_ledger",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column(
            "mark", sa.Text(), nullable=False, comment="what the flow's deliveries had come to when it was counted"
        ),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("flow", name=op.f("pk_counted_ledger")),
        comment="the running ledger of each flow as it was last counted, row by row: derived, may be counted again",
    )


def downgrade() -> None:
    op.drop_table("counted_ledger")
    op.drop_index("ix_disclosure_partner_at", table_name="disclosure")
    op.drop_index("ix_message_delivery_id", table_name="message")
    op.create_index("ix_message_arrived_at", "message", ["arrived_at"])
    op.drop_constraint(op.f("fk_message_delivery_id_delivery"), "message", type_="foreignkey")
    op.drop_column("message", "delivery_id")
    op.drop_index("ix_review_case_worth", table_name="review_case")
    op.create_index("ix_review_case_open", "review_case", ["id"], postgresql_where=sa.text("closed_at is null"))
    op.drop_column("review_case", "worth")
