"""A real PostgreSQL for whoever asks: one embedded server, one migrated template, one clean database per test."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import URL, Engine, create_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

_names = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> URL:
    """The address of an embedded server that holds a migrated template database."""
    from hub.storage.store import create_database, embedded_server, upgrade

    server = embedded_server(tmp_path_factory.mktemp("server") / "postgres")
    create_database(server, "hub_template")
    engine = create_engine(server.set(database="hub_template"))
    upgrade(engine)
    engine.dispose()
    return server


@pytest.fixture(scope="session")
def chromium():
    """A real browser, one for all tests of a process: Playwright does not open two side by side."""
    sys.path.append(str(Path(__file__).parent / "browser"))
    from seeing import browser

    with browser() as found:
        yield found


@pytest.fixture
def database_url(postgres: URL) -> Iterator[URL]:
    """A fresh, migrated, empty database."""
    from hub.storage.store import create_database, drop_database

    name = f"test_{next(_names)}"
    create_database(postgres, name, template="hub_template")
    yield postgres.set(database=name)
    drop_database(postgres, name)


@pytest.fixture
def engine(database_url: URL) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()
