"""A NIR in all its forms and what it is worth: certified, valid, suspect, provisional or a dummy. Only certified decides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from hub.identity.french.places import BEFORE_INDEPENDENCE, departement
from schemas.nir import SPECIMEN, Nir

if TYPE_CHECKING:
    from hub.identity.french.dates import Born

ENOUGH_AGREE, MOST_UNKNOWN = 3, 1
TYPED_FOR = str.maketrans("OIL", "011")
DUMMY = re.compile(r"(\d)\1{9,}|123456789\d*|[12]0{6,}\d*|[12]9{6,}\d*")


class State(IntEnum):
    """What a number is worth, from nothing to deciding alone."""

    NONE = 0
    DUMMY = 1
    PROVISIONAL = 2
    SUSPECT = 3
    VALID = 4
    CERTIFIED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """The 13 characters that may be compared, and what they are worth. A number of another kind is compared as a whole."""

    value: str | None = field(default=None, repr=False)
    state: State = State.NONE


NO_NUMBER = Number()


def number(text: str | None, *, sex: str | None, born: Born, place: str | None) -> Number:
    """Read a NIR or an MSA number beside the record that carries it."""
    cleaned = re.sub(r"\.0+$", "", (text or "").strip())
    cleaned = re.sub(r"[^0-9A-Z]", "", cleaned.upper())
    if not cleaned:
        return NO_NUMBER
    if DUMMY.fullmatch(cleaned) or cleaned[:13] == SPECIMEN:
        return Number(state=State.DUMMY)
    read = _read(cleaned)
    if read is None:
        return Number(value=cleaned, state=State.SUSPECT)
    if read.kind == "provisional":
        return Number(value=read.value, state=State.PROVISIONAL)
    if read.key_status == "given_wrong":
        return Number(value=read.value, state=State.SUSPECT)
    return Number(value=read.value, state=_worth(read, sex=sex, born=born, place=place))


def _read(cleaned: str) -> Nir | None:
    """The well-formed number in what was typed: letters for digits, a key without its zero."""
    digits = cleaned[:5].translate(TYPED_FOR) + cleaned[5:7].replace("O", "0") + cleaned[7:].translate(TYPED_FOR)
    candidates = [digits] if len(digits) != 14 else [f"{digits[:13]}0{digits[13]}", f"{digits[:13]}"]
    for candidate in candidates:
        read = Nir.parse(candidate)
        if read is not None and read.key_status != "malformed" and read.kind != "fictitious":
            return read
    return None


def _worth(read: Nir, *, sex: str | None, born: Born, place: str | None) -> State:
    """Certified when its key was given and is right and it tells the same birth as the record; suspect when it tells another."""
    said = coherence(read.value, sex=sex, born=born, place=place)
    agree, unknown = said.count(True), said.count(None)
    if agree >= ENOUGH_AGREE and unknown <= MOST_UNKNOWN:
        return State.CERTIFIED if read.key_status == "given_ok" else State.VALID
    return State.SUSPECT if said.count(False) > 1 else State.VALID


def coherence(value: str, *, sex: str | None, born: Born, place: str | None) -> list[bool | None]:
    """Whether sex, year, month and département of the number agree with the record; None where one does not say."""
    month = int(value[3:5])
    return [
        None if sex is None else value[0] == sex,
        None if born.year is None else value[1:3] == f"{born.year % 100:02d}",
        None if born.month is None or not 1 <= month <= 12 else month == born.month,
        _same_departement(value[5:10], born=born, place=place),
    ]


def _same_departement(code: str, *, born: Born, place: str | None) -> bool | None:
    if place is None:
        return None
    written = f"20{code[2:]}" if code[:2] in {"2A", "2B"} else code
    told = departement(written, year=born.year)
    abroad = place[:2] == "99" and BEFORE_INDEPENDENCE.get(written[:2]) == place
    return told == departement(place, year=born.year) or abroad
