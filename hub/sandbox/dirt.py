"""How each partner writes what it knows: capitals, truncation, typing errors, missing and wrong numbers."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from hub.sandbox.population import nir_with_key

if TYPE_CHECKING:
    from hub.sandbox.population import Adult

MISSING_NIR = {"caf": 0.04, "departement": 0.15, "pole_emploi": 0.05}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One adult as one partner wrote them down. ``nir`` is empty where the partner has none."""

    birth_name: str
    usage_name: str
    first_names: tuple[str, ...]
    birth_date: date
    nir: str


def seen_by(partner: str, adult: Adult, seed: int) -> Seen:
    """The same adult, as ``caf``, ``pole_emploi`` or ``departement`` has it on file; always the same dirt."""
    draw = random.Random(f"{seed}-{partner}-{adult.number}")
    nir = _nir(partner, adult, draw)
    if partner == "departement":
        born = adult.birth_date
        if draw.random() < 0.01 and born.day <= 12:
            born = date(born.year, born.day, born.month)
        return Seen(
            birth_name=adult.birth_name.title(), usage_name=adult.usage_name.title(), first_names=adult.first_names[:1],
            birth_date=born, nir=nir,
        )  # fmt: skip
    longest_name, longest_first = (28, 32) if partner == "caf" else (60, 40)
    return Seen(
        birth_name=plain(adult.birth_name)[:longest_name],
        usage_name=plain(adult.usage_name)[:longest_name],
        first_names=tuple(plain(name)[:longest_first] for name in adult.first_names),
        birth_date=adult.birth_date,
        nir=nir,
    )


def _nir(partner: str, adult: Adult, draw: random.Random) -> str:
    chance = draw.random()
    if chance < MISSING_NIR[partner]:
        return ""
    if chance < MISSING_NIR[partner] + 0.01:  # a digit of the order number, mistyped
        wrong = str((int(adult.nir[-1]) + 5) % 10)
        return adult.nir[:-1] + wrong if partner == "caf" else nir_with_key(adult.nir)[:-1] + "0"
    if chance < MISSING_NIR[partner] + 0.015:  # being attributed
        return ("7" if adult.sex == "1" else "8") + adult.nir[1:]
    return adult.nir if partner == "caf" or draw.random() < 0.5 else nir_with_key(adult.nir)


def plain(text: str) -> str:
    """Capitals without accents, as the older systems keep them."""
    spelt = text.replace("œ", "oe").replace("Œ", "OE").replace("ı", "i").upper()
    return "".join(letter for letter in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(letter))
