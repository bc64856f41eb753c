"""Retries spread out, wait longer each time, listen to the partner, and never wait for ever."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from hub.sharing.outbox import FIRST_WAIT, LAST_TRY, LONGEST_WAIT, Failure, _pause


def failure(attempts=0, after=None):
    return Failure(message=UUID(int=1), attempts=attempts, reason="indisponible", after=after)


@pytest.mark.parametrize("attempts", range(LAST_TRY))
def test_each_wait_is_about_twice_the_one_before(attempts):
    waited = _pause(failure(attempts)) / (FIRST_WAIT * 2**attempts)

    assert 0.5 <= waited <= 1.5


@pytest.mark.parametrize(
    ("after", "expected"),
    [(60.0, timedelta(seconds=60)), (0.0, timedelta(seconds=1)), (-5.0, timedelta(seconds=1)), (1e6, LONGEST_WAIT)],
)
def test_the_partners_own_delay_is_kept_within_reason(after, expected):
    assert _pause(failure(after=after)) == expected


def test_no_wait_is_longer_than_the_longest():
    assert _pause(failure(attempts=60)) == LONGEST_WAIT


def test_waits_are_not_all_the_same():
    assert len({_pause(failure(attempts=3)) for _ in range(20)}) > 1
