"""Survivorship: of several partners' words on one person, which one the dossier keeps. Rules are data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "identity.nir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one partner says of one person now."""

    record: int
    partner: str
    flow: str
    as_of: str
    delivery: int
    certified: bool
    content: Mapping[str, Any]


def kind_of(partner: str) -> str:
    """The kind of partner a name stands for."""
    if partner.startswith("departement"):
        return "departement"
    return partner if partner in {"caf", "pole_emploi"} else "second_circle"


@cache
def groups() -> dict[str, tuple[str, ...]]:
    """Each field that belongs to a group, with the whole group; raises ``FixTheDeclaration`` on an unknown field."""
    given = yaml.safe_load(files("hub.dossiers").joinpath("survivorship.yml").read_text(encoding="utf-8"))["groups"]
    found: dict[str, tuple[str, ...]] = {}
    for name, paths in given.items():
        for path in paths:
            if path not in facts() or path in found:
                raise FixTheDeclaration(
                    f"hub/dossiers/survivorship.yml: groups.{name}: {path} is unknown, or in two groups."
                )
            found[path] = tuple(paths)
    return found


def _rank(owner: str, word: Word) -> tuple[bool, bool, list[int], str, int]:
    newest_first = [-int(part) for part in word.as_of.split("-")]
    return kind_of(word.partner) != owner, not word.certified, newest_first, word.flow, word.record


def consolidate(words: Sequence[Word]) -> dict[str, dict[str, Any]]:
    """The dossier of a person: for each field the value kept, who said it, in which flow, and of what day."""
    kept: dict[str, dict[str, Any]] = {}
    heard: dict[str, list[Word]] = {}  # the words, whom a field's owner would rather hear first
    for paths in _units(words):
        owner = facts()[paths[0]].owner.value
        if owner not in heard:
            heard[owner] = sorted(words, key=partial(_rank, owner))
        winner = next(word for word in heard[owner] if not word.content.keys().isdisjoint(paths))
        for path in paths:
            if path in winner.content:
                kept[path] = {
                    "value": winner.content[path],
                    "partner": winner.partner,
                    "flow": winner.flow,
                    "as_of": winner.as_of,
                    "record": winner.record,
                    "delivery": winner.delivery,
                }
    return kept


def _units(words: Iterable[Word]) -> list[tuple[str, ...]]:
    """The fields somebody speaks of: alone, or with the group they belong to."""
    spoken = {path for word in words for path in word.content if path in facts() and path != HIDDEN}
    return sorted({groups().get(path, (path,)) for path in spoken})
