"""Who is who: comparison keys, persons, links, decisions, cases and dossiers."""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from schemas.tables.base import metadata, moment, number

source_identity = Table(
    "source_identity",
    metadata,
    Column("source_record_id", ForeignKey("source_record.id"), primary_key=True),
    Column("flow", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("nir_hash", LargeBinary, comment="only where the number may be used: well formed and attributed for good"),
    Column("number_hash", LargeBinary, comment="keyed hash of the number as it is compared, whatever it is worth"),
    Column(
        "nir_state", SmallInteger, nullable=False, server_default="0", comment="0 none to 5 certified; 5 alone decides"
    ),
    Column("comparable", JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment="what may be compared"),
    Column(
        "shared",
        ARRAY(SmallInteger),
        nullable=False,
        server_default=text("'{}'"),
        comment="rules whose value too many records of the flow carry: taken as unknown",
    ),
    Column("birth_date", Date),
    Column("birth_date_precision", Text, comment="day, month or year: compare no finer"),
    Column("caf_number", Text),
    Column("france_travail_number", Text),
    Column("household", Text, comment="records of one household share it: never an identity"),
)

identity_key = Table(
    "identity_key",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False, comment="keyed hash of a rule and its values"),
    Column(
        "source_record_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        index=True,
    ),  # of source_identity, whose trigger takes its keys away with it
    Column("rule", SmallInteger, nullable=False, comment="place in hub.identity.keys.RULES"),
    Column("certified", Boolean, nullable=False, comment="the record has a certified number"),
    comment="the inverted index: records that share a key are worth comparing",
)

comparison = Table(
    "comparison",
    metadata,
    Column("record_a", ForeignKey("source_identity.source_record_id", ondelete="CASCADE"), primary_key=True),
    Column("record_b", ForeignKey("source_identity.source_record_id", ondelete="CASCADE"), primary_key=True),
    Column("levels", LargeBinary, nullable=False, comment="one byte a comparison of the model, in its order"),
    Column(
        "bits", LargeBinary, nullable=False, comment="how rare what they share is: 32-bit floats, in the model's order"
    ),
    Column("chance", Double, comment="that they are one person; absent: to be judged again"),
    Column("decision", Text, comment="what the model says of the pair alone"),
    Column("evidence", JSONB, comment="levels, contributions and what would have changed the outcome: never values"),
    Column("model", Text, nullable=False),
    Column(
        "total",
        Double,
        nullable=False,
        server_default=text("'infinity'"),
        comment="what it weighs in all, in bits; infinite: not known yet",
    ),
    Column(
        "contended",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="it would be linked or proposed, had neither record another pair: false only when that is known",
    ),
    CheckConstraint("decision in ('link', 'review', 'never', 'apart')", name="known_decision"),
    CheckConstraint("record_a < record_b", name="ordered_pair"),
    comment="every pair that was compared and is not plainly two people",
)
Index(
    "ix_comparison_to_judge",
    comparison.c.record_a,
    comparison.c.record_b,
    postgresql_where=comparison.c.chance.is_(None),
)
# The pairs of a record that may rival one, and those that may be rivalled: a common name has hundreds that do neither.
for end in ("record_a", "record_b"):
    Index(f"ix_comparison_{end}_total", comparison.c[end], comparison.c.total)
    Index(
        f"ix_comparison_{end}_contended", comparison.c[end], comparison.c.total, postgresql_where=comparison.c.contended
    )

value_rarity = Table(
    "value_rarity",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True, comment="a name, first name, date or place, as it is compared"),
    Column("bits", REAL, nullable=False),
    comment="how rare each value was when the store was last counted: frozen, so that a pair always weighs the same",
)

matching_base = Table(
    "matching_base",
    metadata,
    number(),
    moment("counted_at"),
    Column("model", Text, nullable=False),
    Column("records", Integer, nullable=False),
    Column("flows", JSONB, nullable=False, comment="records of each flow: larger files ask for more proof"),
    comment="the sizes that the rarities were counted on; the last one is in force",
)

