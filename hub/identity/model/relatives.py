"""Relatives who pass for one person: what only a person may join, told by how common the two first names are.

A slip of the fingers makes a name that nobody bears; twins have one each that many bear. A partner that gives one the other's number
makes them agree in all but the first name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hub.identity.model.levels import ADDRESS, BORN, EMAIL, FIRST_NAME, NAME, NIR, PHONE, SEX
from hub.identity.model.rules import SAME_DAY, SAME_NAME, SAME_NUMBER, at
from hub.identity.model.scorecard import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.identity.model.pairs import Pairs
    from hub.identity.model.rules import Which

A_MILLION = 20.0  # bits
COMMON = 8.0  # a first name that 2**8 of a million bear
SAME_FIRST_NAME = ("égaux, deux ou plus", "égal", "égal, écrit joint")
NEAR = ("commence comme l'autre", "très proche", "un peu proche", "un prénom commun")


def two_common_first_names(pairs: Pairs) -> Which:
    """Whether the first names differ, and even the rarer is borne by many."""
    bits = pairs.bits[:, VALUES.index("odd_first")]
    return np.asarray((bits > 0) & (A_MILLION - bits > COMMON))


def _nothing_to_meet_by(pairs: Pairs) -> Which:
    """Neither phone nor mail box is the same, and one of them differs."""
    same = at(pairs.levels, PHONE, "égal") | at(pairs.levels, EMAIL, "égal")
    return ~same & (at(pairs.levels, PHONE, "différent") | at(pairs.levels, EMAIL, "différent"))


def twins_with_one_number(pairs: Pairs) -> Which:
    """Le même numéro, le même nom, la même date, mais deux prénoms courants et d'autres coordonnées : des jumeaux, dont un porte le numéro de l'autre ?"""
    levels = pairs.levels
    born_together = at(levels, NIR, *SAME_NUMBER) & at(levels, NAME, *SAME_NAME) & at(levels, BORN, *SAME_DAY)
    near_elsewhere = at(levels, FIRST_NAME, *NEAR) & ~at(levels, ADDRESS, "même rue et numéro")
    return (
        born_together
        & (at(levels, FIRST_NAME, "différent") | near_elsewhere)
        & two_common_first_names(pairs)
        & _nothing_to_meet_by(pairs)
    )


def another_sex(pairs: Pairs) -> Which:
    """Un autre sexe et un autre prénom courant, pas de numéro commun : frère et sœur, ou mari et femme."""
    levels = pairs.levels
    return (
        at(levels, SEX, "différent")
        & ~at(levels, NIR, *SAME_NUMBER, "égal, douteux")
        & ~at(levels, FIRST_NAME, "absent", *SAME_FIRST_NAME)
        & (two_common_first_names(pairs) | at(levels, FIRST_NAME, "inversé avec le nom"))
    )


RELATIVES: tuple[Callable[[Pairs], Which], ...] = (twins_with_one_number, another_sex)


def relatives(pairs: Pairs) -> Which:
    """Pairs that are at most proposed to a person, for they may be two of a family."""
    return np.asarray(np.logical_or.reduce([rule(pairs) for rule in RELATIVES]))
