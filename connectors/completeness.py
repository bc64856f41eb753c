"""When a file may be taken: it is asked for, it is not a temporary name, and it has stopped moving."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.base import Arrival

TEMPORARY_ENDINGS = (".part", ".tmp", ".filepart", ".partial", ".crdownload", ".writing")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder on the partner's side, and what counts there. ``stable_for`` is in seconds."""

    folder: str
    pattern: str = "*"
    stable_for: float = 0.5


def is_wanted(name: str, place: Place) -> bool:
    """Whether a name is one of ours: no path, no hidden or temporary file, and the declared pattern."""
    if "/" in name or "\\" in name or "\0" in name or name.startswith("."):
        return False
    return not name.lower().endswith(TEMPORARY_ENDINGS) and fnmatchcase(name, place.pattern)


def settled(look: Callable[[], Sequence[Arrival]], place: Place, sleep: Callable[[float], None]) -> list[Arrival]:
    """Look twice, ``stable_for`` seconds apart; keep what did not move. An empty file is never complete."""
    first = [arrival for arrival in look() if arrival.size]
    if first and place.stable_for:
        sleep(place.stable_for)
        again = set(look())
        first = [arrival for arrival in first if arrival in again]
    return sorted(first, key=lambda arrival: (arrival.modified_at, arrival.name))
