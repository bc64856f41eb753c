"""Agreements: the legal text, the fields, the perimeter and the duration that let a partner receive something.

Deny by default: a field no agreement names goes nowhere, and an agreement outside its dates shares nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import date  # noqa: TC003 - pydantic reads it at run time
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.beneficiary import facts
from schemas.facts import Sensitivity
from schemas.yaml_files import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

# What to do about a fault that is not already said by pydantic's own words.
FIXES = {
    "missing": "write it, an agreement does not hold without",
    "extra_forbidden": "take it out, or correct its spelling",
    "string_too_short": "write it, an empty text says nothing",
    "too_short": "name at least one",
}


class Agreement(BaseModel):
    """What one partner may receive, and why. ``sensitive`` fields are named apart, one by one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner: Said
    purpose: Said
    legal_basis: tuple[Said, ...] = Field(min_length=1)
    fields: tuple[str, ...] = Field(min_length=1)
    sensitive: tuple[str, ...] = ()
    urgent: tuple[str, ...] = Field(default=(), description="fields whose news goes before the others'")
    perimeter: Literal["followed"]
    valid_from: date
    valid_until: date
    frequency: Literal["daily", "immediate"]
    retention_months: int = Field(ge=1)
    contact: Said
    out_flow: Said

    @property
    def all_fields(self) -> tuple[str, ...]:
        return (*self.fields, *self.sensitive)

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_until


def load_agreements(folder: Path | None = None) -> dict[str, Agreement]:
    """Every agreement by partner.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    kind = Kind(
        shown="hub/sharing/agreements",
        read=Agreement.model_validate,
        named_by="partner",
        misfits=_misfits,
        fault=_fault,
    )
    return kind.load(folder or files("hub.sharing").joinpath("agreements"))


def _fault(each: ErrorDetails) -> str:
    where = ".".join(map(str, each["loc"])) or "file"
    fix = FIXES.get(each["type"])
    return f"{where}: {each['msg']}" + (f": {fix}." if fix else ".")


def _misfits(agreement: Agreement) -> Iterator[str]:
    if agreement.valid_until <= agreement.valid_from:
        yield "valid_until: must come after valid_from; put the last day it is in force."
    for path in set(agreement.urgent).difference(agreement.all_fields):
        yield f"urgent.{path}: not a field of this agreement; name it under fields:, or take it out."
    for path, times in Counter(agreement.all_fields).items():
        if times > 1:
            yield f"fields.{path}: named {times} times; keep one."
        fact = facts().get(path)
        if fact is None:
            yield f"fields.{path}: not a field of the common record; see docs/data-dictionary.md."
        elif fact.sensitivity is Sensitivity.NIR:
            yield f"fields.{path}: the NIR is a pivot, it is never shared."
        elif (fact.sensitivity is Sensitivity.SENSITIVE) != (path in agreement.sensitive):
            yield f"fields.{path}: a sensitive field stands under sensitive:, and only there."
