"""One record as it can be compared: everything the pack knows, applied to the columns of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.identity.french.contacts import email, phone, postcode, street
from hub.identity.french.dates import birth_date
from hub.identity.french.names import first_names, second_half, surnames
from hub.identity.french.numbers import Number, number
from hub.identity.french.places import birth_place, departement
from hub.identity.french.text import letters, sounding

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = (
    "nir", "birth_name", "usage_name", "first_names", "birth_date", "birth_place_insee", "sex",
    "address", "postcode", "city", "phone", "email",
)  # fmt: skip
SEXES = {
    "1": "1", "M": "1", "H": "1", "MR": "1", "HOMME": "1", "MASCULIN": "1", "MONSIEUR": "1", "MALE": "1",
    "2": "2", "F": "2", "MME": "2", "MLLE": "2", "FEMME": "2", "FEMININ": "2", "MADAME": "2", "FEMALE": "2",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What may be compared of one record. Names are joined capitals; ``heard`` is how a name sounds."""

    nir: str | None = field(default=None, repr=False)
    nir_state: int = 0
    birth_name: str | None = None
    birth_bare: str | None = None
    birth_heard: str | None = None
    usage_name: str | None = None
    usage_bare: str | None = None
    usage_heard: str | None = None
    name_words: tuple[str, ...] = ()
    first_name: str | None = None
    first_two: str | None = None
    second_half: str | None = None
    first_heard: str | None = None
    first_names: tuple[str, ...] = ()
    born: int | None = None
    year: int | None = None
    month: int | None = None
    day: int | None = None
    place: str | None = None
    departement: str | None = None
    sex: str | None = None
    postcode: str | None = None
    street: str | None = None
    phone: str | None = None
    email: str | None = None
    mailbox: str | None = None


def standardise(record: Mapping[str, str | None]) -> Person:
    """Read one record; columns that are not there are unknown."""
    born = birth_date(record.get("birth_date"))
    sex = sex_of(record.get("sex"))
    place = birth_place(record.get("birth_place_insee"), year=born.year)
    read: Number = number(record.get("nir"), sex=sex, born=born, place=place)
    birth, usage = surnames(record.get("birth_name"), record.get("usage_name"))
    given = first_names(record.get("first_names"))
    mail = email(record.get("email"))
    return Person(
        nir=read.value,
        nir_state=int(read.state),
        birth_name=birth.whole if birth else None,
        birth_bare=birth.bare if birth else None,
        birth_heard=sounding(birth.bare) if birth else None,
        usage_name=usage.whole if usage else None,
        usage_bare=usage.bare if usage else None,
        usage_heard=sounding(usage.bare) if usage else None,
        name_words=tuple(sorted({*(birth.words if birth else ()), *(usage.words if usage else ())})),
        first_name=given[0] if given else None,
        first_two="".join(given[:2]) or None,
        second_half=second_half(record.get("first_names")) if given else None,
        first_heard=sounding(given[0]) if given else None,
        first_names=given,
        born=born.number,
        year=born.year,
        month=born.month,
        day=born.day,
        place=place,
        departement=departement(place, year=born.year),
        sex=sex,
        postcode=postcode(record.get("postcode")),
        street=street(record.get("address")),
        phone=phone(record.get("phone")),
        email=mail,
        mailbox=mail.split("@")[0] if mail else None,
    )


def sex_of(text: str | None) -> str | None:
    """1 for a man, 2 for a woman, as the number says it."""
    return SEXES.get((letters(text) or "").replace(" ", "")) if text else None
