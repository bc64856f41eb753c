"""The world of the trials, built once: the undisturbed run, and where it stood before each step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from crash_world import World

pytestmark = pytest.mark.integration


@pytest.fixture(scope="session")
def world(postgres, tmp_path_factory):
    with World(tmp_path_factory.mktemp("crash") / "world", postgres) as opened:
        yield opened
