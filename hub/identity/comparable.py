"""From what a partner wrote to what may be compared, by the French pack. Nothing here changes the record: this stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from hub.identity.french.dates import NEVER
from hub.identity.french.numbers import State, number
from hub.identity.french.person import Person, standardise
from schemas.nir import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEALED = frozenset({"nir", "nir_state"})
LISTS = frozenset({"name_words", "first_names"})
STORED = tuple(each.name for each in fields(Person) if each.name not in SEALED)
SEX_OF_TITLE = {"MR": "1", "MME": "2", "MLE": "2"}
NO_KEY = "00"  # no number has that key
UP_TO = {"year": 4, "month": 7, "day": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One record as it is matched. ``label`` names it the same in whatever order records arrived."""

    record: int
    flow: str
    partner: str
    label: str
    person: Person = field(repr=False)
    number_hash: bytes | None = field(default=None, repr=False)

    @property
    def certified(self) -> bytes | None:
        """The hash of its number, when the number alone decides."""
        return self.number_hash if self.person.nir_state == State.CERTIFIED else None


def comparable(content: Mapping[str, Any], nir: str | None) -> Person:
    """What may be compared of a flat record and its number."""
    return standardise(
        {
            "nir": _number(content, nir),
            "birth_name": content.get("identity.birth_name"),
            "usage_name": content.get("identity.usage_name"),
            "first_names": " ".join(content.get("identity.first_names") or ()),
            "birth_date": _birth_date(content),
            "birth_place_insee": content.get("identity.birth_place_code"),
            "sex": content.get("identity.sex") or SEX_OF_TITLE.get(content.get("identity.title") or ""),
            "address": content.get("contact.address_street"),
            "postcode": content.get("contact.postcode"),
            "phone": next(iter(content.get("contact.phones") or ()), None),
            "email": content.get("contact.email"),
        }
    )


def _number(content: Mapping[str, Any], nir: str | None) -> str | None:
    """The number with its key when its key is right, and civil status not said to be uncertified; with a wrong one when it was wrong."""
    status, certified = content.get("identity.nir_key_status"), content.get("identity.certified")
    if nir is None or status == "malformed":
        return nir
    if status == "given_wrong":
        return nir + NO_KEY
    if certified or (certified is None and status == "given_ok"):
        return nir + key_of(nir)
    return nir


def may_be_used(content: Mapping[str, Any]) -> bool:
    """Whether the number may be shown to its owner's other administrations: well formed, and attributed for good."""
    key_known = content.get("identity.nir_key_status") in {"given_ok", "computed"}
    return key_known and content.get("identity.nir_kind") in {"definitive", "incomplete"}


def _birth_date(content: Mapping[str, Any]) -> str | None:
    birth = content.get("identity.birth_date")
    return birth[: UP_TO[content.get("identity.birth_date_precision") or "day"]] if birth else None


def stored(person: Person) -> dict[str, Any]:
    """What is kept of it in clear: all but the number, which is kept encrypted."""
    return {name: value for name in STORED if (value := getattr(person, name)) not in (None, ())}


def read_back(kept: Mapping[str, Any], *, nir: str | None, state: int) -> Person:
    """The same as it was before it was stored, its number beside it."""
    values: dict[str, Any] = {name: tuple(value) if name in LISTS else value for name, value in kept.items()}
    read = number(nir, sex=None, born=NEVER, place=None).value if nir and state else None
    return Person(**values, nir=read, nir_state=state)


def without(person: Person, shared: Sequence[str]) -> Person:
    """The person less the values that too many records carry: they tell nobody."""
    values = {each.name: getattr(person, each.name) for each in fields(person)}
    for name in shared:
        values |= UNKNOWN[name]
    return Person(**values)


UNKNOWN: Mapping[str, Mapping[str, Any]] = {
    "nir": {"nir": None, "nir_state": int(State.DUMMY)},
    "phone": {"phone": None},
    "email": {"email": None, "mailbox": None},
}
