"""Invented people who cannot be missed: every word, date and number of theirs is told from everything else."""

from __future__ import annotations

import re
from dataclasses import replace

from hub.sandbox.population import nir_with_key
from hub.sandbox.sandbox import Sandbox
from schemas.codes import code_lists

POSTCODE, CAF_NUMBER, LOCAL_ID = "08997", "7654321", "7654321Z"
WORDS = "zorglub"
NIR = r"[12] ?17 ?0\d ?08 ?105 ?9\d\d"
NUMBERED = 7_654_000


def marked(adult, place, seen):
    """An invented adult with unmistakable values; what was equal to somebody else's stays equal."""

    def name(text):
        return f"Zorglub{letters(seen.setdefault(text.upper(), len(seen)))}"

    born = adult.birth_date.replace(year=1917, month=1 + adult.birth_date.month % 9, day=min(adult.birth_date.day, 28))
    return replace(
        adult,
        number=NUMBERED + place,
        household=NUMBERED + adult.household,
        birth_name=name(adult.birth_name).upper(),
        usage_name=name(adult.usage_name).upper(),
        first_names=tuple(name(each) for each in adult.first_names),
        birth_date=born,
        birth_place=("Zorglubville", "08105"),
        nir=f"{adult.sex}17{born:%m}08105{900 + place}",
        address=(adult.address[0], "rue", name(adult.address[2])),
        commune=("Zorglub-sur-Aisne", adult.commune[1], POSTCODE),
        phone=f"+33699887{place:03d}",
        email=f"zorglub.{place}@exemple.fr",
        structure="Zorglub Insertion",
        referent=("Zorglubet", "Zorglubine"),
    )


def letters(number):
    """A number in letters, so that a name stays one."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


class MarkedSandbox(Sandbox):
    """The partners, with marked people."""

    def __init__(self, *given, **known):
        super().__init__(*given, **known)
        seen = {}
        self.population.adults = [marked(adult, place, seen) for place, adult in enumerate(self.population.adults)]

    @property
    def marks(self):
        return Marks(self.population.adults)


class Marks:
    """What to look for: words, dates, and the numbers of everybody."""

    def __init__(self, adults):
        numbers = {POSTCODE, CAF_NUMBER, LOCAL_ID}
        for adult in adults:
            numbers |= {adult.claim_number, adult.caf_number, adult.ft_number, adult.ft_local_id, adult.departement_id}
            numbers.add(adult.extract_id)
        exact = "|".join(sorted(map(re.escape, numbers)))
        dates = r"1917-0\d-\d\d|\d\d[/.-]0\d[/.-]1917|19170\d\d\d"
        self._marks = re.compile(
            rf"{WORDS}|{NIR}|699 ?887 ?\d{{3}}|47654321\d{{3}}|{dates}|(?<![0-9a-z.])(?:{exact})(?![0-9a-z])",
            re.IGNORECASE,
        )

    def found(self, text):
        """The marks in a text, with a few letters around each."""
        return [text[max(0, hit.start() - 40) : hit.end() + 20] for hit in self._marks.finditer(text)]


# --- one record of a flow with every column its layout has ---------------------------------------------------------

SHAPED = {
    "day": lambda n: f"{1 + n % 27:02d}/03/1917",
    "moment": lambda n: f"{1 + n % 27:02d}/03/1917",
    "nir": lambda n: nir_with_key(f"1170308105{900 + n}"),
    "nir_key_status": lambda n: nir_with_key(f"1170308105{900 + n}"),
    "nir_kind": lambda n: nir_with_key(f"1170308105{900 + n}"),
    "phones": lambda n: f"0699887{n:03d}",
    "email": lambda n: f"zorglub.{n}@exemple.fr",
    "postcode": lambda n: POSTCODE,
    "after_postcode": lambda n: f"{POSTCODE} ZORGLUBVILLE",
    "caf_number": lambda n: CAF_NUMBER,
    "france_travail_number": lambda n: f"47654321{n:03d}",
    "france_travail_local_id": lambda n: LOCAL_ID,
    "birth_date_precision": lambda n: "N",
    "boolean": lambda n: "1",
    "integer": lambda n: "1",
}
SENTENCE = "Zorglub, né le 23/03/1917, 0699887123, NIR 1 17 03 08 105 999"


def row_of(mapping, number, *, typed=False):
    """A value for every column that is mapped or ignored; ``typed``: a sentence wherever a code, a flag or a text is due."""
    row = {}
    for path, rule in mapping.fields.items():
        for column in rule.sources:
            free = rule.codes or rule.convert in {"boolean", "integer"}
            if typed and (free or rule.convert in {"text", "joined"}) and path not in mapping.key:
                row.setdefault(column, f"{SENTENCE} {letters(number)}")
            elif rule.codes and column not in row:
                row[column] = next(iter(code_lists()[rule.codes].codes if path in mapping.key else rule.table), "")
            elif rule.convert in SHAPED:
                row[column] = SHAPED[rule.convert](number)
            else:
                row.setdefault(column, f"Zorglub{letters(number)}")
    return row | {column: f"{SENTENCE} {letters(number)}" for column in mapping.ignored_columns if column not in row}
