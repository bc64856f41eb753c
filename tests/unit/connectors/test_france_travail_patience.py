"""What can succeed later is insisted upon, for as long as France Travail says and no longer than is reasonable."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.france_travail.errors import Unavailable
from connectors.france_travail.patience import Patience
from connectors.waiting import read_retry_after
from schemas.errors import CallSomeone

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("60", 60.0),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 10:01:00 +0100", 60.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 09:00:30 -0000", 30.0),
        ("soon", None),
        ("-3", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header, seconds):
    assert read_retry_after(header, now=NOW) == seconds


def failing(times, error):
    """A call that fails that often, then answers."""
    left = [error] * times

    def call():
        if left:
            raise left.pop()
        return "answer"

    return call


def test_the_wait_is_the_one_france_travail_asks_for():
    waits = []
    call = failing(2, Unavailable("pole_emploi_api", "HTTP_429", retry_after=17.0))

    answer = Patience().insist(call, sleep=waits.append)

    assert answer == "answer"
    assert waits == [17.0, 17.0]


def test_without_a_word_from_france_travail_waits_grow():
    waits = []
    call = failing(3, Unavailable("pole_emploi_api", "R999"))

    Patience(first_wait=1.0).insist(call, sleep=waits.append)

    assert len(waits) == 3
    assert 1 <= waits[0] <= 2 <= waits[1] <= 3
    assert 4 <= waits[2] <= 5


def test_patience_ends_with_the_last_failure():
    waits = []
    call = failing(9, Unavailable("pole_emploi_api", "HTTP_502"))

    with pytest.raises(Unavailable, match="HTTP_502"):
        Patience(attempts=3).insist(call, sleep=waits.append)

    assert len(waits) == 2


def test_a_wait_too_long_is_not_made():
    waits = []
    call = failing(1, Unavailable("pole_emploi_api", "HTTP_429", retry_after=3600.0))

    with pytest.raises(Unavailable) as raised:
        Patience(longest_wait=120.0).insist(call, sleep=waits.append)

    assert raised.value.retry_after == 3600.0
    assert waits == []


def test_what_waiting_cannot_cure_is_not_waited_for():
    waits = []

    with pytest.raises(CallSomeone):
        Patience().insist(failing(1, CallSomeone()), sleep=waits.append)

    assert waits == []
