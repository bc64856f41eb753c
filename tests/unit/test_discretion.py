"""An error leaves with its type and its place, and without a word of what it was about."""

from __future__ import annotations

import traceback

import pytest

from hub.monitoring.discretion import discreet
from schemas.codes import TYPED, code_lists
from schemas.errors import FixTheDelivery, Unforeseen


def test_an_error_nobody_foresaw_is_told_by_its_place():
    with pytest.raises(Unforeseen) as told, discreet():
        int("Zorglub")

    assert str(told.value).startswith("ValueError at ")
    assert "test_discretion.py:" in str(told.value)
    assert "invalid literal" not in "".join(traceback.format_exception(told.value))


def test_an_error_of_ours_keeps_its_words_and_loses_its_cause():
    with pytest.raises(FixTheDelivery, match="illisible") as told, discreet():
        try:
            {}["Zorglub né en 1917"]
        except KeyError as error:
            raise FixTheDelivery("Fichier illisible.") from error

    assert told.value.__cause__ is told.value.__context__ is None
    assert told.value.__notes__[0].startswith("caused by KeyError at ")


@pytest.mark.parametrize("code", ["2", "NV3", "RSDN2", "CD", "rsa_autre"])
def test_what_looks_like_a_code_is_named(code):
    assert code_lists()["rsa_state"].shown(code) == code


@pytest.mark.parametrize(
    "typed", ["MARTIN", "Paul Martin", "0612345678", "1170308105912", "1917-03-23", "a@b.fr", "né", ""]
)
def test_what_somebody_typed_for_a_code_is_counted_and_not_repeated(typed):
    assert code_lists()["rsa_state"].shown(typed) == TYPED
