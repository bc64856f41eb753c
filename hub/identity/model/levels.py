"""The comparisons: each says at which level two records agree, in Python for one pair and in SQL for millions.

The first level that holds is taken; level 0 is "one of them does not say". Both forms of a level stand side by side, and a test holds
them to the same answer on every pair of a benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz.distance import JaroWinkler, Levenshtein

from hub.identity.french.numbers import State
from hub.identity.model.names_alike import (
    ALIKE,
    CUT_LENGTH,
    HALF_EQUAL,
    PREFIX,
    SWAPPED,
    alike,
    any_name,
    begins,
    both_ways,
    close,
    cut,
    half_equal,
    near,
    nearly_sql,
    swapped,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.identity.french.person import Person

CERTIFIED, VALID = int(State.CERTIFIED), int(State.VALID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level: its name for a reader, whether it holds for two people, and the same in SQL between records a and b."""

    name: str
    holds: Callable[[Person, Person], bool]
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An ordered list of levels for one matter."""

    name: str
    french: str
    levels: tuple[Level, ...]

    def level_of(self, a: Person, b: Person) -> int:
        """The place of the first level that holds."""
        return next(place for place, level in enumerate(self.levels) if level.holds(a, b))

    @property
    def sql(self) -> str:
        """The same as one CASE."""
        whens = " ".join(f"WHEN {level.sql} THEN {place}" for place, level in enumerate(self.levels[:-1]))
        return f"(CASE {whens} ELSE {len(self.levels) - 1} END)::UTINYINT"

    def place(self, *names: str) -> frozenset[int]:
        """The places of some levels, by name."""
        return frozenset(place for place, level in enumerate(self.levels) if level.name in names)


def _level(name: str, holds: Callable[[Person, Person], bool], sql: str) -> Level:
    return Level(name=name, holds=holds, sql=sql)


NIR = Comparison(name="nir", french="numéro de sécurité sociale", levels=(
    _level("absent", lambda a, b: a.nir is None or b.nir is None, "a.nir IS NULL OR b.nir IS NULL"),
    _level("égal, certifié", lambda a, b: a.nir == b.nir and min(a.nir_state, b.nir_state) >= CERTIFIED,
           f"a.nir = b.nir AND least(a.nir_state, b.nir_state) >= {CERTIFIED}"),
    _level("égal, valide", lambda a, b: a.nir == b.nir and min(a.nir_state, b.nir_state) >= VALID,
           f"a.nir = b.nir AND least(a.nir_state, b.nir_state) >= {VALID}"),
    _level("égal, douteux", lambda a, b: a.nir == b.nir, "a.nir = b.nir"),
    _level("différents, certifiés", lambda a, b: min(a.nir_state, b.nir_state) >= CERTIFIED,
           f"least(a.nir_state, b.nir_state) >= {CERTIFIED}"),
    _level("même fin", lambda a, b: len(a.nir or "") == 13 and (a.nir or "")[5:] == (b.nir or "")[5:],
           "len(a.nir) = 13 AND a.nir[6:] = b.nir[6:]"),
    _level("proche", lambda a, b: Levenshtein.distance(a.nir or "", b.nir or "") <= 2, "levenshtein(a.nir, b.nir) <= 2"),
    _level("différents, valides", lambda a, b: min(a.nir_state, b.nir_state) >= VALID, f"least(a.nir_state, b.nir_state) >= {VALID}"),
    _level("différents", lambda _a, _b: True, "true"),
))  # fmt: skip

NAME = Comparison(name="name", french="nom", levels=(
    _level("absent", lambda a, b: a.birth_name is None or b.birth_name is None, "a.birth_name IS NULL OR b.birth_name IS NULL"),
    _level("égal", lambda a, b: a.birth_name == b.birth_name or a.birth_bare == b.birth_bare,
           "a.birth_name = b.birth_name OR a.birth_bare = b.birth_bare"),
    _level("égal, naissance et usage croisés", lambda a, b: any_name(a, b, str.__eq__, "bare"), both_ways("{x}_bare = {y}_bare")),
    _level("inversé avec le prénom", swapped, SWAPPED),
    _level("même son ou coupé", lambda a, b: any_name(a, b, str.__eq__, "heard") or any_name(a, b, cut, "name"),
           f"{both_ways('{x}_heard = {y}_heard')} OR "
           + both_ways(f"(least(len({{x}}_name), len({{y}}_name)) >= {CUT_LENGTH}"
                        " AND (starts_with({x}_name, {y}_name) OR starts_with({y}_name, {x}_name)))")),
    _level("proche", lambda a, b: any_name(a, b, close(0.92), "bare"),
           both_ways("jaro_winkler_similarity({x}_bare, {y}_bare) >= 0.92")),
    _level("un mot commun", lambda a, b: bool(set(a.name_words) & set(b.name_words)), "list_has_any(a.name_words, b.name_words)"),
    _level("un peu proche", lambda a, b: any_name(a, b, close(0.8), "bare"),
           both_ways("jaro_winkler_similarity({x}_bare, {y}_bare) >= 0.8")),
    _level("différent, une femme", lambda a, b: "2" in {a.sex, b.sex}, "coalesce(a.sex = '2', false) OR coalesce(b.sex = '2', false)"),
    _level("différent", lambda _a, _b: True, "true"),
))  # fmt: skip


FIRST_NAME = Comparison(name="first_name", french="prénom", levels=(
    _level("absent", lambda a, b: a.first_name is None or b.first_name is None, "a.first_name IS NULL OR b.first_name IS NULL"),
    _level("égaux, deux ou plus", lambda a, b: a.first_names[:2] == b.first_names[:2] and len(a.first_names) >= 2,
           "a.first_name = b.first_name AND a.first_two = b.first_two AND a.first_two <> a.first_name"),
    _level("égal", lambda a, b: a.first_name == b.first_name and not half_equal(a, b), f"a.first_name = b.first_name AND NOT {HALF_EQUAL}"),
    _level("égal, écrit joint",
           lambda a, b: (a.first_two in {b.first_two, b.first_name} or a.first_name == b.first_two) and not half_equal(a, b),
           f"(a.first_two = b.first_two OR a.first_two = b.first_name OR a.first_name = b.first_two) AND NOT {HALF_EQUAL}"),
    _level("inversé avec le nom", swapped, SWAPPED),
    _level("même son", lambda a, b: a.first_heard == b.first_heard and not half_equal(a, b),
           f"a.first_heard = b.first_heard AND NOT {HALF_EQUAL}"),
    _level("dans la liste de l'autre", lambda a, b: a.first_name in b.first_names or b.first_name in a.first_names,
           "list_contains(b.first_names, a.first_name) OR list_contains(a.first_names, b.first_name)"),
    _level("commence comme l'autre", lambda a, b: begins(a.first_two or "", b.first_two or ""),
           f"least(len(a.first_two), len(b.first_two)) >= {PREFIX}"
           " AND (starts_with(a.first_two, b.first_two) OR starts_with(b.first_two, a.first_two))"),
    _level("très proche", lambda a, b: near(a.first_name, b.first_name), nearly_sql("a.first_name", "b.first_name")),
    _level("un peu proche", lambda a, b: alike(a.first_name, b.first_name) and Levenshtein.distance(a.first_name or "", b.first_name or "") <= 2,
           f"{ALIKE} AND levenshtein(a.first_name, b.first_name) <= 2"),
    _level("ressemblant", lambda a, b: alike(a.first_name, b.first_name), ALIKE),
    _level("un prénom commun", lambda a, b: bool(set(a.first_names) & set(b.first_names)), "list_has_any(a.first_names, b.first_names)"),
    _level("initiale", lambda a, b: min(len(a.first_name or ""), len(b.first_name or "")) == 1
           and (a.first_name or "")[:1] == (b.first_name or "")[:1],
           "least(len(a.first_name), len(b.first_name)) = 1 AND a.first_name[1] = b.first_name[1]"),
    _level("différent", lambda _a, _b: True, "true"),
))  # fmt: skip


def _apart(a: Person, b: Person) -> list[bool]:
    """Which of year, month and day are known on both sides and differ."""
    pairs = ((a.year, b.year), (a.month, b.month), (a.day, b.day))
    return [one is not None and other is not None and one != other for one, other in pairs]


def _year_slips(a: int | None, b: int | None) -> bool:
    """One figure of the year differs, or it is the year next to it, or two figures are swapped."""
    one, other = f"{a or 0:04d}", f"{b or 0:04d}"
    differing = [place for place in range(4) if one[place] != other[place]]
    return len(differing) == 1 or abs((a or 0) - (b or 0)) == 1 or sorted(one) == sorted(other)


def _default(person: Person) -> bool:
    return person.day == 1 and person.month == 1


DIFFER = {part: f"coalesce(a.{part} <> b.{part}, false)" for part in ("year", "month", "day")}
YEAR_SLIPS = (
    "(hamming(a.year::VARCHAR, b.year::VARCHAR) = 1 OR abs(a.year - b.year) = 1"
    " OR list_sort(string_split(a.year::VARCHAR, '')) = list_sort(string_split(b.year::VARCHAR, '')))"
)

BORN = Comparison(name="born", french="date de naissance", levels=(
    _level("absente", lambda a, b: a.year is None or b.year is None, "a.year IS NULL OR b.year IS NULL"),
    _level("égale", lambda a, b: a.born is not None and a.born == b.born and not _default(a),
           "coalesce(a.born = b.born, false) AND NOT (a.day = 1 AND a.month = 1)"),
    _level("égale, un 1er janvier", lambda a, b: a.born is not None and a.born == b.born, "coalesce(a.born = b.born, false)"),
    _level("jour et mois inversés",
           lambda a, b: None not in {a.born, b.born} and (a.year, a.month, a.day) == (b.year, b.day, b.month),
           "coalesce(a.year = b.year AND a.month = b.day AND a.day = b.month, false)"),
    _level("incomplète, le reste égal", lambda a, b: not any(_apart(a, b)), " AND ".join(f"NOT {sql}" for sql in DIFFER.values())),
    _level("même année, un 1er janvier", lambda a, b: a.year == b.year and (_default(a) or _default(b)),
           "a.year = b.year AND (coalesce(a.day = 1 AND a.month = 1, false) OR coalesce(b.day = 1 AND b.month = 1, false))"),
    _level("un élément diffère, année proche", lambda a, b: _apart(a, b) == [True, False, False] and _year_slips(a.year, b.year),
           f"{DIFFER['year']} AND NOT {DIFFER['month']} AND NOT {DIFFER['day']} AND {YEAR_SLIPS}"),
    _level("le jour diffère", lambda a, b: _apart(a, b) == [False, False, True],
           f"NOT {DIFFER['year']} AND NOT {DIFFER['month']} AND {DIFFER['day']}"),
    _level("le mois diffère", lambda a, b: _apart(a, b) == [False, True, False],
           f"NOT {DIFFER['year']} AND {DIFFER['month']} AND NOT {DIFFER['day']}"),
    _level("l'année diffère", lambda a, b: _apart(a, b) == [True, False, False],
           f"{DIFFER['year']} AND NOT {DIFFER['month']} AND NOT {DIFFER['day']}"),
    _level("même année seulement", lambda a, b: a.year == b.year, "a.year = b.year"),
    _level("différente", lambda _a, _b: True, "true"),
))  # fmt: skip

PLACE = Comparison(name="place", french="lieu de naissance", levels=(
    _level("absent", lambda a, b: a.place is None or b.place is None, "a.place IS NULL OR b.place IS NULL"),
    _level("égal", lambda a, b: a.place == b.place and len(a.place or "") == 5, "a.place = b.place AND len(a.place) = 5"),
    _level("même département", lambda a, b: a.departement == b.departement and a.departement != "99",
           "a.departement = b.departement AND a.departement <> '99'"),
    _level("autre pays", lambda a, b: "99" in {a.departement, b.departement}, "a.departement = '99' OR b.departement = '99'"),
    _level("différent", lambda _a, _b: True, "true"),
))  # fmt: skip

SEX = Comparison(name="sex", french="sexe", levels=(
    _level("absent", lambda a, b: a.sex is None or b.sex is None, "a.sex IS NULL OR b.sex IS NULL"),
    _level("égal", lambda a, b: a.sex == b.sex, "a.sex = b.sex"),
    _level("différent", lambda _a, _b: True, "true"),
))  # fmt: skip

ADDRESS = Comparison(name="address", french="adresse", levels=(
    _level("absente", lambda a, b: a.postcode is None or b.postcode is None, "a.postcode IS NULL OR b.postcode IS NULL"),
    _level("même rue et numéro", lambda a, b: a.postcode == b.postcode and a.street == b.street and a.street is not None,
           "a.postcode = b.postcode AND coalesce(a.street = b.street, false)"),
    _level("même code postal", lambda a, b: a.postcode == b.postcode, "a.postcode = b.postcode"),
    _level("même rue, autre code postal", lambda a, b: a.street == b.street and a.street is not None, "coalesce(a.street = b.street, false)"),
    _level("même département", lambda a, b: (a.postcode or "")[:2] == (b.postcode or "")[:2], "a.postcode[1:2] = b.postcode[1:2]"),
    _level("différente", lambda _a, _b: True, "true"),
))  # fmt: skip

PHONE = Comparison(name="phone", french="téléphone", levels=(
    _level("absent", lambda a, b: a.phone is None or b.phone is None, "a.phone IS NULL OR b.phone IS NULL"),
    _level("égal", lambda a, b: a.phone == b.phone, "a.phone = b.phone"),
    _level("à un ou deux chiffres près", lambda a, b: Levenshtein.distance(a.phone or "", b.phone or "") <= 2, "levenshtein(a.phone, b.phone) <= 2"),
    _level("différent", lambda _a, _b: True, "true"),
))  # fmt: skip

EMAIL = Comparison(name="email", french="courriel", levels=(
    _level("absent", lambda a, b: a.email is None or b.email is None, "a.email IS NULL OR b.email IS NULL"),
    _level("égal", lambda a, b: a.email == b.email, "a.email = b.email"),
    _level("même boîte", lambda a, b: a.mailbox == b.mailbox and len(a.mailbox or "") >= 5, "a.mailbox = b.mailbox AND len(a.mailbox) >= 5"),
    _level("proche", lambda a, b: JaroWinkler.similarity(a.email or "", b.email or "") >= 0.92, "jaro_winkler_similarity(a.email, b.email) >= 0.92"),
    _level("différent", lambda _a, _b: True, "true"),
))  # fmt: skip

COMPARISONS = (NIR, NAME, FIRST_NAME, BORN, PLACE, SEX, ADDRESS, PHONE, EMAIL)


def levels_of(a: Person, b: Person) -> tuple[int, ...]:
    """The level of every comparison for one pair."""
    return tuple(comparison.level_of(a, b) for comparison in COMPARISONS)
