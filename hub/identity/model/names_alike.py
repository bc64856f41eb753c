"""When two names are alike: written apart, cut, swapped, half of one another; in Python for one pair and in SQL for millions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz.distance import JaroWinkler, Levenshtein

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hub.identity.french.person import Person

CUT_LENGTH = 12
PREFIX = 4
NEARLY, NEARLY_TOO = 0.9, 0.85


def both_ways(sql: str) -> str:
    """A condition on x and y, for every pair of a's names and b's names."""
    pairs = [(f"a.{x}", f"b.{y}") for x in ("birth", "usage") for y in ("birth", "usage")]
    joined = " OR ".join(sql.replace("{x}", x).replace("{y}", y) for x, y in pairs)
    return f"coalesce({joined}, false)"


def any_name(a: Person, b: Person, agree: Callable[[str, str], bool], part: str) -> bool:
    """Whether any name of one agrees with any of the other, birth and usage alike."""
    return any(agree(one, other) for one in _names(a, part) for other in _names(b, part))


def _names(person: Person, part: str) -> Iterable[str]:
    both = (getattr(person, f"birth_{part}"), getattr(person, f"usage_{part}"))
    return [name for name in both if name is not None]


def close(at_least: float) -> Callable[[str, str], bool]:
    """Names at least as similar as that, by Jaro and Winkler."""
    return lambda one, other: JaroWinkler.similarity(one, other) >= at_least


def cut(one: str, other: str) -> bool:
    """Whether one long name is the other, cut."""
    return min(len(one), len(other)) >= CUT_LENGTH and (one.startswith(other) or other.startswith(one))


def swapped(a: Person, b: Person) -> bool:
    """The first name of each is a family name of the other, or nearly: one of them may be written worse than the other."""
    if a.first_name is None or b.first_name is None:
        return False
    if _is_named(a, b) and _is_named(b, a):
        return True
    return any(
        _nearly_named(a, b, least) and _nearly_named(b, a, NEARLY + NEARLY_TOO - least)
        for least in (NEARLY, NEARLY_TOO)
    )


def _is_named(one: Person, other: Person) -> bool:
    return not {one.first_name, one.first_two}.isdisjoint(_names(other, "name"))


def _nearly_named(one: Person, other: Person, at_least: float) -> bool:
    near = close(at_least)
    return any(near(one.first_name or "", name) for name in _names(other, "name"))


def _is_named_sql(one: str, other: str) -> str:
    either = " OR ".join(
        f"coalesce({one}.{first} = {other}.{name}, false)"
        for first in ("first_name", "first_two")
        for name in ("birth_name", "usage_name")
    )
    return f"({either})"


def _nearly_named_sql(one: str, other: str, at_least: float) -> str:
    either = " OR ".join(
        f"coalesce(jaro_winkler_similarity({one}.first_name, {other}.{name}) >= {at_least}, false)"
        for name in ("birth_name", "usage_name")
    )
    return f"({either})"


SWAPPED = (
    f"coalesce({_is_named_sql('a', 'b')} AND {_is_named_sql('b', 'a')}"
    f" OR {_nearly_named_sql('a', 'b', NEARLY_TOO)} AND {_nearly_named_sql('b', 'a', NEARLY_TOO)}"
    f" AND ({_nearly_named_sql('a', 'b', NEARLY)} OR {_nearly_named_sql('b', 'a', NEARLY)}), false)"
)


def near(one: str | None, other: str | None) -> bool:
    """Whether two first names are one, written badly."""
    one, other = one or "", other or ""
    if JaroWinkler.similarity(one, other) >= 0.9:
        return True
    distance = Levenshtein.distance(one, other)
    return distance <= 1 or (distance == 2 and sorted(one) == sorted(other))  # two letters that changed places


ALIKE = "jaro_winkler_similarity(a.first_name, b.first_name) >= 0.8"


def alike(one: str | None, other: str | None) -> bool:
    """Whether two first names resemble each other."""
    return JaroWinkler.similarity(one or "", other or "") >= 0.8


def begins(one: str, other: str) -> bool:
    """Whether one first name begins with the other."""
    return min(len(one), len(other)) >= PREFIX and (one.startswith(other) or other.startswith(one))


def nearly_sql(one: str, other: str) -> str:
    """``near`` of two columns."""
    return (
        f"(jaro_winkler_similarity({one}, {other}) >= 0.9 OR levenshtein({one}, {other}) <= 1 OR (len({one}) = len({other})"
        f" AND levenshtein({one}, {other}) = 2 AND list_sort(string_split({one}, '')) = list_sort(string_split({other}, ''))))"
    )


def _half_unsaid(one: Person, other: Person) -> bool:
    """What one joins to its first name is no other name of the other, written badly or cut included."""
    half = one.second_half
    return half is not None and not any(
        word.startswith(half) or half.startswith(word) or near(half, word) for word in other.first_names[1:]
    )


def half_equal(a: Person, b: Person) -> bool:
    """Marie and Marie-Claude, Jean-Luc and Jean-Marc: twins are called so, and one person hardly ever is."""
    return a.first_name == b.first_name and (_half_unsaid(a, b) or _half_unsaid(b, a))


def _half_unsaid_sql(one: str, other: str) -> str:
    half = f"{one}.second_half"
    alike = f"starts_with(w, {half}) OR starts_with({half}, w) OR {nearly_sql(half, 'w')}"
    return f"({half} IS NOT NULL AND NOT coalesce(list_bool_or(list_transform({other}.first_names[2:], lambda w: {alike})), false))"


HALF_EQUAL = (
    f"coalesce(a.first_name = b.first_name AND ({_half_unsaid_sql('a', 'b')} OR {_half_unsaid_sql('b', 'a')}), false)"
)
