"""From judged pairs to persons: the surest first, and never two people in one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.identity.match.persons import OF_ONE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.identity.comparable import Known

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A reason to hold two records for one person. A human decision passes over every rule but another human's."""

    a: int
    b: int
    chance: float
    evidence: Mapping[str, Any]
    human: bool = False


@dataclass
class Clusters:
    """Union-find with constraints: one certified number a person, two records of a flow at most, and no pair held apart."""

    people: Mapping[int, Known]
    never: frozenset[Pair] = frozenset()
    apart: frozenset[Pair] = frozenset()
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

    def unite(self, edge: Edge) -> bool:
        """Unite two records and all they stand for, unless a constraint refuses; says whether they are one."""
        a, b = self.root(edge.a), self.root(edge.b)
        if a == b:
            return True
        if not self._may_unite(self._members[a], self._members[b], human=edge.human):
            return False
        a, b = min(a, b), max(a, b)
        self._parent[b] = a
        self._members[a] |= self._members.pop(b)
        return True

    def _may_unite(self, left: set[int], right: set[int], *, human: bool) -> bool:
        """``apart`` is what people decided: nothing passes over it. ``never`` is the model's, and the rest its rules."""
        between = {(min(one, other), max(one, other)) for one in left for other in right}
        if between & self.apart:
            return False
        if human:
            return True
        everybody = left | right
        numbers = {number for record in everybody if (number := self.people[record].certified) is not None}
        flows = Counter(self.people[record].flow for record in everybody)
        return len(numbers) <= 1 and max(flows.values()) <= OF_ONE_SOURCE and not between & self.never


def gather(clusters: Clusters, edges: Iterable[Edge]) -> tuple[dict[int, Edge], list[Edge]]:
    """Unite the surest pairs first, those equally sure in the order of their labels, which no order of arrival changes.

    Returns the edge that brought each record in, and the edges that were refused.
    """
    brought: dict[int, Edge] = {}
    refused: list[Edge] = []
    for edge in sorted(edges, key=lambda edge: (not edge.human, -edge.chance, *_labels(clusters, edge))):
        if clusters.unite(edge):
            brought.setdefault(edge.a, edge)
            brought.setdefault(edge.b, edge)
        else:
            refused.append(edge)
    return brought, refused


def _labels(clusters: Clusters, edge: Edge) -> tuple[str, ...]:
    return tuple(sorted((clusters.people[edge.a].label, clusters.people[edge.b].label)))
