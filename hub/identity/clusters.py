"""From judged pairs to persons: the surest first, and never two people in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.identity.standardise import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A reason to hold two records for one person. A human decision passes over every rule but another human's."""

    a: int
    b: int
    score: float
    rung: str
    levels: Mapping[str, object]
    human: bool = False


@dataclass
class Clusters:
    """Union-find with constraints: one NIR and one record of each flow a person, and no pair held apart."""

    keys: Mapping[int, Keys]
    apart: frozenset[tuple[int, int]]
    _parent: dict[int, int] = field(default_factory=dict)
    _members: dict[int, set[int]] = field(default_factory=dict)

    def root(self, record: int) -> int:
        self._members.setdefault(self._parent.setdefault(record, record), {record})
        while self._parent[record] != record:
            self._parent[record] = self._parent[self._parent[record]]
            record = self._parent[record]
        return record

    def members(self, record: int) -> set[int]:
        return self._members[self.root(record)]

    def hold_together(self, records: Iterable[int]) -> None:
        """Records already held for one person, and not in question."""
        first, *rest = records
        self.root(first)
        for record in rest:
            self._join(self.root(first), self.root(record))

    def unite(self, edge: Edge) -> bool:
        """Unite two records and all they stand for, unless a constraint refuses; says whether they are one."""
        a, b = self.root(edge.a), self.root(edge.b)
        if a == b:
            return True
        if not self._may_unite(self._members[a], self._members[b], human=edge.human):
            return False
        self._join(a, b)
        return True

    def _join(self, a: int, b: int) -> None:
        if a == b:
            return
        a, b = min(a, b), max(a, b)
        self._parent[b] = a
        self._members[a] |= self._members.pop(b)

    def _may_unite(self, left: set[int], right: set[int], *, human: bool) -> bool:
        if any((min(one, other), max(one, other)) in self.apart for one in left for other in right):
            return False
        if human:
            return True
        numbers = {number for record in (*left, *right) if (number := self.keys[record].nir_hash) is not None}
        return len(numbers) <= 1 and not self._same_flow_twice(left, right)

    def _same_flow_twice(self, left: set[int], right: set[int]) -> bool:
        for one in left:
            for other in right:
                a, b = self.keys[one], self.keys[other]
                if a.flow == b.flow and (a.nir_hash is None or a.nir_hash != b.nir_hash):
                    return True
        return False


def gather(clusters: Clusters, edges: Iterable[Edge]) -> tuple[dict[int, Edge], list[Edge]]:
    """Unite the surest pairs first; returns the edge that brought each record in, and the edges that were refused."""
    brought: dict[int, Edge] = {}
    refused: list[Edge] = []
    for edge in sorted(edges, key=lambda edge: (not edge.human, -edge.score, edge.a, edge.b)):
        if clusters.unite(edge):
            brought.setdefault(edge.a, edge)
            brought.setdefault(edge.b, edge)
        else:
            refused.append(edge)
    return brought, refused
