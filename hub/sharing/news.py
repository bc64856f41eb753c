"""What is news to a partner about one person: decided on plain values, with nothing read and nothing written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from hub.dossiers.survivorship import groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.sharing.agreements import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What decides: the dossier, what the partner itself says now, and what it was last told."""

    dossier: Mapping[str, Mapping[str, Any]]
    own: Sequence[Mapping[str, Any]]
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestWord:
    """When the newest word about somebody reached us, and the latest delivery any of their records comes from."""

    at: datetime
    delivery: int


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where news come from: the newest word about each person, and whether it was in a ``flood``; or what was done (``act``)."""

    words: Mapping[UUID, NewestWord] = field(default_factory=dict)
    flood: bool = False
    act: UUID | None = None


UNKNOWN = Origin()


def news(agreement: Agreement, known: Known, *, whole: bool = False, recall: bool = False) -> dict[str, Any]:
    """The fields to tell the partner, by path; empty when it knows them all. ``whole`` tells known ones again, ``recall``
    takes back every value told that nobody says any more.

    A group of fields goes whole when any of it is news. None says that a value told before holds no more.
    """
    allowed = _allowed(agreement, known, recall=recall)
    said = {(path, _frozen(value)) for own in known.own for path, value in own.items()}
    fresh = [
        path for path, value in allowed.items() if (path, _frozen(value)) not in said or _corrects(known, path, value)
    ]
    may_know = {path: allowed[path] for path in _with_groups(fresh) if path in allowed}
    changed = [path for path, value in may_know.items() if whole or path not in known.told or known.told[path] != value]
    return {path: may_know[path] for path in sorted(set(_with_groups(changed)) & may_know.keys())}


def not_yet_told(told: Mapping[str, Any], waiting: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the partner really knows: the payloads of messages that never left, newest first, are taken back."""
    really = dict(told)
    for payload in waiting:
        for path in payload["fields"]:
            really.pop(path, None)
        really.update(payload.get("before", {}))
    return really


def _allowed(agreement: Agreement, known: Known, *, recall: bool) -> dict[str, Any]:
    """What the agreement names and another partner says, and what was told and is no more."""
    given = {
        path: known.dossier[path]["value"]
        for path in agreement.all_fields
        if path in known.dossier and known.dossier[path]["partner"] != agreement.partner
    }
    spoken_of = set(_with_groups(given))
    gone = [
        path
        for path in agreement.all_fields
        if (path in spoken_of or recall) and path not in known.dossier and known.told.get(path) is not None
    ]
    return given | dict.fromkeys(gone)


def _corrects(known: Known, path: str, value: Any) -> bool:
    return path in known.told and known.told[path] != value


def _with_groups(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield from groups().get(path, (path,))


def _frozen(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
