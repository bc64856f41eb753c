"""The NIR: read as partners write it, used only when it may be."""

from __future__ import annotations

import pytest

from schemas.nir import Nir, key_of


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("180052A004123", "10"),
        ("299122B033456", "02"),
        ("1850675056024", "09"),
        ("1850675056033", "97"),
        ("2690549588157", "80"),
        ("2730799404078", "91"),
        ("1720678355011", "47"),
    ],
)
def test_the_key_of_a_number(number, key):
    assert key_of(number) == key


@pytest.mark.parametrize(
    ("written", "value", "status", "kind", "usable"),
    [
        ("1850675056024", "1850675056024", "computed", "definitive", True),
        ("185067505602409", "1850675056024", "given_ok", "definitive", True),
        (" 1 85 06 75 056 024 09 ", "1850675056024", "given_ok", "definitive", True),
        ("185067505602410", "1850675056024", "given_wrong", "definitive", False),
        ("180052a00412310", "180052A004123", "given_ok", "definitive", True),
        ("18005A2004123", "18005A2004123", "malformed", "unknown", False),
        ("180053A004123", "180053A004123", "malformed", "unknown", False),
        ("1851375056024", "1851375056024", "malformed", "unknown", False),
        ("1854475056024", "1854475056024", "malformed", "unknown", False),
        ("1852075056024", "1852075056024", "computed", "incomplete", True),
        ("1859975056024", "1859975056024", "computed", "incomplete", True),
        ("7850675056024", "7850675056024", "computed", "provisional", False),
        ("3850675056024", "3850675056024", "computed", "provisional", False),
        ("5850675056024", "5850675056024", "malformed", "unknown", False),
        ("2690549588157", "2690549588157", "computed", "fictitious", False),
        ("269054958815780", "2690549588157", "given_ok", "fictitious", False),
        ("18506750560240", "18506750560240", "malformed", "unknown", False),
        ("NEANT", "NEANT", "malformed", "unknown", False),
        ("1850675056000", "1850675056000", "malformed", "unknown", False),
        ("1850600056024", "1850600056024", "malformed", "unknown", False),
        ("1850075056024", "1850075056024", "malformed", "unknown", False),
        ("185067505602٤", "185067505602٤", "malformed", "unknown", False),
    ],
)
def test_a_number_is_read_and_judged(written, value, status, kind, usable):
    nir = Nir.parse(written)

    assert nir is not None
    assert (nir.value, nir.key_status, nir.kind, nir.usable) == (value, status, kind, usable)


@pytest.mark.parametrize("written", ["", "   ", "\t"])
def test_an_absent_number_is_none(written):
    assert Nir.parse(written) is None


def test_a_number_never_shows_whole():
    nir = Nir.parse("1850675056024")

    assert "0675056024" not in repr(nir)
    assert nir.masked == "1••••••••••••"


@pytest.mark.parametrize(
    ("sex", "birth_date", "coherent"),
    [
        ("1", "1985-06-12", True),
        ("2", "1985-06-12", False),
        ("1", "1986-06-12", False),
        ("1", "1985-07-12", False),
        (None, None, True),
    ],
)
def test_a_number_agrees_with_the_record_or_not(sex, birth_date, coherent):
    assert Nir.parse("1850675056024").coherent(sex=sex, birth_date=birth_date) is coherent


def test_an_incomplete_number_says_nothing_of_the_month():
    assert Nir.parse("1852075056024").coherent(sex="1", birth_date="1985-06-12") is True
