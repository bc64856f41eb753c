"""The way to the leaves of a unit: columns as paths, compiled once, walked for each household."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable


STEP = re.compile(r"(?P<tag>[^\[\]/]+)(?:\[(?P<leaf>[^=\]]+)=(?P<value>[^\]]*)\])?(?P<all>\[\])?")
TWICE = "#repeated"


@dataclass
class Branch:
    """One way on from an element: a condition on a leaf, then a column, a repeated group, or deeper."""

    leaf: str | None = None
    value: str | None = None
    column: str | None = None
    group: str | None = None
    below: dict[str, list[Branch]] = field(default_factory=dict)

    def goes(self, element: etree._Element) -> bool:
        return any((found.text or "").strip() == self.value for found in element.iter(self.leaf))


def leaves_of(element: etree._Element) -> dict[str, str]:
    """The text of each child by tag."""
    return {str(child.tag): (child.text or "").strip() for child in element.iterchildren(etree.Element)}


def walk(element: etree._Element, paths: dict[str, list[Branch]], found: dict[str, Any]) -> None:
    """Take every leaf on the paths into ``found``; ``TWICE`` names a column that was given twice with different values."""
    for child in element:
        branches = paths.get(child.tag)
        if branches is None:
            continue
        for branch in branches:
            if branch.leaf is None or branch.goes(child):
                _take(child, branch, found)


def _take(element: etree._Element, branch: Branch, found: dict[str, Any]) -> None:
    if branch.column is not None:
        text = (element.text or "").strip()
        if text and found.setdefault(branch.column, text) != text and _has_twin(element):
            found[TWICE] = branch.column
    elif branch.group is not None:
        found.setdefault(branch.group, []).append(leaves_of(element))
    if branch.below:
        walk(element, branch.below, found)


def _has_twin(element: etree._Element) -> bool:
    """Whether the same leaf stands before it in the same place: one of the two is wrong, and nobody knows which."""
    return next(element.itersiblings(str(element.tag), preceding=True), None) is not None


def compiled(columns: Iterable[str], *, cut: int = 0) -> dict[str, list[Branch]]:
    """Columns as a tree of steps by tag; ``cut`` leaves out so many letters of their beginning."""
    paths: dict[str, list[Branch]] = {}
    for column in columns:
        steps = list(STEP.finditer(column[cut:]))
        here = paths
        for position, step in enumerate(steps):
            branch = _branch(here.setdefault(step["tag"], []), step["leaf"], step["value"])
            if position < len(steps) - 1:
                here = branch.below
            elif step["all"]:
                branch.group = column
            else:
                branch.column = column
    return paths


def _branch(branches: list[Branch], leaf: str | None, value: str | None) -> Branch:
    for branch in branches:
        if (branch.leaf, branch.value) == (leaf, value):
            return branch
    branches.append(Branch(leaf=leaf, value=value))
    return branches[-1]


def known_paths(columns: Iterable[str]) -> dict[str, bool]:
    """Every path on the way to a column; True where all that is below is known too."""
    known: dict[str, bool] = {}
    for column in columns:
        path = ""
        for step in STEP.finditer(column):
            path = f"{path}/{step['tag']}" if path else step["tag"]
            known[path] = known.get(path, False) or bool(step["all"])
            if step["leaf"]:
                known.setdefault(f"{path}/{step['leaf']}", False)
    return known
