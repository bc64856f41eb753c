"""Statements said to the driver itself: prepared once for each connection, sent together where none waits for another's answer.

What one event takes is a few dozen statements of less than a tenth of a millisecond each. There the rounds between two processes, the
planning and the building of each statement cost more than their work.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from psycopg.adapt import Dumper
from psycopg.rows import namedtuple_row
from psycopg.types.json import set_json_loads
from psycopg.types.numeric import Int8BinaryDumper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg import Connection as Driver
    from psycopg import Cursor
    from sqlalchemy import Connection

Asked = tuple[str, "Mapping[str, object]"]
CURSORS = "cursors of hub.statements"
MOST_PREPARED = 300

# A plan made once, by the indexes, whatever the tables held when it was made.
PLANNED_FOR_A_FEW = """
  set_config('plan_cache_mode', 'force_generic_plan', true) as plans, set_config('jit', 'off', true) as jit,
  set_config('enable_seqscan', 'off', true) as tables, set_config('enable_mergejoin', 'off', true) as merges
"""
FOR_A_FEW = f"select {PLANNED_FOR_A_FEW}"


# As the server is set: what many records ask is planned for them.
FOR_MANY = """
select set_config(name, reset_val, true) from pg_settings
where name in ('plan_cache_mode', 'jit', 'enable_seqscan', 'enable_mergejoin')
"""


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


WRITTEN: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL", bool: lambda value: "t" if value else "f", int: str, float: repr, str: _quoted,
    bytes: lambda value: f'"\\\\x{value.hex()}"', UUID: str, date: date.isoformat,
}  # fmt: skip


class ListDumper(Dumper):
    """A list as one text, of which the statement says the type: the driver's own looks at each element, and sends an empty one otherwise."""

    def dump(self, obj: list[Any]) -> bytes:
        return ("{" + ",".join([WRITTEN[type(value)](value) for value in obj]) + "}").encode()


def ask(connection: Connection, *asked: Asked) -> list[list[Any]]:
    """The rows of each statement, in the caller's transaction; none for one that returns none. They are done in their order; where the
    server is elsewhere, all are sent before the first is answered.
    """
    if not asked:
        return []
    driver: Any = connection.connection.driver_connection
    cursors = _cursors(driver, connection.info, len(asked))
    with nullcontext() if len(asked) == 1 or is_beside(driver) else driver.pipeline():
        for cursor, each in zip(cursors, asked, strict=True):
            say(cursor, each)
    return [cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else [] for cursor in cursors]


def is_beside(driver: Driver) -> bool:
    """Whether the server is on this machine, by a socket: there a round costs less than what sending together does."""
    return driver.pgconn.host.startswith(b"/")


def say(cursor: Cursor[Any], asked: Asked) -> None:
    """One statement, sent."""
    cursor.execute(*asked, prepare=True)


def _cursors(driver: Driver, kept: dict[Any, Any], wanted: int) -> list[Cursor[Any]]:
    """As many cursors as there are statements; a connection keeps them."""
    driver.prepared_max = MOST_PREPARED
    ready: list[Cursor[Any]] = kept.setdefault(CURSORS, [])
    while len(ready) < wanted:
        cursor = driver.cursor(row_factory=namedtuple_row, binary=True)
        cursor.adapters.register_dumper(list, ListDumper)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)  # one type: one prepared statement, whatever the numbers
        set_json_loads(orjson.loads, cursor)
        ready.append(cursor)
    return ready[:wanted]
