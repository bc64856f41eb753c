"""From pairs to persons: the surest first, and never two people in one.

A merge is refused when it would hold two certified numbers, a forbidden pair, or more than two records of one file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

OF_ONE_SOURCE = 2
Pair = tuple[int, int]


@dataclass
class Persons:
    """Union-find over records, with what each person may not hold."""

    source: np.ndarray
    number: np.ndarray
    apart: dict[int, set[int]]
    parent: dict[int, int] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)

    def root(self, record: int) -> int:
        parent = self.parent
        if record not in parent:
            parent[record] = record
            self.members[record] = [record]
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def unite(self, a: int, b: int) -> bool:
        """Make one person of two, unless something forbids it."""
        one, other = self.root(a), self.root(b)
        if one == other:
            return True
        if not self._may_unite(self.members[one], self.members[other]):
            return False
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        self.parent[other] = one
        self.members[one] += self.members.pop(other)
        return True

    def _may_unite(self, left: list[int], right: list[int]) -> bool:
        everybody = left + right
        numbers = {int(self.number[record]) for record in everybody} - {0}
        if len(numbers) > 1 or max(Counter(int(self.source[record]) for record in everybody).values()) > OF_ONE_SOURCE:
            return False
        return not any(other in self.apart.get(record, ()) for record in left for other in right)


def gather(
    pairs: tuple[np.ndarray, np.ndarray],
    chances: np.ndarray,
    *,
    source: np.ndarray,
    number: np.ndarray,
    apart: Iterable[Pair],
) -> list[list[int]]:
    """The persons that some pairs make, each with two records or more. ``source`` and ``number`` are indexed by record.

    Two records that only know each other need no rule but those that the pair already passed: most persons are of that kind.
    """
    a, b = pairs
    degree = np.bincount(np.concatenate([a, b]), minlength=len(source))
    alone = (degree[a] == 1) & (degree[b] == 1)
    persons: list[list[int]] = np.column_stack([a[alone], b[alone]]).tolist()
    rest = np.flatnonzero(~alone)
    held: dict[int, set[int]] = {}
    concerned = degree > 0
    for one, other in apart:
        if concerned[one] and concerned[other]:
            held.setdefault(one, set()).add(other)
            held.setdefault(other, set()).add(one)
    found = Persons(source=source, number=number, apart=held)
    for at in rest[np.lexsort((b[rest], a[rest], -chances[rest]))]:
        found.unite(int(a[at]), int(b[at]))
    return persons + [sorted(members) for members in found.members.values() if len(members) > 1]
