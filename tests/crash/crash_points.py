"""Points where a child can be killed, found by listening: to the database driver, the files, the server, the judge.

Nothing is planted in the product: this module wraps what the product calls, in the child's own process.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRITES = re.compile(
    r"^(?:with\b.*?)?\b(insert into|update|delete from|create temporary table|drop table|analyze|copy)\s+(\w+)",
    re.DOTALL,
)
READS = re.compile(r"\bfrom\s+(\w+)")


@dataclass
class Points:
    """Counts the points as they are passed; at the one that is aimed at, something happens."""

    aim: str | None = None
    do: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)
    phase: str = "start"
    passed: list[str] = field(default_factory=list)
    _times: Counter[str] = field(default_factory=Counter)

    def reach(self, what: str) -> None:
        """We are here: remember it, or die of it."""
        name = f"{self.phase}: {what}"
        self._times[name] += 1
        point = f"{name} #{self._times[name]}"
        self.passed.append(point)
        if point == self.aim:
            self.do()

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        outer, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = outer

    def around(self, owner: object, name: str, label: Callable[..., str]) -> None:
        """Two points around a function: before it, and after it came back."""
        real = getattr(owner, name)

        @functools.wraps(real)
        def wrapped(*args, **kwargs):
            what = label(*args, **kwargs)
            self.reach(f"before {what}")
            found = real(*args, **kwargs)
            self.reach(f"after {what}")
            return found

        setattr(owner, name, wrapped)

    def phased(self, owner: object, name: str, phase: str) -> None:
        """What a function does belongs to a phase."""
        real = getattr(owner, name)

        @functools.wraps(real)
        def wrapped(*args, **kwargs):
            with self.during(phase):
                return real(*args, **kwargs)

        setattr(owner, name, wrapped)


def statement_name(statement: str) -> str:
    """A statement by its verb and its table, as somebody reading a report would call it."""
    bare = statement.strip().lower()
    if bare.startswith("select pg_advisory"):
        return "lock"
    if not bare.startswith("select") and (found := WRITES.match(bare)):
        return f"{found[1]} {found[2]}"
    found = READS.search(bare)
    return f"select from {found[1]}" if found else bare.split("\n")[0][:40]


def install(points: Points) -> None:
    """Listen everywhere a process may die with something half done."""
    _phases(points)
    _transactions(points)
    _copies(points)
    _files(points)
    _partners(points)


def _phases(points: Points) -> None:
    from hub import steps
    from hub.intake import normalise, pipeline

    points.phased(steps, "receive_step", "receive")
    points.phased(pipeline, "fetch", "receive")
    points.phased(steps, "settle_step", "settle")
    points.phased(steps, "reconcile_step", "reconcile")
    points.phased(pipeline, "normalise", "normalise")
    points.phased(normalise, "conclude", "conclude")
    points.phased(pipeline, "apply", "apply")
    points.around(normalise, "_take_chunk", lambda *_, **__: "a chunk")


def _transactions(points: Points) -> None:
    from sqlalchemy import Engine, event
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    from hub.storage import statements

    points.around(statements, "say", lambda _cursor, asked: statement_name(asked[0]))
    points.around(PGDialect_psycopg, "do_begin", lambda *_: "begin")
    points.around(PGDialect_psycopg, "do_commit", lambda *_: "commit")

    @event.listens_for(Engine, "before_cursor_execute")
    def before(_connection, _cursor, statement, *_rest) -> None:
        points.reach(f"before {statement_name(statement)}")


def _copies(points: Points) -> None:
    import psycopg

    copy_of = psycopg.Cursor.copy
    write_row = psycopg.Copy.write_row

    @contextmanager
    def copy(cursor, statement, *args, **kwargs):
        name = statement_name(statement)
        points.reach(f"before {name}")
        with copy_of(cursor, statement, *args, **kwargs) as writing:
            writing.table = name
            yield writing
            points.reach(f"at the end of {name}")

    def row(writing, values) -> None:
        write_row(writing, values)
        if not getattr(writing, "begun", False):
            writing.begun = True
            points.reach(f"inside {writing.table}")

    psycopg.Cursor.copy, psycopg.Copy.write_row = copy, row


def _files(points: Points) -> None:
    from hub.storage import raw
    from hub.storage.vault import Vault

    points.around(os, "fsync", lambda *_: "fsync")
    points.around(os, "replace", lambda *_: "rename")
    points.around(os, "link", lambda *_: "rename")
    points.around(Vault, "seal_stream", lambda *_: "sealing the bytes")
    points.around(raw.RawStore, "put", lambda *_: "storing the delivery")


def _partners(points: Points) -> None:
    import paramiko

    from connectors.sftp import SftpConnector

    points.around(SftpConnector, "arrivals", lambda *_: "looking at the partner's folder")
    points.around(SftpConnector, "fetch", lambda *_: "the transfer")
    points.around(paramiko.SFTPFile, "read", lambda *_: "a block of the transfer")


def wait_for(told: Path, go: Path) -> Callable[[], None]:
    """Stand still at the point: say so, and wait to be told to go on."""

    def stand() -> None:
        told.touch()
        while not go.exists():
            time.sleep(0.01)

    return stand
