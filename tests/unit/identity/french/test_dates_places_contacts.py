"""Dates, places and contacts as people type them."""

from __future__ import annotations

import pytest

from hub.identity.french.contacts import email, phone, postcode, street
from hub.identity.french.dates import birth_date
from hub.identity.french.places import birth_place, departement


@pytest.mark.parametrize(
    "written",
    [
        "12/03/1975", "12-03-1975", "12.3.1975", "1975-03-12", "1975/03/12", "12031975", "19750312", "120375", "12/03/75", "27465", "27465.0",
        "12 mars 1975", "12 Mars 75", "1975-03-12 00:00:00", "1975-03-12T00:00:00Z", " 12 / 03 / 1975 ", "12 03 1975",
    ],
)  # fmt: skip
def test_every_way_to_write_a_date_is_read(written):
    assert birth_date(written).number == 19750312


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("00/00/1975", (1975, None, None)),
        ("00/03/1975", (1975, 3, None)),
        ("31/02/1980", (1980, 2, None)),
        ("1975", (1975, None, None)),
        ("03/1975", (1975, 3, None)),
        ("25/13/1980", (1980, None, None)),
        ("05/25/1980", (1980, 5, 25)),
        ("01/01/1980", (1980, 1, 1)),
        ("1er janvier 1980", (1980, 1, 1)),
        ("inconnue", (None, None, None)),
        ("12/03/1675", (None, None, None)),
        ("99999999", (None, None, None)),
        ("", (None, None, None)),
    ],
)
def test_what_is_not_known_of_a_date_stays_unknown(written, parts):
    born = birth_date(written)

    assert (born.year, born.month, born.day) == parts


@pytest.mark.parametrize(
    ("written", "year", "code"),
    [
        ("08105", None, "08105"), ("8105", None, "08105"), ("2A004", 1980, "20004"), ("2b033", 1980, "20033"), ("20004", 1970, "20004"),
        ("75111", None, "75056"), ("69385", None, "69123"), ("13208", None, "13055"), ("97411", None, "97411"),
        ("91012", 1955, "99352"), ("94352", 1950, "99352"), ("95001", 1950, "99350"), ("96001", 1950, "99351"), ("91228", 1990, "91228"),
        ("99352", 1955, "99352"), ("50602", None, "50129"), ("74011", None, "74010"),
        ("99999", None, None), ("99100", None, None), ("75", None, "75"), ("974", None, "974"), ("8", None, "08"),
        ("Paris", None, None), ("", None, None),
    ],
)  # fmt: skip
def test_birth_places_of_then_and_now_meet(written, year, code):
    assert birth_place(written, year=year) == code


@pytest.mark.parametrize(
    ("place", "year", "code"),
    [
        ("97411", None, "974"),
        ("99352", 1955, "99"),
        ("93066", 1960, "75"),
        ("93066", 1990, "93"),
        ("20004", 1970, "20"),
        (None, None, None),
    ],
)
def test_the_departement_of_a_place(place, year, code):
    assert departement(place, year=year) == code


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("06 12 34 56 79", "612345679"), ("+33612345679", "612345679"), ("0033 6 12 34 56 79", "612345679"), ("612345679", "612345679"),
        ("06.12.34.56.79 / 07.00", "612345679"), ("0612345", None), ("0000000000", None), ("0123456789", None), (None, None),
    ],
)  # fmt: skip
def test_a_phone_is_its_nine_last_figures(written, kept):
    assert phone(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" Lea.Martin@Exemple.FR ", "lea.martin@exemple.fr"), ("neant@exemple.fr", None), ("noreply@exemple.fr", None), ("pas de mail", None),
    ],
)  # fmt: skip
def test_a_mail_box_is_in_lower_case(written, kept):
    assert email(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [("08000", "08000"), ("8000", "08000"), ("8000.0", "08000"), ("F-08000", "08000"), ("123", None)],
)
def test_a_postcode_has_five_figures(written, kept):
    assert postcode(written) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 rue des Lilas", "12, RUE DES LILAS"),
        ("12 bis av. Émile Zola", "12 AVENUE EMILE ZOLA"),
        ("3 rue de l'Église", "3 R EGLISE"),
    ],
)
def test_spellings_of_a_street_meet(one, other):
    assert street(one) == street(other)
