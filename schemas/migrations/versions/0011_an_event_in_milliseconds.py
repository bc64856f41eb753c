"""An event in milliseconds: the inverted index read without its table, and its keys forgotten with their record"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

# A foreign key looked each of the twenty keys of a record up, to find the record that the same statement had written.
FORGET = """
create function forget_keys() returns trigger language plpgsql as $$
begin
  delete from identity_key where source_record_id = old.source_record_id;
  return null;
end
$$
"""
TRIGGER = (
    "create trigger forget_keys after delete on source_identity for each row execute function forget_keys()",
    "create function forget_all_keys() returns trigger language plpgsql as $$ begin truncate identity_key; return null; end $$",
    "create trigger forget_all_keys after truncate on source_identity for each statement execute function forget_all_keys()",
)


def upgrade() -> None:
    op.drop_constraint("fk_identity_key_source_record_id_source_identity", "identity_key")
    op.execute(FORGET)
    for statement in TRIGGER:
        op.execute(statement)
    op.drop_constraint("pk_identity_key", "identity_key")
    op.execute(
        "alter table identity_key add constraint pk_identity_key primary key (key, source_record_id) include (certified, rule)"
    )
    # Whether two truths were asked before, whatever came of it: the other index knows open cases only.
    op.create_index("ix_review_case_pair", "review_case", ["record_a", "record_b"])


def downgrade() -> None:
    op.drop_index("ix_review_case_pair", table_name="review_case")
    op.drop_constraint("pk_identity_key", "identity_key")
    op.create_primary_key("pk_identity_key", "identity_key", ["key", "source_record_id"])
    for name, table in (("forget_all_keys", "source_identity"), ("forget_keys", "source_identity")):
        op.execute(f"drop trigger {name} on {table}")
        op.execute(f"drop function {name}")
    op.create_foreign_key(
        "fk_identity_key_source_record_id_source_identity",
        "identity_key",
        "source_identity",
        ["source_record_id"],
        ["source_record_id"],
        ondelete="CASCADE",
    )
