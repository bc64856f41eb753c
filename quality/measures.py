"""What is measured of a delivery: against fixed bounds, or against the habits of its own flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from quality.declaration import Expectation

HABIT = 3
Habit: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A share, a count, or how many times more or less than usual (0: as usual, 1: twice or half).

    ``about`` names the field or column it is worst for.
    """

    value: float
    about: str = ""


def measure(
    expectation: Expectation, profile: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> Measure | None:
    """Measure one expectation; None where there is nothing to measure, or no habit yet (three deliveries)."""
    if expectation.expect == "fill_rate":
        return Measure(value=_fill(profile, expectation.field or "")) if profile["records"] else None
    return MEASURES[expectation.expect](profile, history if len(history) >= HABIT else ())


def _records(profile: Mapping[str, Any], _habit: Habit) -> Measure:
    return Measure(value=float(_volume(profile)))


def _quarantined_share(profile: Mapping[str, Any], _habit: Habit) -> Measure | None:
    return Measure(value=profile["rejected"] / _volume(profile)) if _volume(profile) else None


def _fill_changes(profile: Mapping[str, Any], habit: Habit) -> Measure | None:
    return _worst({path: _fill_change(path, profile, habit) for path in _paths("filled", profile, habit)})


def _code_changes(profile: Mapping[str, Any], habit: Habit) -> Measure | None:
    return _worst({path: _code_change(path, profile, habit) for path in _paths("codes", profile, habit)})


def _missing_columns(profile: Mapping[str, Any], _habit: Habit) -> Measure:
    missing = profile.get("missing_columns", [])
    return Measure(value=float(len(missing)), about=", ".join(missing))


def _volume(profile: Mapping[str, Any]) -> int:
    return int(profile["records"] + profile["rejected"])


def _volume_change(profile: Mapping[str, Any], habit: Habit) -> Measure | None:
    usual = median([_volume(each) for each in habit]) if habit else 0
    now = _volume(profile)
    if not usual:
        return None
    about = f"{now} enregistrements au lieu d'environ {usual:.0f}"
    return Measure(value=max(now / usual, usual / max(now, 0.5)) - 1, about=about)


def _paths(kind: str, profile: Mapping[str, Any], habit: Habit) -> set[str]:
    return (
        {path for each in (profile, *habit) for path in each.get(kind, {})} if habit and profile["records"] else set()
    )


def _fill(profile: Mapping[str, Any], path: str) -> float:
    return float(profile["filled"].get(path, 0) / profile["records"]) if profile["records"] else 0.0


def _fill_change(path: str, profile: Mapping[str, Any], habit: Habit) -> float:
    return abs(_fill(profile, path) - median([_fill(each, path) for each in habit]))


def _shares(profile: Mapping[str, Any], path: str) -> dict[str, float]:
    counted = profile.get("codes", {}).get(path, {})
    total = sum(counted.values())
    return {code: number / total for code, number in counted.items()} if total else {}


def _code_change(path: str, profile: Mapping[str, Any], habit: Habit) -> float:
    """Half the sum of the differences of shares: 0 when codes are used as usual, 1 when none is."""
    now = _shares(profile, path)
    past = [shares for each in habit if (shares := _shares(each, path))]
    if not now or not past:
        return 0.0
    usual = {code: sum(each.get(code, 0) for each in past) / len(past) for code in {c for each in past for c in each}}
    return sum(abs(now.get(code, 0) - usual.get(code, 0)) for code in now.keys() | usual.keys()) / 2


def _worst(changes: Mapping[str, float]) -> Measure | None:
    if not changes:
        return None
    path = max(sorted(changes), key=lambda each: changes[each])
    return Measure(value=changes[path], about=path)


MEASURES: dict[str, Callable[[Mapping[str, Any], Habit], Measure | None]] = {
    "records": _records,
    "quarantined_share": _quarantined_share,
    "volume_change": _volume_change,
    "fill_change": _fill_changes,
    "code_change": _code_changes,
    "missing_columns": _missing_columns,
}
