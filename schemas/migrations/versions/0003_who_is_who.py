"""Who is who"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

VERDICTS = "verdict in ('same', 'distinct', 'unsure')"
METHOD, METHOD_BEFORE = "alone, by the number, by the model, or human", "alone, rung of the ladder, or human"


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _make_identities() -> None:
    op.create_table(
        "source_identity",
        sa.Column("source_record_id", sa.BigInteger(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column(
            "nir_hash",
            sa.LargeBinary(),
            comment="only where the number may be used: well formed and attributed for good",
        ),
        sa.Column(
            "number_hash", sa.LargeBinary(), comment="keyed hash of the number as it is compared, whatever it is worth"
        ),
        sa.Column(
            "nir_state",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="0 none to 5 certified; 5 alone decides",
        ),
        sa.Column(
            "comparable",
            _json(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="what may be compared",
        ),
        sa.Column(
            "shared",
            postgresql.ARRAY(sa.SmallInteger()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="rules whose value too many records of the flow carry: taken as unknown",
        ),
        sa.Column("birth_date", sa.Date()),
        sa.Column("birth_date_precision", sa.Text(), comment="day, month or year: compare no finer"),
        sa.Column("caf_number", sa.Text()),
        sa.Column("france_travail_number", sa.Text()),
        sa.Column("household", sa.Text(), comment="records of one household share it: never an identity"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_source_identity_source_record_id_source_record"
        ),
        sa.PrimaryKeyConstraint("source_record_id", name="pk_source_identity"),
    )


def _make_keys() -> None:
    op.create_table(
        "identity_key",
        sa.Column("key", sa.BigInteger(), nullable=False, comment="keyed hash of a rule and its values"),
        sa.Column("source_record_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.SmallInteger(), nullable=False, comment="place in hub.identity.keys.RULES"),
        sa.Column("certified", sa.Boolean(), nullable=False, comment="the record has a certified number"),
        sa.ForeignKeyConstraint(
            ["source_record_id"],
            ["source_identity.source_record_id"],
            name="fk_identity_key_source_record_id_source_identity",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", "source_record_id", name="pk_identity_key"),
        comment="the inverted index: records that share a key are worth comparing",
    )
    op.create_index("ix_identity_key_source_record_id", "identity_key", ["source_record_id"])


def _make_comparisons() -> None:
    op.create_table(
        "comparison",
        sa.Column("record_a", sa.BigInteger(), nullable=False),
        sa.Column("record_b", sa.BigInteger(), nullable=False),
        sa.Column(
            "levels",
            sa.LargeBinary(),
            nullable=False,
            comment="one byte a comparison of the model, in its order",
        ),
        sa.Column(
            "bits",
            sa.LargeBinary(),
            nullable=False,
            comment="how rare what they share is: 32-bit floats, in the model's order",
        ),
        sa.Column("chance", sa.Double(), comment="that they are one person; absent: to be judged again"),
        sa.Column("decision", sa.Text(), comment="what the model says of the pair alone"),
        sa.Column(
            "evidence",
            _json(),
            comment="levels, contributions and what would have changed the outcome: never values",
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "decision in ('link', 'review', 'never', 'apart')", name=op.f("ck_comparison_known_decision")
        ),
        sa.CheckConstraint("record_a < record_b", name=op.f("ck_comparison_ordered_pair")),
        sa.ForeignKeyConstraint(
            ["record_a"],
            ["source_identity.source_record_id"],
            name="fk_comparison_record_a_source_identity",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["record_b"],
            ["source_identity.source_record_id"],
            name="fk_comparison_record_b_source_identity",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("record_a", "record_b", name="pk_comparison"),
        comment="every pair that was compared and is not plainly two people",
    )
    op.create_index("ix_comparison_record_b", "comparison", ["record_b"])
    op.create_index(
        "ix_comparison_to_judge",
        "comparison",
        ["record_a", "record_b"],
        postgresql_where=sa.text("chance IS NULL"),
    )


def _make_base() -> None:
    op.create_table(
        "value_rarity",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="a name, first name, date or place, as it is compared"),
        sa.Column("bits", sa.REAL(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name="pk_value_rarity"),
        comment="how rare each value was when the store was last counted: frozen, so that a pair always weighs the same",
    )
    op.create_table(
        "matching_base",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("flows", _json(), nullable=False, comment="records of each flow: larger files ask for more proof"),
        sa.PrimaryKeyConstraint("id", name="pk_matching_base"),
        comment="the sizes that the rarities were counted on; the last one is in force",
    )


def _make_opinions() -> None:
    op.create_table(
        "review_opinion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(VERDICTS, name=op.f("ck_review_opinion_known_verdict")),
        sa.ForeignKeyConstraint(["case_id"], ["review_case.id"], name="fk_review_opinion_case_id_review_case"),
        sa.PrimaryKeyConstraint("id", name="pk_review_opinion"),
        comment="what each person said of a case: two must agree where a decision goes far against the model",
    )
    op.create_index("ix_review_opinion_case_id", "review_opinion", ["case_id"])
    op.add_column(
        "review_case", sa.Column("chance", sa.Double(), comment="that they are one person, when the case opened")
    )
    op.add_column(
        "review_case", sa.Column("owner", sa.Text(), comment="the kind of partner that owns the field in question")
    )


def upgrade() -> None:
    """Everything compared so far is forgotten: it is derived, and the next run matches everybody with the model."""
    op.drop_table("source_identity")
    _make_identities()
    _make_keys()
    _make_comparisons()
    _make_base()
    _make_opinions()
    op.create_index(
        "ix_review_case_record_b", "review_case", ["record_b"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("ix_decision_record_b", "decision", ["record_b"], postgresql_where=sa.text("superseded_at IS NULL"))
    op.alter_column("link", "method", existing_type=sa.Text(), comment=METHOD, existing_comment=METHOD_BEFORE)
    op.execute("update source_record set to_match = true where not withdrawn")


def downgrade() -> None:
    op.alter_column("link", "method", existing_type=sa.Text(), comment=METHOD_BEFORE, existing_comment=METHOD)
    op.drop_index("ix_decision_record_b", table_name="decision")
    op.drop_index("ix_review_case_record_b", table_name="review_case")
    op.drop_column("review_case", "owner")
    op.drop_column("review_case", "chance")
    for table in ("review_opinion", "matching_base", "value_rarity", "comparison", "identity_key", "source_identity"):
        op.drop_table(table)
    op.create_table(
        "source_identity",
        sa.Column("source_record_id", sa.BigInteger(), sa.ForeignKey("source_record.id"), primary_key=True),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("nir_hash", sa.LargeBinary(), comment="only where the number may decide: valid and definitive"),
        sa.Column("nir_certified", sa.Boolean(), nullable=False),
        sa.Column("birth_date", sa.Date()),
        sa.Column("birth_date_precision", sa.Text(), comment="day, month or year: compare no finer"),
        sa.Column("birth_name", sa.Text(), comment="comparison key, not the name"),
        sa.Column("usage_name", sa.Text()),
        sa.Column("first_name", sa.Text(), comment="first given name, comparison key"),
        sa.Column("first_names", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("sex", sa.Text()),
        sa.Column("birth_rank", sa.Integer()),
        sa.Column("birth_place", sa.Text()),
        sa.Column("place", sa.Text(), comment="where the person lives: commune or postcode, with the street"),
        sa.Column("phones", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("caf_number", sa.Text()),
        sa.Column("france_travail_number", sa.Text()),
        sa.Column("france_travail_local_id", sa.Text()),
        sa.Column("household", sa.Text(), comment="records of one household share it: never an identity"),
    )
    op.create_index("ix_source_identity_birth_date", "source_identity", ["birth_date", "first_name"])
    op.create_index("ix_source_identity_nir_hash", "source_identity", ["nir_hash"])
    op.execute("update source_record set to_match = true where not withdrawn")
