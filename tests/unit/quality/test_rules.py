"""Row rules: each marks the records it refuses, and says in French what to correct."""

from __future__ import annotations

import pandas as pd
import pytest

from quality.check import check
from quality.declaration import Quality
from quality.rules import RULES

TODAY = "2026-11-24"


def judged(rule: str, values: list, **more: list):
    frame = pd.DataFrame(
        {"#unit": range(1, len(values) + 1), "rsa.claim_date": values, **more},
        index=pd.Index(range(1, len(values) + 1), name="record"),
    )
    declared = {"field": "rsa.claim_date", "rule": rule, "with": {"day": "1900-01-01"}}
    quality = Quality.model_validate({"flow": "x", "rules": [declared]})
    return check(quality, frame, today=TODAY)["record"].tolist()


@pytest.mark.parametrize(
    ("rule", "values", "refused"),
    [
        ("required", ["x", None], [2]),
        ("not_future", [TODAY, "2026-11-25", None], [2]),
        ("not_before", ["1899-12-31", "1900-01-01", None], [1]),
        ("has_letters", ["X", "..", "12", "É", None], [2, 3]),
        ("has_letters", [["Léa"], ["-"]], [2]),
    ],
)
def test_a_rule_marks_the_records_it_refuses(rule, values, refused):
    assert judged(rule, values) == refused


def test_a_date_before_birth_is_refused():
    refused = judged(
        "not_before_birth", ["1979-01-01", "1981-01-01"], **{"identity.birth_date": ["1980-01-01", "1980-01-01"]}
    )

    assert refused == [1]


def test_a_rule_on_a_column_that_never_came_refuses_where_it_is_required():
    frame = pd.DataFrame({"#unit": [1]}, index=pd.Index([1], name="record"))
    quality = Quality.model_validate({"flow": "x", "rules": [{"field": "rsa.state", "rule": "required"}]})

    assert check(quality, frame, today=TODAY)["field"].tolist() == ["rsa.state"]


def test_every_rule_says_what_to_correct_in_its_own_words():
    said = [rule.__doc__ for rule in RULES.values()]

    assert all(text and text.strip().endswith(".") for text in said)
    assert len(said) == len(set(said))
