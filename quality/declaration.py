"""The grammar of ``quality/partners/<flow>.yml``: the rules of a record, and what is expected of a delivery."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from quality.rules import RULES
from schemas.beneficiary import facts
from schemas.yaml_files import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
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

    expect: Literal[
        "records",
        "fill_rate",
        "quarantined_share",
        "volume_change",
        "fill_change",
        "code_change",
        "missing_columns",
    ]
    kind: Literal["full", "delta"] | None = Field(default=None, description="only for such deliveries; left out: both")
    field: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    severity: Literal["hold", "warn"] = "warn"

    @property
    def measured(self) -> str:
        """The name of what is measured: two expectations may bound the same."""
        return f"{self.expect}:{self.field}" if self.field else self.expect


class Quality(Part):
    """What is acceptable in a flow."""

    flow: str
    rules: tuple[RowRule, ...]
    suite: tuple[Expectation, ...] = ()

    def judging(self, kind: str) -> Quality:
        """The same, with the expectations that hold for a kind of delivery: ``full`` or ``delta``."""
        return self.model_copy(update={"suite": tuple(each for each in self.suite if each.kind in {None, kind})})


def load_quality(folder: Path | None = None) -> dict[str, Quality]:
    """Every quality declaration by flow.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    kind = Kind(shown="quality/partners", read=Quality.model_validate, named_by="flow", misfits=_misfits)
    return kind.load(folder or files("quality").joinpath("partners"))


def _misfits(quality: Quality) -> Iterator[str]:
    for place, rule in enumerate(quality.rules):
        if rule.rule not in RULES:
            yield f"rules.{place}.rule: {rule.rule!r} is not a rule; one of {', '.join(sorted(RULES))}."
        if rule.field not in facts():
            yield f"rules.{place}.field: {rule.field} is not a field; see docs/data-dictionary.md."
