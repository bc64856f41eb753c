"""How much it tells that two records share a value: little for Martin, much for a name that few carry. In bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.identity.french.person import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequencies:
    """The bits of each value of a population, frozen. A value never seen is as rare as can be, or as ``typical`` says."""

    records: int
    bits: Mapping[str, Mapping[object, float]] = field(repr=False)
    typical: Mapping[str, float] = field(default_factory=dict)

    def of(self, kind: str, value: object) -> float | None:
        """Nothing for no value."""
        return None if value is None else self.bits[kind].get(value, self.typical.get(kind, self.rarest))

    @property
    def rarest(self) -> float:
        return max(self.records, 1).bit_length() - 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A value whose frequency counts: its column, and its bits for a pair, in Python and in SQL."""

    name: str
    column: str
    pair_bits: Callable[[Person, Person, Frequencies], float | None]
    pair_sql: str


def _name_bits(a: Person, b: Person, known: Frequencies) -> float | None:
    """Of the name that both carry, as birth or as usage name; the commonest when there are two."""
    shared = {a.birth_bare, a.usage_bare} & {b.birth_bare, b.usage_bare} - {None}
    return min((known.of("name", name) or 0.0 for name in shared), default=None)


def _shared(kind: str, column: str) -> Callable[[Person, Person, Frequencies], float | None]:
    def bits(a: Person, b: Person, known: Frequencies) -> float | None:
        value = getattr(a, column)
        return known.of(kind, value) if value == getattr(b, column) else None

    return bits


def _oddest(kind: str, column: str) -> Callable[[Person, Person, Frequencies], float | None]:
    """Of two values that differ, the bits of the rarer: a slip of the fingers is borne by nobody, a twin's name by many."""

    def bits(a: Person, b: Person, known: Frequencies) -> float | None:
        one, other = getattr(a, column), getattr(b, column)
        if one is None or other is None or one == other:
            return None
        return max(known.of(kind, one) or 0.0, known.of(kind, other) or 0.0)

    return bits


def _oddest_sql(column: str, bits: str) -> str:
    return f"CASE WHEN a.{column} <> b.{column} THEN greatest(a.{bits}, b.{bits}) END"


FREQUENCIES = (
    Kind(
        name="name",
        column="birth_bare",
        pair_bits=_name_bits,
        pair_sql=(
            "least(CASE WHEN a.birth_bare = b.birth_bare OR a.birth_bare = b.usage_bare THEN a.birth_bits END,"
            " CASE WHEN a.usage_bare = b.birth_bare OR a.usage_bare = b.usage_bare THEN a.usage_bits END)"
        ),
    ),
    Kind(
        name="first",
        column="first_name",
        pair_bits=_shared("first", "first_name"),
        pair_sql="CASE WHEN a.first_name = b.first_name THEN a.first_bits END",
    ),
    Kind(
        name="born",
        column="born",
        pair_bits=_shared("born", "born"),
        pair_sql="CASE WHEN a.born = b.born THEN a.born_bits END",
    ),
    Kind(
        name="place",
        column="place",
        pair_bits=_shared("place", "place"),
        pair_sql="CASE WHEN a.place = b.place THEN a.place_bits END",
    ),
)
ODD = (
    Kind(name="odd_name", column="birth_bare", pair_bits=_oddest("name", "birth_bare"), pair_sql=_oddest_sql("birth_bare", "birth_bits")),
    Kind(name="odd_first", column="first_name", pair_bits=_oddest("first", "first_name"), pair_sql=_oddest_sql("first_name", "first_bits")),
)  # fmt: skip
