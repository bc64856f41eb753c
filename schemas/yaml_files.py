"""A folder of YAML declarations, read whole: every fault of every file comes at once, each naming file, field and fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import yaml
from pydantic import ValidationError

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.resources.abc import Traversable

    from pydantic_core import ErrorDetails

T = TypeVar("T")


def plain_fault(each: ErrorDetails) -> str:
    """Where a field is wrong and what pydantic says of it."""
    return f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}"


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[T]):
    """One kind of declaration: where faults say it lives, its grammar, the field its file is named by, what else must fit."""

    shown: str
    read: Callable[[Any], T]
    named_by: str
    misfits: Callable[[T], Iterable[str]] = lambda _declared: ()
    fault: Callable[[ErrorDetails], str] = plain_fault
    named_in: str | None = None  # the field of the file the name comes from, where it is not ``named_by`` itself

    def load(self, place: Traversable) -> dict[str, T]:
        """Every declaration of the folder by name; raises ``FixTheDeclaration`` with one line per fault."""
        found: dict[str, T] = {}
        faults: list[str] = []
        for file in sorted(place.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".yml"):
                self._take(file, found, faults)
        if faults:
            raise FixTheDeclaration("\n".join(faults))
        return found

    def _take(self, file: Traversable, found: dict[str, T], faults: list[str]) -> None:
        where = f"{self.shown}/{file.name}"
        try:
            declared = self.read(yaml.safe_load(file.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            faults.append(f"{where}: not YAML: {str(error).splitlines()[0]}")
            return
        except ValidationError as error:
            faults += [f"{where}: {self.fault(each)}" for each in error.errors()]
            return
        name = str(getattr(declared, self.named_by))
        if f"{name}.yml" != file.name:
            faults.append(f"{where}: {self.named_in or self.named_by}: is {name!r}; name the file {name}.yml.")
        faults += [f"{where}: {misfit}" for misfit in self.misfits(declared)]
        found[name] = declared
