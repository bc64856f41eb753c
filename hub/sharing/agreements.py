"""Agreements: the legal text, the fields, the perimeter and the duration that let a partner receive something.

Deny by default: a field no agreement names goes nowhere, nobody outside its territory is told of, and an agreement outside
its dates shares nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date  # noqa: TC003 - pydantic reads it at run time
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hub.sharing.territory import FRANCE, Code, covers
from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration
from schemas.facts import Sensitivity
from schemas.yaml_files import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """What one partner may receive, and why. ``sensitive`` fields are named apart, one by one.

    A partner has one agreement per purpose; the first is named as it is, the others have a ``name`` of their own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner: Said
    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    purpose: Said
    legal_basis: tuple[Said, ...] = Field(min_length=1)
    fields: tuple[str, ...] = Field(min_length=1)
    sensitive: tuple[str, ...] = ()
    urgent: tuple[str, ...] = Field(default=(), description="fields whose news goes before the others'")
    perimeter: Literal["followed"]
    territory: tuple[Code, ...] = Field(
        min_length=1, description="the départements it covers; france for a national body"
    )
    valid_from: date
    valid_until: date
    frequency: Literal["daily", "immediate"]
    retention_months: int = Field(ge=1)
    contact: Said
    out_flow: Said

    @property
    def title(self) -> str:
        """What the agreement is called, and its file."""
        return self.name or self.partner

    @property
    def all_fields(self) -> tuple[str, ...]:
        return (*self.fields, *self.sensitive)

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_until

    def on(self, _day: date) -> Agreement:
        """What of it holds on a day it is in force."""
        return self

    def ended(self, day: date) -> date | None:
        """The last day of what of it ended latest before a day; None while all of it goes on."""
        return self.valid_until if self.valid_until < day else None

    def within(self, lives: str | None) -> Agreement | None:
        """What of it holds for somebody who lives in a département; None when nothing does."""
        return self if covers(self.territory, lives) else None

    def attributed(self, fields: Iterable[str]) -> list[tuple[Agreement, list[str]]]:
        """The agreement each of some fields is told under."""
        return [(self, sorted(fields))]


class Entitlement(Agreement):
    """All that a partner may receive, whatever the purpose: its agreements together. Each field keeps the purpose it is told for."""

    parts: tuple[Agreement, ...]

    def in_force(self, day: date) -> bool:
        return any(part.in_force(day) for part in self.parts)

    def on(self, day: date) -> Agreement:
        return together([part for part in self.parts if part.in_force(day)])

    def ended(self, day: date) -> date | None:
        return max((part.valid_until for part in self.parts if part.valid_until < day), default=None)

    def within(self, lives: str | None) -> Agreement | None:
        parts = [part for part in self.parts if covers(part.territory, lives)]
        return together(parts) if parts else None

    def attributed(self, fields: Iterable[str]) -> list[tuple[Agreement, list[str]]]:
        left, found = set(fields), []
        for part in self.parts:
            mine = sorted(left.intersection(part.all_fields))
            left.difference_update(mine)
            if mine:
                found.append((part, mine))
        # A value taken back may be of a field no agreement names any more.
        return [*found, (self.parts[0], sorted(left))] if left else found


def together(parts: Sequence[Agreement]) -> Agreement:
    """The agreements of one partner as one; alone, an agreement stays itself."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    sensitive = dict.fromkeys(path for part in parts for path in part.sensitive)
    return Entitlement(
        **first.model_dump(
            exclude={
                "fields",
                "sensitive",
                "urgent",
                "purpose",
                "legal_basis",
                "territory",
                "valid_from",
                "valid_until",
                "name",
            }
        ),
        fields=tuple(dict.fromkeys(path for part in parts for path in part.fields)),
        sensitive=tuple(sensitive),
        urgent=tuple(dict.fromkeys(path for part in parts for path in part.urgent)),
        purpose=" ; ".join(part.purpose for part in parts),
        legal_basis=tuple(dict.fromkeys(text for part in parts for text in part.legal_basis)),
        territory=tuple(dict.fromkeys(code for part in parts for code in part.territory)),
        valid_from=min(part.valid_from for part in parts),
        valid_until=max(part.valid_until for part in parts),
        parts=tuple(parts),
    )


def by_partner(agreements: Mapping[str, Agreement]) -> dict[str, Agreement]:
    """What each partner may receive, whatever the purpose."""
    found: defaultdict[str, list[Agreement]] = defaultdict(list)
    for _, agreement in sorted(agreements.items()):
        found[agreement.partner].append(agreement)
    return {partner: together(parts) for partner, parts in found.items()}


def load_agreements(folder: Path | None = None) -> dict[str, Agreement]:
    """Every agreement by its title: the partner, or the name of a further purpose.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    kind = Kind(
        shown="hub/sharing/agreements",
        read=Agreement.model_validate,
        named_by="title",
        named_in="partner",
        misfits=_misfits,
        fault=_fault,
    )
    return kind.load(folder or files("hub.sharing").joinpath("agreements"))


def read_agreement(file: Path) -> Agreement:
    """An agreement that is not in force yet, from a file of any name.

    Raises:
        FixTheDeclaration: one line per fault, each naming file, field and fix.
    """
    try:
        agreement = Agreement.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FixTheDeclaration(f"{file.name}: cannot be read as YAML.") from error
    except ValidationError as error:
        raise FixTheDeclaration("\n".join(f"{file.name}: {_fault(each)}" for each in error.errors())) from None
    if faults := [f"{file.name}: {misfit}" for misfit in _misfits(agreement)]:
        raise FixTheDeclaration("\n".join(faults))
    return agreement


def _fault(each: ErrorDetails) -> str:
    where = ".".join(map(str, each["loc"])) or "file"
    fix = FIXES.get(each["type"])
    return f"{where}: {each['msg']}" + (f": {fix}." if fix else ".")


def _misfits(agreement: Agreement) -> Iterator[str]:
    if agreement.valid_until <= agreement.valid_from:
        yield "valid_until: must come after valid_from; put the last day it is in force."
    if agreement.partner.startswith("departement_") and FRANCE in agreement.territory:
        yield "territory: a département is no national body; name the one it covers."
    yield from _misfit_fields(agreement)


def _misfit_fields(agreement: Agreement) -> Iterator[str]:
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
