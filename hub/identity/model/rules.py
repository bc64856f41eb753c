"""What no score can decide: pairs that are never one person, and pairs that only a person may join."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hub.identity.model.levels import ADDRESS, BORN, COMPARISONS, EMAIL, FIRST_NAME, NAME, NIR, PHONE, PLACE, Comparison

if TYPE_CHECKING:
    from collections.abc import Callable

Levels = NDArray[np.uint8]
Which = NDArray[np.bool_]
COLUMN = {comparison.name: column for column, comparison in enumerate(COMPARISONS)}


def at(levels: Levels, comparison: Comparison, *names: str) -> Which:
    """Which pairs are at one of some levels of a comparison."""
    column = COLUMN[comparison.name]
    return _table(column, names)[levels[:, column]]


@cache
def _table(column: int, names: tuple[str, ...]) -> Which:
    return one_of(COMPARISONS[column].place(*names))


@cache
def one_of(places: frozenset[int]) -> Which:
    """For each level, whether it is one of some: a table to look levels up in."""
    return np.isin(np.arange(256), list(places))


SAME_NUMBER = ("égal, certifié", "égal, valide")
SAME_NAME = ("égal", "égal, naissance et usage croisés")
OTHER_NAME = ("différent", "différent, une femme")
SAME_DAY = ("égale", "égale, un 1er janvier")


def different_numbers(levels: Levels) -> Which:
    """Deux numéros certifiés différents : deux personnes."""
    return at(levels, NIR, "différents, certifiés")


def other_first_name(levels: Levels) -> Which:
    """Des prénoms sans rapport et pas de numéro commun : jumeaux, frères et sœurs, couples ont tout le reste en commun."""
    return at(levels, FIRST_NAME, "différent") & ~at(levels, NIR, *SAME_NUMBER)


NEVER: tuple[Callable[[Levels], Which], ...] = (different_numbers, other_first_name)


def certified_number(levels: Levels) -> Which:
    """Le même numéro certifié des deux côtés, un prénom et une date qui s'accordent : la même personne, sans autre calcul."""
    return (
        at(levels, NIR, "égal, certifié")
        & ~at(levels, FIRST_NAME, "absent", "différent", "initiale")
        & ~at(levels, BORN, "absente", "différente")
    )


def nothing_of_civil_status(levels: Levels) -> Which:
    """Le même numéro, mais un autre prénom et ni le nom ni la date : celui d'un parent, d'un conjoint, ou une erreur."""
    apart = ~at(levels, NAME, *SAME_NAME) & ~at(levels, BORN, *SAME_DAY)
    return apart & at(levels, FIRST_NAME, "différent", "absent")


def not_enough_civil_status(levels: Levels) -> Which:
    """Sans numéro commun il faut le prénom et la date : le téléphone ou l'adresse d'un foyer ne désignent personne."""
    no_number = ~at(levels, NIR, *SAME_NUMBER, "égal, douteux")
    return no_number & (
        at(levels, FIRST_NAME, "absent", "différent", "initiale", "un prénom commun")
        | at(levels, BORN, "différente", "même année seulement")
        | (at(levels, BORN, "absente") & (_meeting_points(levels) < 1))
    )


def _meeting_points(levels: Levels) -> NDArray[np.int8]:
    """How many of birth place, address, phone and mail box are the same."""
    same = (
        at(levels, PLACE, "égal"),
        at(levels, ADDRESS, "même rue et numéro"),
        at(levels, PHONE, "égal"),
        at(levels, EMAIL, "égal"),
    )
    return np.asarray(np.sum(same, axis=0, dtype=np.int8))


ONLY_A_PERSON: tuple[Callable[[Levels], Which], ...] = (nothing_of_civil_status, not_enough_civil_status)


def perhaps_twins(levels: Levels) -> Which:
    """Le même nom, la même date, un autre prénom : une faute de frappe, ou des jumeaux."""
    same = (
        "égaux, deux ou plus", "égal", "égal, écrit joint", "inversé avec le nom", "même son", "commence comme l'autre",
    )  # fmt: skip
    return at(levels, NAME, *SAME_NAME) & at(levels, BORN, *SAME_DAY) & ~at(levels, FIRST_NAME, *same)


def perhaps_father_and_son(levels: Levels) -> Which:
    """Les mêmes noms et pas de date : une personne, ou un père et son fils sous un même toit."""
    return at(levels, BORN, "absente") & ~at(levels, NIR, *SAME_NUMBER)


def another_name(levels: Levels) -> Which:
    """Un autre nom, rien d'autre que le prénom et la date, pas de numéro : une femme mariée, ou deux personnes."""
    return at(levels, NAME, "absent", *OTHER_NAME) & (_meeting_points(levels) < 1) & ~at(levels, NIR, *SAME_NUMBER)


LOOK_ALIKES: tuple[Callable[[Levels], Which], ...] = (perhaps_twins, perhaps_father_and_son, another_name)


SURE: tuple[Callable[[Levels], Which], ...] = (certified_number,)


def sure(levels: Levels) -> Which:
    """Pairs that are one person whatever the scorecard says."""
    return np.asarray(np.logical_or.reduce([rule(levels) for rule in SURE]))


def forbidden(levels: Levels) -> Which:
    """Pairs that are never linked."""
    return np.asarray(np.logical_or.reduce([rule(levels) for rule in NEVER]))


def reserved(levels: Levels) -> Which:
    """Pairs that are at most proposed to a person."""
    return np.asarray(np.logical_or.reduce([rule(levels) for rule in ONLY_A_PERSON]))


def look_alike(levels: Levels) -> Which:
    """Pairs that relatives or homonyms may make: linked only when a false merge is four times less likely than elsewhere."""
    return np.asarray(np.logical_or.reduce([rule(levels) for rule in LOOK_ALIKES]))
