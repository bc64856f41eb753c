"""The profile of a delivery and what is measured from it: counts, habits, drift; never a person."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from quality.declaration import Expectation
from quality.drift import NOT_A_NAME, column_drift, column_shown
from quality.measures import measure
from quality.profile import Profile, shapes_of

PATHS = ["identity.birth_name", "rsa.state", "rsa.suspensions"]
CODED = {"rsa.state": "rsa_state", "rsa.suspensions": "suspension_reason"}


def frame():
    return pd.DataFrame(
        {
            "#unit": [1, 2, 3],
            "identity.birth_name": ["MARTIN", None, "PETIT"],
            "rsa.state": ["2", "2", "4"],
            "rsa.suspensions": [None, [{"reason": "03"}, {"reason": "31"}], None],
        },
        dtype="object",
    )


def profiled(*shapes, rejected=0):
    profile = Profile(paths=PATHS, coded=CODED)
    profile.add(Counter(shapes), rejected=rejected)
    return profile.to_dict()


def test_a_profile_counts_fields_and_codes_and_holds_nobody():
    shapes = shapes_of(frame(), CODED)

    assert profiled(*shapes, rejected=1) == {
        "records": 3,
        "rejected": 1,
        "filled": {"identity.birth_name": 2, "rsa.state": 3, "rsa.suspensions": 1},
        "codes": {"rsa.state": {"2": 2, "4": 1}, "rsa.suspensions": {"03": 1, "31": 1}},
    }
    assert "MARTIN" not in "".join(shapes)


def of(records, *, name=1.0, state=None):
    return {
        "records": records,
        "rejected": 0,
        "filled": {"identity.birth_name": round(records * name)},
        "codes": {"rsa.state": state or {"2": records}},
    }


def measured(expect, profile, history, **more):
    return measure(Expectation(expect=expect, at_most=0, **more), profile, history)


def test_without_a_habit_nothing_is_compared():
    assert measured("volume_change", of(10), [of(100)] * 2) is None
    assert measured("fill_change", of(10), []) is None


@pytest.mark.parametrize(("now", "factor"), [(100, 1), (200, 2), (50, 2), (10, 10), (0, 200)])
def test_a_volume_is_so_many_times_more_or_less_than_usual(now, factor):
    assert measured("volume_change", of(now), [of(100), of(90), of(120)]).value + 1 == pytest.approx(factor)


def test_the_field_that_changed_most_is_named():
    found = measured("fill_change", of(100, name=0.1), [of(100)] * 3)

    assert (found.about, found.value) == ("identity.birth_name", pytest.approx(0.9))


def test_codes_used_otherwise_than_usual_are_noticed():
    usual = [of(100, state={"2": 90, "4": 10})] * 3

    assert measured("code_change", of(100, state={"2": 90, "4": 10}), usual).value == pytest.approx(0)
    found = measured("code_change", of(100, state={"2": 40, "9": 60}), usual)
    assert (found.about, found.value) == ("rsa.state", pytest.approx(0.6))


@pytest.mark.parametrize(
    ("before", "now", "rules"),
    [
        (["nom", "ville"], ["nom", "ville"], []),
        ([], ["nom"], []),
        (["nom", "ville"], ["ville", "nom"], ["colonnes_deplacees"]),
        (["nom", "ville"], ["nom", "ville", "age"], ["colonne_nouvelle"]),
        (["nom", "ville"], ["nom"], ["colonne_disparue"]),
        (["nom", "ville"], ["nom", "commune"], ["colonne_renommee"]),
        (
            ["nom", "code_postal", "ville"],
            ["code_postale", "nom", "ville", "age"],
            ["colonne_renommee", "colonne_nouvelle"],
        ),
    ],
)
def test_drift_is_said_by_name(before, now, rules):
    found = column_drift(now, before)

    assert [rule for rule, _ in found] == rules
    assert all(message.endswith(".") for _, message in found)


@pytest.mark.parametrize(
    ("name", "is_header", "shown"),
    [
        ("Code INSEE de la commune", True, True),
        ("ressources_2025", True, True),
        ("0612345678", True, False),
        ("23/03/1917", True, False),
        ("a.martin@exemple.fr", True, False),
        ("Martin", False, False),
    ],
)
def test_a_column_nobody_declared_is_named_where_it_can_only_be_a_column(name, is_header, shown):
    assert column_shown(name, is_header=is_header) == (name if shown else NOT_A_NAME)
