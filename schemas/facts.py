"""How a field of the common record is declared: its label, its owner, its sensitivity, its code list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class Owner(StrEnum):
    """The kind of partner whose word wins when partners disagree."""

    CAF = "caf"
    POLE_EMPLOI = "pole_emploi"
    DEPARTEMENT = "departement"
    SECOND_CIRCLE = "second_circle"


class Sensitivity(StrEnum):
    """How carefully a field travels: a sensitive one only where an agreement names it."""

    ORDINARY = "ordinary"
    CONTACT = "contact"
    NIR = "nir"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One field of the common record, addressed as ``block.field``."""

    path: str
    label: str
    owner: Owner
    sensitivity: Sensitivity
    codes: str | None


def fact(
    label: str,
    owner: Owner,
    *,
    sensitivity: Sensitivity = Sensitivity.ORDINARY,
    codes: str | None = None,
    **constraints: Any,
) -> Any:
    """Declare a field: every one may be absent, for no partner knows everything."""
    extra: dict[str, Any] = {"owner": owner.value, "sensitivity": sensitivity.value}
    if codes:
        extra["codes"] = codes
    return Field(default=None, title=label, json_schema_extra=extra, **constraints)


def read_fact(path: str, field: FieldInfo) -> Fact:
    """Return the declaration of one field of a block."""
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or not field.title:
        message = f"{path} is not declared with schemas.facts.fact()"
        raise TypeError(message)
    codes = extra.get("codes")
    return Fact(
        path=path,
        label=field.title,
        owner=Owner(str(extra["owner"])),
        sensitivity=Sensitivity(str(extra["sensitivity"])),
        codes=str(codes) if codes else None,
    )
