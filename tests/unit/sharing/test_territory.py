"""Where somebody lives, by commune or postcode, and which agreements cover it."""

from __future__ import annotations

import pytest

from hub.sharing.agreements import Agreement, load_agreements, together
from hub.sharing.holding import holding
from hub.sharing.territory import NOWHERE, common, covers, lives_in

HOMES = [
    ({}, None),
    ({"commune": "08105"}, "08"),
    ({"commune": "2A004"}, "2A"),
    ({"commune": "2B033"}, "2B"),
    ({"commune": "97411"}, "974"),
    ({"commune": "98735"}, "987"),
    ({"postcode": "08000"}, "08"),
    ({"postcode": "20090"}, "2A"),
    ({"postcode": "20167"}, "2A"),
    ({"postcode": "20200"}, "2B"),
    ({"postcode": "20620"}, "2B"),
    ({"postcode": "97400"}, "974"),
    ({"commune": "52121", "postcode": "08000"}, "52"),
    ({"commune": "ailleurs", "postcode": "08000"}, NOWHERE),
    ({"postcode": "8000"}, NOWHERE),
    ({"commune": ""}, NOWHERE),
]


def dossier(said):
    names = {"commune": "contact.commune_code", "postcode": "contact.postcode"}
    return {names[name]: {"value": value, "partner": "caf"} for name, value in said.items()}


@pytest.mark.parametrize(("said", "expected"), HOMES)
def test_the_commune_says_where_somebody_lives_else_the_postcode(said, expected):
    assert lives_in(dossier(said)) == expected


@pytest.mark.parametrize(
    ("territory", "lives", "covered"),
    [
        (["08"], "08", True),
        (["08"], "52", False),
        (["08"], None, True),
        (["08"], NOWHERE, False),
        (["08", "52"], "52", True),
        (["france"], "974", True),
        (["france"], NOWHERE, True),
        ([], "08", False),
    ],
)
def test_whoever_is_known_to_live_elsewhere_is_outside(territory, lives, covered):
    assert covers(territory, lives) is covered


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (["france"], ["08"], ("08",)),
        (["08", "52"], ["france"], ("08", "52")),
        (["08", "52"], ["52", "55"], ("52",)),
        (["08"], ["52"], ()),
    ],
)
def test_two_territories_have_in_common_what_both_cover(one, other, expected):
    assert common(one, other) == expected


def test_of_several_purposes_only_those_that_cover_the_person_hold():
    ardennes = load_agreements()["departement_08"]
    further = Agreement.model_validate(
        ardennes.model_dump()
        | {"name": "voisins", "fields": ["rsa.state"], "urgent": [], "sensitive": [], "territory": ["52"]}
    )
    both = together([ardennes, further])

    assert both.territory == ("08", "52")
    assert both.within("08") == ardennes
    assert both.within("52") == further
    assert both.within("75") is None


def test_of_somebody_elsewhere_what_was_told_by_mistake_is_taken_back_and_nothing_else_is_said():
    ardennes, elsewhere = load_agreements()["departement_08"], dossier({"commune": "52121"})

    assert holding(ardennes, elsewhere, (), recall=False) is None
    assert holding(ardennes, elsewhere, (), recall=True) == (ardennes, {})
    assert holding(ardennes, dossier({"commune": "08105"}), ("objection",), recall=True) is None
