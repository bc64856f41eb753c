"""An opened hub on a clean database, and the sandbox partners beside it."""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cycle import new_hub, turn

from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.storage.store import create_database, drop_database

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def ticking():
    """A clock that goes a second further each time it is read."""
    ticks = itertools.count()
    return lambda: START + timedelta(seconds=next(ticks))


@pytest.fixture
def clock():
    return ticking()


@pytest.fixture
def hub(tmp_path, database_url):
    opened = new_hub(tmp_path / "hub", database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module")
def world(postgres, tmp_path_factory):
    """A hub and its partners after one whole turn, shared by the tests that only look."""
    folder = tmp_path_factory.mktemp("world")
    create_database(postgres, "world", template="hub_template")
    opened = new_hub(folder / "hub", postgres.set(database="world"))
    with Sandbox(folder / "partners", seed=7, size=160) as sandbox:
        write_connections(opened.settings.secrets, sandbox)
        sandbox.deposit_day(0)
        turn(opened, sandbox, ticking())
        yield opened, sandbox
    opened.engine.dispose()
    drop_database(postgres, "world")


@pytest.fixture
def finished(world):
    return world[0]


@pytest.fixture
def sandbox(world):
    return world[1]


@pytest.fixture
def partners(hub, tmp_path):
    """The sandbox partners, with a small population, reachable by the hub."""
    with Sandbox(tmp_path / "partners", seed=7, size=160) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        yield sandbox
