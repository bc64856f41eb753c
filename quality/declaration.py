"""The grammar of ``quality/partners/<flow>.yml``: the rules of a record, and what is expected of a delivery."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quality.rules import RULES
from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowRule(Part):
    """One rule on one field."""

    field: str
    rule: str
    parameters: dict[str, str] = Field(default={}, alias="with")


class Expectation(Part):
    """One expectation on the delivery's profile. ``hold`` keeps the delivery for an operator, ``warn`` tells."""

    expect: Literal["records", "fill_rate", "quarantined_share", "volume_change"]
    field: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    severity: Literal["hold", "warn"] = "warn"


class Quality(Part):
    """What is acceptable in a flow."""

    flow: str
    rules: tuple[RowRule, ...]
    suite: tuple[Expectation, ...] = ()


def load_quality(folder: Path | None = None) -> dict[str, Quality]:
    """Every quality declaration by flow.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    place: Traversable = folder or files("quality").joinpath("partners")
    found: dict[str, Quality] = {}
    faults: list[str] = []
    for file in sorted(place.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yml"):
            _load(file, found, faults)
    if faults:
        raise FixTheDeclaration("\n".join(faults))
    return found


def _load(file: Traversable, found: dict[str, Quality], faults: list[str]) -> None:
    name = f"quality/partners/{file.name}"
    try:
        quality = Quality.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        faults.append(f"{name}: not YAML: {str(error).splitlines()[0]}")
        return
    except ValidationError as error:
        faults += [f"{name}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return
    if f"{quality.flow}.yml" != file.name:
        faults.append(f"{name}: flow: is {quality.flow!r}; name the file {quality.flow}.yml.")
    for place, rule in enumerate(quality.rules):
        if rule.rule not in RULES:
            faults.append(
                f"{name}: rules.{place}.rule: {rule.rule!r} is not a rule; one of {', '.join(sorted(RULES))}."
            )
        if rule.field not in facts():
            faults.append(f"{name}: rules.{place}.field: {rule.field} is not a field; see docs/data-dictionary.md.")
    found[quality.flow] = quality
