"""Invented people: the same seed invents the same people, and every trap of the field is among them."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.dirt import seen_by
from hub.sandbox.population import FIRST_DAY, Population
from schemas.nir import Nir

SCHEMA = Path(__file__).parents[4] / "shared" / "reference" / "caf" / "vrsb0801.xsd"
PEOPLE = Population(seed=3, size=1500)


def test_the_same_seed_invents_the_same_people():
    assert Population(seed=3, size=200).on(2) == Population(seed=3, size=200).on(2)
    assert Population(seed=3, size=200).adults != Population(seed=4, size=200).adults


def test_every_number_is_well_formed_coherent_and_somebody_s_alone():
    numbers = [Nir.parse(adult.nir) for adult in PEOPLE.adults]

    assert all(nir.usable for nir in numbers)
    assert len({nir.value for nir in numbers}) == len(numbers)
    assert all(
        nir.coherent(sex=adult.sex, birth_date=adult.birth_date.isoformat())
        for nir, adult in zip(numbers, PEOPLE.adults, strict=True)
    )


def test_twins_couples_homonyms_and_married_names_are_among_them():
    births = Counter((adult.birth_name, adult.birth_date) for adult in PEOPLE.adults)
    names = Counter((adult.birth_name, adult.first_names[0]) for adult in PEOPLE.adults)
    homes = Counter(adult.household for adult in PEOPLE.adults)

    assert max(births.values()) > 1
    assert max(names.values()) > 1
    assert max(homes.values()) == 2
    assert any(adult.usage_name != adult.birth_name for adult in PEOPLE.adults)
    assert any(adult.birth_place[1].startswith(("2A", "2B", "20")) for adult in PEOPLE.adults)


def test_partners_have_missing_and_wrong_numbers():
    seen = [seen_by("departement", adult, 3) for adult in PEOPLE.adults]

    assert any(not each.nir for each in seen)
    assert any(each.nir and not Nir.parse(each.nir).usable for each in seen)


def test_a_day_changes_a_few_people_and_only_a_few():
    changed = sum(one != other for one, other in zip(PEOPLE.on(0), PEOPLE.on(1), strict=True))

    assert 0 < changed < len(PEOPLE.adults) / 5


@pytest.mark.skipif(not SCHEMA.is_file(), reason="the reference schema is not beside the project")
@pytest.mark.parametrize("day", [0, 1])
def test_the_cnaf_delivery_is_valid_by_the_reference_schema(day):
    content = io.BytesIO()

    write_cnaf(content, of_departement(PEOPLE.on(day), "08"), departement="08", when=FIRST_DAY, seed=3, full=day == 0)

    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.fromstring(content.getvalue()))
