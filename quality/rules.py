"""Row rules: each looks at a whole column at once and marks the records it refuses. To add one, write it and append it.

A rule's docstring is the sentence the partner reads: what to correct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a rule may know beside the records: the day the delivery arrived, and its own parameters."""

    today: str
    parameters: dict[str, str]


def required(values: pd.Series, _frame: pd.DataFrame, _context: Context) -> pd.Series:
    """Ce champ est obligatoire : le renseigner."""
    return values.isna()


def not_future(values: pd.Series, _frame: pd.DataFrame, context: Context) -> pd.Series:
    """Cette date est dans le futur : la vérifier."""
    return values.notna() & (values.fillna("").astype(str).str.slice(0, 10) > context.today)


def not_before(values: pd.Series, _frame: pd.DataFrame, context: Context) -> pd.Series:
    """Cette date est trop ancienne pour être vraie : la vérifier."""
    return values.notna() & (values.fillna("9999").astype(str) < context.parameters["day"])


def not_before_birth(values: pd.Series, frame: pd.DataFrame, _context: Context) -> pd.Series:
    """Cette date précède la naissance : vérifier les deux dates."""
    birth = frame.get("identity.birth_date", pd.Series("", index=values.index)).fillna("").astype(str)
    return values.notna() & (values.fillna("9999").astype(str) < birth)


def has_letters(values: pd.Series, _frame: pd.DataFrame, _context: Context) -> pd.Series:
    """Ce nom ne contient aucune lettre : le renseigner."""
    first = values.map(lambda value: value[0] if isinstance(value, list) else value).fillna("x").astype(str)
    return values.notna() & ~first.str.contains(r"[^\W\d_]", regex=True)


RULES: dict[str, Callable[[pd.Series, pd.DataFrame, Context], pd.Series]] = {
    rule.__name__: rule for rule in (required, not_future, not_before, not_before_birth, has_letters)
}
