"""Relatives who pass for one person: what only a person may join, told by how common the two first names are.

A slip of the fingers makes a name that nobody bears; twins have one each that many bear. A partner that gives one the other's number
makes them agree in all but the first name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hub.identity.model.levels import ADDRESS, BORN, EMAIL, FIRST_NAME, NAME, NIR, PHONE, PLACE, SEX
from hub.identity.model.rules import OTHER_NAME, SAME_DAY, SAME_NAME, SAME_NUMBER, at
from hub.identity.model.scorecard import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.identity.model.pairs import Pairs
    from hub.identity.model.rules import Which

A_MILLION = 20.0  # bits
COMMON = 8.0  # a first name that 2**8 of a million bear
SAME_FIRST_NAME = ("égaux, deux ou plus", "égal", "égal, écrit joint")
NEAR = ("commence comme l'autre", "très proche", "un peu proche", "ressemblant", "un prénom commun")
LIKE_NAME = (*SAME_NAME, "même son ou coupé", "proche")


def two_common_first_names(pairs: Pairs) -> Which:
    """Whether the first names differ, and even the rarer is borne by many."""
    bits = pairs.bits[:, VALUES.index("odd_first")]
    return np.asarray((bits > 0) & (A_MILLION - bits > COMMON))


def _met_otherwise(pairs: Pairs) -> Which:
    """Neither phone nor mail box is the same."""
    return np.asarray(~(at(pairs.levels, PHONE, "égal") | at(pairs.levels, EMAIL, "égal")))


def _met_elsewhere(pairs: Pairs) -> Which:
    """A phone or a mail box differs."""
    return np.asarray(at(pairs.levels, PHONE, "différent") | at(pairs.levels, EMAIL, "différent"))


def _born_together(pairs: Pairs) -> Which:
    """One name, one date."""
    return np.asarray(at(pairs.levels, NAME, *LIKE_NAME) & at(pairs.levels, BORN, *SAME_DAY))


def twins_with_one_number(pairs: Pairs) -> Which:
    """Le même numéro, le même nom, la même date, mais deux prénoms et rien d'autre pour les joindre : des jumeaux, dont un porte le numéro de l'autre ?"""
    levels = pairs.levels
    two_common, differ = two_common_first_names(pairs), at(levels, FIRST_NAME, "différent")
    two_first_names = (at(levels, FIRST_NAME, *NEAR) & two_common) | (differ & (~two_common | _met_elsewhere(pairs)))
    return at(levels, NIR, *SAME_NUMBER) & _born_together(pairs) & two_first_names & _met_otherwise(pairs)


def twins_without_number(pairs: Pairs) -> Which:
    """Le même nom, la même date, deux prénoms qui se ressemblent plus qu'une faute ne l'explique, ni numéro ni coordonnées communs : des jumeaux ?"""
    levels = pairs.levels
    likely = at(levels, FIRST_NAME, *NEAR) & two_common_first_names(pairs)
    listed = at(levels, FIRST_NAME, "dans la liste de l'autre") & ~at(levels, ADDRESS, "même rue et numéro")
    two_first_names = at(levels, FIRST_NAME, "ressemblant") | likely | listed
    return ~at(levels, NIR, *SAME_NUMBER) & _born_together(pairs) & two_first_names & _met_otherwise(pairs)


def another_sex(pairs: Pairs) -> Which:
    """Un autre sexe et un autre prénom courant, pas de numéro commun : frère et sœur, ou mari et femme."""
    levels = pairs.levels
    return (
        _of_another_sex(pairs)
        & ~at(levels, FIRST_NAME, "absent", *SAME_FIRST_NAME)
        & (two_common_first_names(pairs) | at(levels, FIRST_NAME, "inversé avec le nom"))
    )


def husband_and_wife(pairs: Pairs) -> Which:
    """Un autre sexe, et le nom de l'un n'est que le nom d'usage de l'autre ou un autre nom : mari et femme qui portent un même prénom ?"""
    levels = pairs.levels
    married = at(levels, NAME, "égal, naissance et usage croisés", *OTHER_NAME) & ~at(levels, PLACE, "égal")
    return _of_another_sex(pairs) & married


def _of_another_sex(pairs: Pairs) -> Which:
    return np.asarray(at(pairs.levels, SEX, "différent") & ~at(pairs.levels, NIR, *SAME_NUMBER, "égal, douteux"))


RELATIVES: tuple[Callable[[Pairs], Which], ...] = (
    twins_with_one_number, twins_without_number, another_sex, husband_and_wife,
)  # fmt: skip


def relatives(pairs: Pairs) -> Which:
    """Pairs that are at most proposed to a person, for they may be two of a family."""
    return np.asarray(np.logical_or.reduce([rule(pairs) for rule in RELATIVES]))
