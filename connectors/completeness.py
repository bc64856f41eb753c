"""When a file may be taken: it is asked for, its upload is over by the flow's own sign, and it has stopped moving."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from connectors.base import Arrival

TEMPORARY_ENDINGS = (".part", ".tmp", ".filepart", ".partial", ".crdownload", ".writing")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder on the partner's side, and what counts there. ``stable_for`` is in seconds.

    ``marker`` and ``manifest`` are the endings of the companions a file must have before it is taken.
    """

    folder: str
    pattern: str = "*"
    stable_for: float = 0.5
    marker: str | None = None
    manifest: str | None = None


def is_wanted(name: str, place: Place) -> bool:
    """Whether a name is one of ours: no path, no hidden or temporary file, no companion, and the declared pattern."""
    if "/" in name or "\\" in name or not name.isprintable() or name.startswith("."):
        return False
    if name.lower().endswith(TEMPORARY_ENDINGS):
        return False
    companions = tuple(ending for ending in (place.marker, place.manifest) if ending)
    return not name.endswith(companions) and fnmatchcase(name, place.pattern)


def settled(look: Callable[[], Sequence[Arrival]], place: Place, sleep: Callable[[float], None]) -> list[Arrival]:
    """Look twice, ``stable_for`` seconds apart; keep what did not move. An empty file is never complete."""
    first = list(_finished(look(), place))
    if first and place.stable_for:
        sleep(place.stable_for)
        again = set(_finished(look(), place))
        first = [arrival for arrival in first if arrival in again]
    return sorted(first, key=lambda arrival: (arrival.modified_at, arrival.name))


def _finished(listed: Sequence[Arrival], place: Place) -> Iterable[Arrival]:
    """The wanted files whose companions are there; each takes its manifest along."""
    named = {arrival.name: arrival for arrival in listed}
    for arrival in listed:
        if not arrival.size or not is_wanted(arrival.name, place):
            continue
        if place.marker and f"{arrival.name}{place.marker}" not in named:
            continue
        if place.manifest is None:
            yield arrival
        elif (manifest := named.get(f"{arrival.name}{place.manifest}")) and manifest.size:
            yield replace(arrival, manifest=manifest)
