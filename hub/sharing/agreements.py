"""Agreements: the legal text, the fields, the perimeter and the duration that let a partner receive something.

Deny by default: a field no agreement names goes nowhere, and an agreement outside its dates shares nothing.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads it at run time
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration
from schemas.facts import Sensitivity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path


class Agreement(BaseModel):
    """What one partner may receive, and why. ``sensitive`` fields are named apart, one by one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner: str
    purpose: str
    legal_basis: tuple[str, ...] = Field(min_length=1)
    fields: tuple[str, ...] = Field(min_length=1)
    sensitive: tuple[str, ...] = ()
    perimeter: Literal["followed"]
    valid_from: date
    valid_until: date
    frequency: Literal["daily", "immediate"]
    retention_months: int = Field(ge=1)
    contact: str
    out_flow: str

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until: must come after valid_from")
        return self

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
    place: Traversable = folder or files("hub.sharing").joinpath("agreements")
    found: dict[str, Agreement] = {}
    faults: list[str] = []
    for file in sorted(place.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yml"):
            _load(file, found, faults)
    if faults:
        raise FixTheDeclaration("\n".join(faults))
    return found


def _load(file: Traversable, found: dict[str, Agreement], faults: list[str]) -> None:
    name = f"hub/sharing/agreements/{file.name}"
    try:
        agreement = Agreement.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        faults.append(f"{name}: not YAML: {str(error).splitlines()[0]}")
        return
    except ValidationError as error:
        faults += [f"{name}: {'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()]
        return
    if f"{agreement.partner}.yml" != file.name:
        faults.append(f"{name}: partner: is {agreement.partner!r}; name the file {agreement.partner}.yml.")
    faults += [f"{name}: {fault}" for fault in _misfits(agreement)]
    found[agreement.partner] = agreement


def _misfits(agreement: Agreement) -> Iterator[str]:
    for path in agreement.all_fields:
        fact = facts().get(path)
        if fact is None:
            yield f"fields.{path}: not a field of the common record; see docs/data-dictionary.md."
        elif fact.sensitivity is Sensitivity.NIR:
            yield f"fields.{path}: the NIR is a pivot, it is never shared."
        elif (fact.sensitivity is Sensitivity.SENSITIVE) != (path in agreement.sensitive):
            yield f"fields.{path}: a sensitive field stands under sensitive:, and only there."
