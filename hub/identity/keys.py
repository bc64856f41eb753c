"""The keys of the inverted index: records that share one are worth comparing. The same rules as those of whole files.

A key is a keyed hash of a rule and its values, so that the index tells nothing to whoever reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hub.identity.french.person import Person

KEY_BYTES = 8
LARGEST_BLOCK = 4_000
Parts = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to find pairs: its name, and the values that must all be there."""

    name: str
    parts: Callable[[Person], Iterable[Parts]]


def _bare(person: Person) -> tuple[str | None, str | None]:
    return person.birth_bare, person.usage_bare


def _heard(person: Person) -> tuple[str | None, str | None]:
    return person.birth_heard, person.usage_heard


def _turned(person: Person) -> Parts:
    """The date, day and month in either order."""
    if person.born is None or person.day is None or person.month is None:
        return (None,)
    return person.year, min(person.day, person.month), max(person.day, person.month)


def _inverted(person: Person) -> Iterable[Parts]:
    for name in _heard(person):
        if name is not None and person.first_heard is not None:
            yield f"{name}+{person.first_heard}", person.year
            yield f"{person.first_heard}+{name}", person.year


def _cut(text: str | None, length: int) -> str | None:
    return None if text is None else text[:length]


def _end(nir: str | None) -> str | None:
    return nir[5:] if nir is not None and len(nir) == 13 else None


NUMBER, PHONE, EMAIL = 0, 8, 9
RULES = (
    Rule(name="numéro", parts=lambda p: [(p.nir,)]),
    Rule(name="un nom ou le prénom entendus, date",
         parts=lambda p: [(word, *_turned(p)) for word in (*_heard(p), p.first_heard)]),
    Rule(name="nom et prénom entendus, année", parts=lambda p: [(word, p.first_heard, p.year) for word in _heard(p)]),
    Rule(name="nom et prénom entendus, jour et mois",
         parts=lambda p: [(word, p.first_heard, p.month, p.day) for word in _heard(p)]),
    Rule(name="nom et prénom, lieu de naissance", parts=lambda p: [(word, p.first_name, p.place) for word in _bare(p)]),
    Rule(name="nom et prénom, code postal", parts=lambda p: [(word, p.first_name, p.postcode) for word in _bare(p)]),
    Rule(name="nom et prénom inversés, année", parts=_inverted),
    Rule(name="date de naissance et lieu, ou code postal",
         parts=lambda p: [("lieu", p.born, p.place), ("code postal", p.born, p.postcode)]),
    Rule(name="téléphone", parts=lambda p: [(p.phone,)]),
    Rule(name="courriel", parts=lambda p: [(p.email,)]),
    Rule(name="débuts du nom et du prénom, mois",
         parts=lambda p: [(_cut(word, 4), _cut(p.first_name, 3), p.year, p.month) for word in _bare(p)]),
    Rule(name="date, début du prénom", parts=lambda p: [(p.born, _cut(p.first_name, 3), p.sex)]),
    Rule(name="date, début du nom", parts=lambda p: [(p.born, _cut(p.birth_bare, 4))]),
    Rule(name="fin du numéro, prénom", parts=lambda p: [(_end(p.nir), p.first_name)]),
    Rule(name="adresse, prénom", parts=lambda p: [(p.postcode, p.street, p.first_name)]),
    Rule(name="adresse, nom", parts=lambda p: [(p.postcode, p.street, word) for word in _heard(p)]),
)  # fmt: skip
# What many records may carry without being one person. A value that more than a few of one flow carry is taken as unknown.
MAY_BE_SHARED = {NUMBER: "nir", PHONE: "phone", EMAIL: "email"}
SHARED_BY = 4


def keys_of(person: Person, digest: Callable[[bytes], bytes]) -> dict[int, int]:
    """Each key of a record, as a signed 64-bit number, and the place of its rule."""
    return {
        int.from_bytes(digest("\x1f".join([str(place), *map(str, parts)]).encode()), "big", signed=True): place
        for place, rule in enumerate(RULES)
        for parts in rule.parts(person)
        if None not in parts
    }
