"""The retry policy: what becomes of a message, by what the partner answered."""

from __future__ import annotations

import pytest

from connectors.outcome import Outcome
from hub.sharing.fates import fate_of


def outcome(code, *, accepted=False, retry=False):
    return Outcome(accepted=accepted, retry=retry, code=code, message_fr="…")


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        ("R001", "rejected"), ("R002", "rejected"), ("R998", "rejected"), ("HTTP_403", "rejected"), ("E_AUTRE", "rejected"),
        ("S002", "unfound"), ("S003", "unfound"), ("HTTP_404", "unfound"), ("HTTP_204", "unfound"), ("NO_IDENTIFIER", "unfound"),
        ("R997", "parked"), ("HTTP_400", "parked"), ("HTTP_422", "parked"), ("INCOMPLETE", "parked"), ("ID_NON_RECONNU", "parked"),
        ("HTTP_408", "retried"), ("HTTP_409", "retried"), ("HTTP_429", "retried"), ("HTTP_500", "retried"), ("HTTP_503", "retried"),
        ("R999", "retried"), ("UNREACHABLE", "retried"), ("UNREADABLE", "retried"),
        ("PAUSED", "untried"), ("CIRCUIT_OPEN", "untried"), ("SWITCHED_OFF", "untried"), ("OUT_OF_DATES", "untried"),
    ],
)  # fmt: skip
def test_each_class_of_error_has_its_fate(code, fate):
    assert fate_of(outcome(code)) == fate


def test_a_code_nobody_knows_is_tried_again_where_the_connector_says_so():
    assert fate_of(outcome("HTTP_401", retry=True)) == "retried"


def test_what_was_not_sent_is_not_a_try_whatever_the_connector_says():
    assert fate_of(outcome("CIRCUIT_OPEN", retry=True)) == "untried"


def test_what_was_accepted_is_acknowledged():
    assert fate_of(outcome("HTTP_201", accepted=True)) == "acknowledged"
