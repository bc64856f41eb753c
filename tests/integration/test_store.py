"""The store: migrations say the same as the tables, both ways."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from hub.storage.store import alembic_config, newest_revision, upgrade
from schemas.tables import metadata

pytestmark = pytest.mark.integration


def test_migrations_from_empty_give_the_declared_tables(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})

        differences = compare_metadata(context, metadata)

    assert differences == []


def test_migrations_can_be_undone_and_done_again(engine):
    config = alembic_config()

    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(engine)

    assert set(metadata.tables) <= set(inspect(engine).get_table_names())


def test_the_last_file_of_the_migrations_is_their_head():
    assert newest_revision() == ScriptDirectory.from_config(alembic_config()).get_current_head()


def test_upgrading_a_current_store_changes_nothing(engine, database_url):
    upgrade(engine)

    again = create_engine(database_url)
    upgrade(again)

    assert set(metadata.tables) <= set(inspect(again).get_table_names())
    again.dispose()
