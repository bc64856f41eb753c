"""What decides who is who: a model and what mistakes cost, as shipped or from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from hub.identity.model.decision import Costs
from hub.identity.model.levels import COMPARISONS
from hub.identity.model.scorecard import AHEAD, Model, from_document, load
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from pathlib import Path

OF_A_MODEL = {"version", "levels", "scorecard", "trained_on", "labels"}
COSTS = {each.name for each in fields(Costs)}


@dataclass(frozen=True, kw_only=True)
class Matching:
    """A model, the costs its decisions follow, and the Spark that compares pairs in a full match, if any."""

    model: Model = field(default_factory=load)
    costs: Costs = field(default_factory=Costs)
    spark: str | None = None


def read_matching(path: Path | None, *, spark: str | None = None) -> Matching:
    """A file in the form of those that ship (``hub/identity/models``), with ``costs`` beside or alone; what it does not say is as shipped.

    Raises ``FixTheDeclaration`` that names the file, the field and what may stand there.
    """
    if path is None:
        return Matching(spark=spark)
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FixTheDeclaration(f"{path.name} cannot be read as JSON.") from error
    if not isinstance(given, dict) or not given.keys() <= {*OF_A_MODEL, "costs"}:
        raise FixTheDeclaration(f"{path.name}: only {', '.join(sorted({*OF_A_MODEL, 'costs'}))} may stand there.")
    return Matching(model=_model(path, given), costs=_costs(path, given.get("costs", {})), spark=spark)


def _model(path: Path, given: dict[str, Any]) -> Model:
    if not given.keys() & {"levels", "scorecard", "version"}:
        return load()
    try:
        model = from_document(given)
    except (KeyError, TypeError, ValueError) as error:
        raise FixTheDeclaration(f"{path.name} lacks {error}: compare it with a model that ships.") from error
    for comparison in COMPARISONS:
        if len(model.bits.get(comparison.name, ())) != len(comparison.levels):
            raise FixTheDeclaration(f"{path.name}: levels.{comparison.name} must hold {len(comparison.levels)} levels.")
    for line in model.lines:
        if line.feature in AHEAD and (line.cuts is None or (line.points[1:] < line.points[:-1]).any()):
            raise FixTheDeclaration(
                f"{path.name}: {line.feature}: points must rise with its cuts, for a rival can only take away."
            )
    return model


def _costs(path: Path, given: Any) -> Costs:
    if not isinstance(given, dict) or not given.keys() <= COSTS:
        raise FixTheDeclaration(f"{path.name}: costs may hold {', '.join(sorted(COSTS))}.")
    if any(not isinstance(cost, int | float) or cost <= 0 for cost in given.values()):
        raise FixTheDeclaration(f"{path.name}: costs are numbers above zero.")
    return Costs(**given)
