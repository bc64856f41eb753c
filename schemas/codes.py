"""The code lists: data, not code. An unknown code is kept as received and counted, never refused."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping


TYPED = "(texte)"
CODE = re.compile(r"(?=.*\d)[A-Za-z0-9_.-]{1,6}|[A-Za-z]{1,3}|[a-z]{1,20}(?:_[a-z]{1,20}){1,3}", re.ASCII)


class CodeList(BaseModel):
    """One list: each code with its French label, and where the list comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    source: str
    codes: dict[str, str]

    def known(self, code: str) -> bool:
        return code in self.codes

    def shown(self, code: str) -> str:
        """The code, for a count or a message; where the list lacks it and it may be what somebody typed, that it is."""
        return code if self.known(code) or CODE.fullmatch(code) else TYPED

    def label_of(self, code: str) -> str:
        """The French label; the code itself when the list does not know it."""
        return self.codes.get(code, code)


@cache
def code_lists() -> Mapping[str, CodeList]:
    """Every list by name, from ``schemas/codes/*.yml``; raises ``FixTheDeclaration`` with every fault."""
    found: dict[str, CodeList] = {}
    faults: list[str] = []
    for file in sorted(files("schemas").joinpath("codes").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".yml"):
            continue
        for name, given in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            if name in found:
                faults.append(f"schemas/codes/{file.name}: {name}: declared twice; keep one.")
            try:
                found[name] = CodeList.model_validate(given, strict=True)
            except ValidationError as error:
                faults += [_fault(file.name, name, each["loc"], each["msg"]) for each in error.errors()]
    if faults:
        raise FixTheDeclaration("\n".join(faults))
    return found


def _fault(file: str, name: str, place: tuple[int | str, ...], message: str) -> str:
    field = ".".join(str(part) for part in (name, *place))
    return f"schemas/codes/{file}: {field}: {message}; write codes and labels between quotes."


def codes_in(value: Any) -> list[str]:
    """The codes a field holds: one, several, or those of dated entries."""
    if isinstance(value, list):
        return [str(each["reason"]) if isinstance(each, dict) else str(each) for each in value]
    return [str(value)]
