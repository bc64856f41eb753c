"""The NIR, numéro de sécurité sociale: 13 characters and a key, read with care and never shown whole.

Layout ``S AA MM LLLLL OOO KK``: sex, year, month, place, order, key. Corsica's letters stand at positions 6-7 only. The key
is ``97 - (number mod 97)`` with 2A read as 19 and 2B as 18. Months 20-42 and 50-99 mean an incomplete civil status. A
first digit 3, 4, 7 or 8 marks a number that is being attributed: it may change, so it never decides an identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

KeyStatus = Literal["given_ok", "given_wrong", "computed", "malformed"]
Kind = Literal["definitive", "provisional", "incomplete", "fictitious", "unknown"]

SHAPE = re.compile(r"([123478])(\d\d)(\d\d)((?!00)\d[\dAB]\d{3})((?!000)\d{3})(\d\d)?", re.ASCII)
SPECIMEN = "2690549588157"
LENGTHS = (13, 15)


@dataclass(frozen=True, kw_only=True)
class Nir:
    """A number as a partner gave it. ``value`` is 13 upper-case characters, or what was received when malformed."""

    value: str = field(repr=False)
    key_status: KeyStatus
    kind: Kind

    @property
    def usable(self) -> bool:
        """Whether the number may be compared: well formed, its key not wrong, attributed for good, nobody's specimen."""
        return self.key_status in {"given_ok", "computed"} and self.kind in {"definitive", "incomplete"}

    @property
    def masked(self) -> str:
        """The number for a screen: its first digit only, and nothing of a malformed one."""
        shown = "" if self.key_status == "malformed" else self.value[:1]
        return shown + "•" * (len(self.value) - len(shown))

    def coherent(self, *, sex: str | None, birth_date: str | None) -> bool:
        """Whether sex, birth year and month agree with the record that carries the number; unknown ones agree."""
        if not self.usable:
            return False
        if sex and self.value[0] != sex:
            return False
        if not birth_date:
            return True
        month = self.value[3:5]
        known_month = self.kind == "definitive"
        return birth_date[2:4] == self.value[1:3] and (not known_month or birth_date[5:7] == month)

    @classmethod
    def parse(cls, text: str) -> Nir | None:
        """Read a number; None when there is none. A malformed one is kept, marked, and never used."""
        cleaned = "".join(text.split()).upper()
        if not cleaned:
            return None
        shape = SHAPE.fullmatch(cleaned) if len(cleaned) in LENGTHS else None
        kind = _kind(cleaned, shape) if shape else None
        if shape is None or kind is None or (shape[4][1].isalpha() and shape[4][0] != "2"):
            return cls(value=cleaned, key_status="malformed", kind="unknown")
        value = cleaned[:13]
        return cls(value=value, key_status=_key_status(value, shape[6]), kind=kind)


def key_of(value: str) -> str:
    """The two-digit key of 13 well-formed characters."""
    place = value[5:7].replace("2A", "19").replace("2B", "18")
    return f"{97 - int(value[:5] + place + value[7:13]) % 97:02d}"


def _key_status(value: str, given: str | None) -> KeyStatus:
    if given is None:
        return "computed"
    return "given_ok" if given == key_of(value) else "given_wrong"


def _kind(cleaned: str, shape: re.Match[str]) -> Kind | None:
    """Nothing for a month that no rule gives a meaning to."""
    month = int(shape[3])
    if cleaned[:13] == SPECIMEN:
        return "fictitious"
    if shape[1] not in "12":
        return "provisional"
    if 1 <= month <= 12:
        return "definitive"
    return "incomplete" if 20 <= month <= 42 or month >= 50 else None
