"""Mistakes: what fingers, forms and spreadsheets do to a value. Each takes values and returns as many."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

Mistake = Callable[[np.random.Generator, str], str]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HEARD = (("PH", "F"), ("OU", "U"), ("Y", "I"), ("K", "C"), ("TH", "T"), ("MM", "M"), ("LL", "L"), ("SS", "S"), ("AI", "E"), ("EI", "E"),
         ("DJ", "J"), ("KH", "K"), ("W", "OU"), ("OUI", "WI"), ("CH", "SH"), ("Z", "S"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How often each mistake is made in one file, of records that could carry it."""

    no_nir: float
    nir_typed_wrong: float
    nir_of_another: float
    nir_without_key: float
    provisional: float
    dummy: float
    name_typed_wrong: float
    first_typed_wrong: float
    heard: float
    other_name: float
    no_usage: float
    both_in_one_cell: float
    swapped_names: float
    only_first: float
    other_first: float
    joined_first: float
    date_typed_wrong: float
    day_month_swapped: float
    default_day: float
    no_date: float
    no_place: float
    other_place: float
    no_sex: float
    wrong_sex: float
    moved: float
    no_address: float
    no_phone: float
    other_phone: float
    no_mail: float
    other_mail: float
    twice: float
    misread: float

    def harder(self, times: float) -> Rates:
        """More of everything; what is missing half of the time cannot be missing more than nine times out of ten."""
        return replace(self, **{each.name: min(getattr(self, each.name) * times, 0.9) for each in fields(self)})


def ascii_capitals(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).upper()
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def typed_wrong(random: np.random.Generator, value: str) -> str:
    """A letter left out, doubled, replaced, or two swapped."""
    if len(value) < 3:
        return value
    at, kind = int(random.integers(1, len(value))), int(random.integers(0, 4))
    letter = LETTERS[int(random.integers(0, 26))]
    if kind == 0:
        return value[:at] + value[at + 1 :]
    if kind == 1:
        return value[:at] + letter + value[at:]
    if kind == 2:
        return value[:at] + letter + value[at + 1 :]
    return value[: at - 1] + value[at] + value[at - 1] + value[at + 1 :]


def heard_otherwise(random: np.random.Generator, value: str) -> str:
    """The same name in another transliteration."""
    plain = ascii_capitals(value)
    pairs = [(a, b) for a, b in HEARD if a in plain] + [(b, a) for a, b in HEARD if b in plain and len(b) > 1]
    if not pairs:
        return typed_wrong(random, plain)
    old, new = pairs[int(random.integers(0, len(pairs)))]
    return plain.replace(old, new, 1)


def digit_wrong(random: np.random.Generator, value: str) -> str:
    """One figure replaced, or two neighbours swapped."""
    if len(value) < 3:
        return value
    at = int(random.integers(1, len(value)))
    if random.random() < 0.4:
        return value[: at - 1] + value[at] + value[at - 1] + value[at + 1 :]
    return value[:at] + str(int(random.integers(0, 10))) + value[at + 1 :]


def misread(_: np.random.Generator, value: str) -> str:
    """UTF-8 read as Windows-1252."""
    return value.encode().decode("cp1252", errors="ignore")


def make(random: np.random.Generator, values: np.ndarray, rate: float, mistake: Mistake) -> None:
    """Make one mistake in a share of the values, in place."""
    for at in np.flatnonzero(random.random(len(values)) < rate):
        if values[at]:
            values[at] = mistake(random, values[at])


CAF = Rates(
    no_nir=0.07, nir_typed_wrong=0.006, nir_of_another=0.004, nir_without_key=0.0, provisional=0.01, dummy=0.001,
    name_typed_wrong=0.008, first_typed_wrong=0.008, heard=0.01, other_name=0.015, no_usage=0.1, both_in_one_cell=0.0,
    swapped_names=0.001, only_first=0.5, other_first=0.002, joined_first=0.0, date_typed_wrong=0.004, day_month_swapped=0.001,
    default_day=0.006, no_date=0.0, no_place=0.12, other_place=0.01, no_sex=0.0, wrong_sex=0.002, moved=0.06, no_address=0.01,
    no_phone=0.2, other_phone=0.15, no_mail=0.35, other_mail=0.1, twice=0.004, misread=0.001,
)  # fmt: skip
FRANCE_TRAVAIL = Rates(
    no_nir=0.21, nir_typed_wrong=0.006, nir_of_another=0.003, nir_without_key=0.15, provisional=0.004, dummy=0.001,
    name_typed_wrong=0.015, first_typed_wrong=0.015, heard=0.02, other_name=0.03, no_usage=0.3, both_in_one_cell=0.002,
    swapped_names=0.003, only_first=0.7, other_first=0.004, joined_first=0.02, date_typed_wrong=0.006, day_month_swapped=0.002,
    default_day=0.008, no_date=0.002, no_place=0.3, other_place=0.02, no_sex=0.02, wrong_sex=0.004, moved=0.12, no_address=0.02,
    no_phone=0.12, other_phone=0.3, no_mail=0.2, other_mail=0.3, twice=0.012, misread=0.003,
)  # fmt: skip
DEPARTEMENT = Rates(
    no_nir=0.43, nir_typed_wrong=0.012, nir_of_another=0.006, nir_without_key=0.3, provisional=0.004, dummy=0.003,
    name_typed_wrong=0.025, first_typed_wrong=0.025, heard=0.03, other_name=0.05, no_usage=0.4, both_in_one_cell=0.06,
    swapped_names=0.012, only_first=0.8, other_first=0.005, joined_first=0.05, date_typed_wrong=0.01, day_month_swapped=0.006,
    default_day=0.01, no_date=0.01, no_place=0.6, other_place=0.03, no_sex=0.1, wrong_sex=0.006, moved=0.15, no_address=0.08,
    no_phone=0.3, other_phone=0.25, no_mail=0.5, other_mail=0.25, twice=0.015, misread=0.01,
)  # fmt: skip
HARD = {"caf": 2.6, "pe": 2.1, "departement": 1.6}
