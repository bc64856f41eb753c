"""What a NIR is worth beside the record that carries it; a record as a whole."""

from __future__ import annotations

import pytest

from hub.identity.french.dates import birth_date
from hub.identity.french.numbers import State, number
from hub.identity.french.person import sex_of, standardise
from schemas.nir import key_of

BORN = birth_date("12/06/1985")
VALUE = "1850675056024"


@pytest.mark.parametrize(
    ("written", "state"),
    [
        (f"{VALUE}09", State.CERTIFIED),
        ("1 85 06 75 056 024 09", State.CERTIFIED),
        ("1.85.06.75.056.024-09", State.CERTIFIED),
        ("l85O675056024O9", State.CERTIFIED),
        ("18506750560249", State.CERTIFIED),
        (VALUE, State.VALID),
        (f"{VALUE}.0", State.VALID),
        (f"{VALUE}10", State.SUSPECT),
        (f"7{VALUE[1:]}", State.PROVISIONAL),
        ("1.85067E+14", State.SUSPECT),
        ("111111111111111", State.DUMMY),
        ("1000000000000", State.DUMMY),
        ("269054958815780", State.DUMMY),
        ("", State.NONE),
        (None, State.NONE),
    ],
)
def test_a_number_is_worth_what_its_key_and_its_record_say(written, state):
    assert number(written, sex="1", born=BORN, place="75056").state == state


def test_a_number_that_tells_another_birth_is_suspect():
    other = "2750375056024"

    assert number(other + key_of(other), sex="1", born=BORN, place="75056").state == State.SUSPECT


def test_a_number_is_not_certified_by_a_record_that_says_little():
    assert number(f"{VALUE}09", sex=None, born=BORN, place=None).state == State.VALID


@pytest.mark.parametrize(
    ("value", "place", "year"),
    [("180052A004123", "20004", 1980), ("1550591012003", "99352", 1955), ("1600593066003", "75", 1960)],
)
def test_places_of_the_time_do_not_make_a_number_suspect(value, place, year):
    born = birth_date(f"12/05/{year}")

    assert number(value + key_of(value), sex="1", born=born, place=place).state == State.CERTIFIED


def test_no_number_is_shown():
    assert VALUE not in repr(number(VALUE, sex=None, born=BORN, place=None))
    assert VALUE not in repr(standardise({"nir": VALUE}))


@pytest.mark.parametrize(
    ("written", "sex"), [("M", "1"), ("Mme", "2"), ("féminin", "2"), ("M.", "1"), ("?", None), (None, None)]
)
def test_sex_is_read_from_titles_and_words(written, sex):
    assert sex_of(written) == sex


def test_a_record_with_nothing_is_somebody_of_whom_nothing_is_known():
    person = standardise({})

    assert person.birth_name is None
    assert person.first_names == ()
    assert person.nir_state == State.NONE