threshold_check = Table(
    "threshold_check",
    metadata,
    number(),
    moment("checked_at"),
    Column("model", Text, nullable=False),
    Column("same", Integer, nullable=False),
    Column("same_linked", Integer, nullable=False),
    Column("same_to_review", Integer, nullable=False),
    Column("different", Integer, nullable=False),
    Column("different_linked", Integer, nullable=False),
    Column("different_to_review", Integer, nullable=False),
    comment="pairs that certified numbers unite or hold apart, and what the model made of them without numbers",
)

person = Table(
    "person",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    moment("created_at"),
    Column("forwards_to", UUID(as_uuid=True), comment="after a merge: where to look now; ids are never reused"),
)

link = Table(
    "link",
    metadata,
    number(),
    Column("source_record_id", ForeignKey("source_record.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("method", Text, nullable=False, comment="alone, by the number, by the model, or human"),
    Column("score", Double),
    Column("evidence", JSONB, nullable=False, comment="levels per field, never values"),
    Column("author", Text, nullable=False),
    moment("decided_at"),
    moment("superseded_at", nullable=True),
)
Index(
    "uq_link_current",
    link.c.source_record_id,
    unique=True,
    postgresql_where=link.c.superseded_at.is_(None),
)

decision = Table(
    "decision",
    metadata,
    number(),
    Column("record_a", ForeignKey("source_record.id"), nullable=False),
    Column("record_b", ForeignKey("source_record.id"), nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text),
    Column("author", Text, nullable=False),
    moment("decided_at"),
    moment("superseded_at", nullable=True),
    CheckConstraint("verdict in ('same', 'distinct', 'unsure')", name="known_verdict"),
    CheckConstraint("record_a < record_b", name="ordered_pair"),
    comment="what a person decided about a pair: outlives every re-match",
)
Index(
    "uq_decision_current",
    decision.c.record_a,
    decision.c.record_b,
    unique=True,
    postgresql_where=decision.c.superseded_at.is_(None),
)
Index("ix_decision_record_b", decision.c.record_b, postgresql_where=decision.c.superseded_at.is_(None))

review_case = Table(
    "review_case",
    metadata,
    number(),
    Column("record_a", ForeignKey("source_record.id"), nullable=False),
    Column("record_b", ForeignKey("source_record.id"), nullable=False),
    Column("kind", Text, nullable=False, comment="why the machine did not decide"),
    Column("evidence", JSONB, nullable=False),
    Column("chance", Double, comment="that they are one person, when the case opened"),
    Column("worth", Double, nullable=False, server_default="0", comment="what an answer is worth: most goes first"),
    Column("owner", Text, comment="the kind of partner that owns the field in question"),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    Column("closed_by", Text),
    CheckConstraint("record_a < record_b", name="ordered_pair"),
)
Index(
    "uq_review_case_open",
    review_case.c.record_a,
    review_case.c.record_b,
    unique=True,
    postgresql_where=review_case.c.closed_at.is_(None),
)
Index("ix_review_case_pair", review_case.c.record_a, review_case.c.record_b)
Index("ix_review_case_record_b", review_case.c.record_b, postgresql_where=review_case.c.closed_at.is_(None))

review_opinion = Table(
    "review_opinion",
    metadata,
    number(),
    Column("case_id", ForeignKey("review_case.id"), nullable=False, index=True),
    Column("verdict", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text),
    moment("given_at"),
    moment("superseded_at", nullable=True),
    CheckConstraint("verdict in ('same', 'distinct', 'unsure')", name="known_verdict"),
    comment="what each person said of a case: two must agree where a decision goes far against the model",
)

Index(
    "ix_review_case_worth",
    review_case.c.worth.desc(),
    review_case.c.id,
    postgresql_where=review_case.c.closed_at.is_(None),
)

dossier = Table(
    "dossier",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("content", JSONB, nullable=False, comment="path to value, partner, flow, date: derived, may be rebuilt"),
    Column("content_hash", LargeBinary, nullable=False),
    moment("updated_at"),
)
