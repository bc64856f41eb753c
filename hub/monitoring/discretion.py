"""Discretion: of an error nobody foresaw, what happened and where is said; its message, which may quote a person, is not."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hub.monitoring.outages import in_plain_words
from schemas.errors import HubError, Unforeseen

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = frozenset({"connectors", "dags", "hub", "mappings", "quality", "schemas"})


@contextmanager
def discreet() -> Iterator[None]:
    """Where a command, a task or a request begins: errors leave it without a value of anybody's.

    The hub's own pass, without the error that caused them, and so do outages, in plain words. Any other is ``Unforeseen``.
    """
    try:
        with in_plain_words():
            yield
    except HubError as error:
        if error.__cause__ is not None:
            error.add_note(f"caused by {told(error.__cause__)}")
        _alone(error)
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not leave
        raise _alone(Unforeseen(told(error))) from None


def told(error: BaseException) -> str:
    """The type of an error, what the store names of it, and the way to it through our code."""
    diagnosis = getattr(getattr(error, "orig", error), "diag", None)
    named = ((name, getattr(diagnosis, name, None)) for name in ("sqlstate", "table_name", "constraint_name"))
    names = [type(error).__name__, *(f"{name} {found}" for name, found in named if found)]
    way = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in _frames(error)]
    return f"{', '.join(names)} at {' > '.join(way) or 'an unknown place'}"


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if OURS.intersection(Path(frame.filename).parts)]
    return [*ours, *(frame for frame in frames[-1:] if frame not in ours)]


def _alone(error: HubError) -> HubError:
    error.__cause__ = error.__context__ = None
    error.__suppress_context__ = True
    return error
