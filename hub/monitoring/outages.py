"""Outages: what a database, a disk or a network says when it fails, in words that tell what to do and show nobody's data.

The texts of PostgreSQL carry rows (``DETAIL``, ``CONTEXT``), those of a program may carry anything: none is passed on,
not even as the cause of what is raised.
"""

from __future__ import annotations

import errno
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemas.errors import CallSomeone, HubError, TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Error

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
BROKEN = frozenset({errno.EIO, errno.EROFS})
# Classes of SQLSTATE that pass with time: connection, conflict between transactions, resources, operator at work.
PASSING = ("08", "40", "53", "55", "57", "58")
DISK_FULL = "53100"

NO_ROOM = (
    "The disk is full where the hub keeps deliveries and temporary files (HUB_RAW_DIR, HUB_HOME, TMPDIR). "
    "What was under way is undone and nothing is lost: make room, then run again."
)
NO_ROOM_IN_DATABASE = (
    "The database server has no room left on its disk. What was under way is undone and nothing is lost: make room there, "
    "then run again."
)
UNWRITABLE = "The disk cannot be read or written: stop, and have it looked at before running again."
UNREACHABLE = (
    "The database cannot be reached, or went away. What was under way is undone and nothing is lost: check that PostgreSQL "
    "runs and that HUB_DATABASE_URL is right, then run again."
)
BUSY = "The database could not do it now ({state}). What was under way is undone and nothing is lost: run again."
REFUSED = "The database refused what the hub wrote ({what}): nothing was changed. Report it with these words."
CUT = "A connection was cut ({what}): nothing is lost, run again later."


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Raise an error of the hub's own tree for every failure of a part the hub rests on; also a decorator."""
    outer, threading.excepthook = threading.excepthook, _hear_thread
    try:
        yield
    except Exception as error:
        said = None if isinstance(error, HubError) else _said_of(error)
        if said is None:
            raise
        raise said from None
    finally:
        threading.excepthook = outer


def _hear_thread(failed: threading.ExceptHookArgs) -> None:
    """A connection that is cut is said by whoever reads from it: the thread that was reading ahead need not say it too."""
    if not _is_a_cut(failed.exc_value):
        threading.__excepthook__(failed)


def _said_of(error: Exception) -> HubError | None:
    if isinstance(error, OSError):
        return _said_by_the_system(error)
    if _is_a_cut(error):
        return TryAgainLater(CUT.format(what=type(error).__name__))
    return _said_by_the_database(error)


def _is_a_cut(error: BaseException | None) -> bool:
    return isinstance(error, OSError | EOFError) or type(error).__module__.startswith("paramiko")


def _said_by_the_system(error: OSError) -> HubError | None:
    if error.errno in FULL:
        return TryAgainLater(NO_ROOM)
    if error.errno in BROKEN:
        return CallSomeone(UNWRITABLE)
    if isinstance(error, ConnectionError | TimeoutError) and not isinstance(error, BrokenPipeError):
        return TryAgainLater(CUT.format(what=type(error).__name__))
    return None


def _said_by_the_database(error: Exception) -> HubError | None:
    import psycopg  # noqa: PLC0415 - only once something is wrong
    from sqlalchemy import exc  # noqa: PLC0415

    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.Error):
        return _said_by_postgresql(cause, lost=isinstance(cause, psycopg.OperationalError))
    if isinstance(error, exc.TimeoutError):
        return TryAgainLater(BUSY.format(state="no connection left"))
    if isinstance(error, exc.SQLAlchemyError):
        return CallSomeone(REFUSED.format(what=type(error).__name__))
    return None


def _said_by_postgresql(error: Error, *, lost: bool) -> HubError:
    state = error.sqlstate or ""
    if state == DISK_FULL:
        return TryAgainLater(NO_ROOM_IN_DATABASE)
    if state.startswith(("08", "57P")) or (lost and not state):
        return TryAgainLater(UNREACHABLE)
    if state.startswith(PASSING):
        return TryAgainLater(BUSY.format(state=state))
    named = (error.diag.table_name, error.diag.constraint_name)
    return CallSomeone(REFUSED.format(what=", ".join((type(error).__name__, state, *filter(None, named)))))
