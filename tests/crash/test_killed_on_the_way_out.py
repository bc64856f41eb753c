"""Killed anywhere on the way out, or in front of a partner on its worst day: everybody is told, once. ``make crash-out`` tries all."""

from __future__ import annotations

import pytest
from crash_out_line import FAULTS
from crash_out_trials import KILLS, named_faults, points_of, try_fault, try_kill
from crash_out_world import ACKNOWLEDGE, SHARE, OutWorld

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def out(postgres, tmp_path_factory):
    with OutWorld(tmp_path_factory.mktemp("out") / "world", postgres) as opened:
        yield opened


@pytest.fixture(scope="module")
def points(out):
    return points_of(out)


def test_undisturbed_everybody_is_told_once(out):
    with out.trial() as trial:
        assert trial.run(SHARE) == 0, trial.errors
        trial.partner.load()
        assert trial.run(ACKNOWLEDGE) == 0, trial.errors
        assert trial.difference() == ""


def test_more_than_forty_faults_have_a_name(points):
    assert len(FAULTS) >= 30
    assert len(named_faults()) >= 40
    assert len(KILLS(points)) >= 30


@pytest.mark.parametrize("name", list(named_faults())[::8])
def test_a_fault_of_a_partner_loses_nothing_and_doubles_nothing(out, name):
    assert try_fault(out, name) == ""


def test_killed_at_a_sample_of_points_the_end_is_the_same(out, points):
    chosen = KILLS(points)[::8]

    assert {point: different for step, point in chosen if (different := try_kill(out, step, point))} == {}
