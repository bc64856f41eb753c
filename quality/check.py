"""Check: the verdict of every row rule on a chunk of normalised records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.rules import RULES, Context

if TYPE_CHECKING:
    from quality.declaration import Quality

UNIT, COLUMNS = "#unit", ["record", "unit", "field", "rule", "hint"]


def check(quality: Quality, frame: pd.DataFrame, *, today: str) -> pd.DataFrame:
    """One row per refused value: record, unit, field, rule, hint. ``today`` is the day of the delivery, ISO."""
    found = []
    for declared in quality.rules:
        rule = RULES[declared.rule]
        empty = pd.Series(None, index=frame.index, dtype="object")
        refused = rule(frame.get(declared.field, empty), frame, Context(today=today, parameters=declared.parameters))
        if refused.any():
            units = frame.loc[refused, UNIT]
            found.append(
                pd.DataFrame({
                    "record": units.index, "unit": units.to_numpy(), "field": declared.field, "rule": declared.rule,
                    "hint": (rule.__doc__ or "").strip(),
                })
            )  # fmt: skip
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
