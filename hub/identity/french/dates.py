"""Birth dates as people type them: every order, unknown days and months, spreadsheet serials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from hub.identity.french.text import letters, repaired

MONTHS = {
    "JAN": 1, "FEV": 2, "FEB": 2, "MARS": 3, "MAR": 3, "AVR": 4, "APR": 4, "MAI": 5, "MAY": 5, "JUIN": 6, "JUN": 6,
    "JUIL": 7, "JUL": 7, "AOU": 8, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
SPREADSHEET_START = date(1899, 12, 30)
SERIALS = range(3_000, 60_000)
CENTURY_TURNS = 20
USUAL = re.compile(r"(\d\d)[/-](\d\d)[/-](\d{4})", re.ASCII)
OLDEST, YOUNGEST = 1890, 2029
EIGHT, SIX, FOUR = 8, 6, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Born:
    """What is known of a birth date. A first of January is kept, and known to stand for an unknown day as often as not."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    @property
    def number(self) -> int | None:
        """The whole date as a number; none when a part is unknown."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return self.year * 10_000 + self.month * 100 + self.day


NEVER = Born()


def birth_date(text: str | None) -> Born:
    """Read a date, day first unless the year comes first. What cannot be a date is unknown, not an error."""
    if not text or not text.strip():
        return NEVER
    usual = USUAL.fullmatch(text)
    if usual:
        return _checked(int(usual[3]), int(usual[2]), int(usual[1]))
    plain = repaired(text).strip().strip("'\"")
    plain = re.split(r"[T ]\d{1,2}:\d\d", plain, maxsplit=1)[0]
    numbers = [int(part) for part in re.findall(r"\d+", _spelt_out(plain))]
    if len(numbers) == 1 or re.fullmatch(r"\d+\.0+", plain):
        return _one_number(re.findall(r"\d+", plain)[0])
    if len(numbers) == 2:
        return _checked(numbers[1], numbers[0], 0) if numbers[1] > 99 else _checked(numbers[0], numbers[1], 0)
    if len(numbers) != 3:
        return NEVER
    first, middle, last = numbers
    return _checked(first, middle, last) if first > 31 else _checked(last, middle, first)


def _spelt_out(text: str) -> str:
    """Months written in letters become numbers."""
    if not re.search("[A-Za-z]{3}", text):
        return text
    return " ".join(_month(word) for word in (letters(text) or "").split())


def _month(word: str) -> str:
    return next((str(number) for name, number in MONTHS.items() if word.startswith(name)), word)


def _one_number(digits: str) -> Born:
    """12031975, 19750312, 120375, 1975, or the days that a spreadsheet counts."""
    if len(digits) == EIGHT:
        year_first = OLDEST <= int(digits[:4]) <= YOUNGEST and int(digits[4:6]) <= 12
        parts = (digits[:4], digits[4:6], digits[6:]) if year_first else (digits[4:], digits[2:4], digits[:2])
        return _checked(*(int(part) for part in parts))
    if len(digits) == SIX:
        return _checked(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    if len(digits) == FOUR and OLDEST <= int(digits) <= YOUNGEST:
        return Born(year=int(digits))
    if int(digits) in SERIALS:
        day = SPREADSHEET_START + timedelta(days=int(digits))
        return Born(year=day.year, month=day.month, day=day.day)
    return NEVER


def _checked(year: int, month: int, day: int) -> Born:
    """Only what can be: a thirteenth month is a day, the 31 of February has no day, two digits get their century."""
    if year < 100:
        year += 2000 if year < CENTURY_TURNS else 1900
    if not OLDEST <= year <= YOUNGEST:
        return NEVER
    if month > 12 and 1 <= day <= 12:
        month, day = day, month
    if not 1 <= month <= 12:
        return Born(year=year)
    try:
        date(year, month, day)
    except ValueError:
        return Born(year=year, month=month)
    return Born(year=year, month=month, day=day)
