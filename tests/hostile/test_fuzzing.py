"""A short, repeatable slice of the nightly: whatever is done to a delivery, it has one of three outcomes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing import PROPERTIES, run

INPUTS = 80


@pytest.mark.parametrize("name", PROPERTIES)
def test_whatever_is_done_to_a_delivery_it_is_applied_quarantined_or_refused(name):
    tally = run(name, INPUTS, derandomize=True)

    assert tally.outcomes.total() >= INPUTS
    assert set(tally.outcomes) <= {"applied", "quarantined", "refused"}
    assert len(tally.outcomes) > 1
