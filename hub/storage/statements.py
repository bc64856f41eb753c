"""Statements said to the driver itself: prepared once for each connection, sent together where none waits for another's answer.

What one event takes is a few dozen statements of less than a tenth of a millisecond each. There the rounds between two processes, the
planning and the building of each statement cost more than their work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from psycopg.rows import namedtuple_row
from psycopg.types.json import set_json_loads
from psycopg.types.numeric import Int8BinaryDumper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Connection as Driver
    from psycopg import Cursor
    from sqlalchemy import Connection

Asked = tuple[str, "Mapping[str, object]"]
CURSORS = "cursors of hub.statements"
MOST_PREPARED = 300

# A plan made once, by the indexes, whatever the tables held when it was made.
FOR_A_FEW = """
select set_config(name, said, true)
from (values ('plan_cache_mode', 'force_generic_plan'), ('jit', 'off'), ('enable_seqscan', 'off'), ('enable_mergejoin', 'off'))
  setting(name, said)
"""


# As the server is set: what many records ask is planned for them.
FOR_MANY = """
select set_config(name, reset_val, true) from pg_settings
where name in ('plan_cache_mode', 'jit', 'enable_seqscan', 'enable_mergejoin')
"""


def ask(connection: Connection, *asked: Asked) -> list[list[Any]]:
    """The rows of each statement, in the caller's transaction; none for one that returns none. They are all sent before the first is
    answered, and done in their order.
    """
    if not asked:
        return []
    driver: Any = connection.connection.driver_connection
    cursors = _cursors(driver, connection.info, len(asked))
    if len(asked) == 1:
        say(cursors[0], asked[0])
    else:
        with driver.pipeline():
            for cursor, each in zip(cursors, asked, strict=True):
                say(cursor, each)
    return [cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else [] for cursor in cursors]


def say(cursor: Cursor[Any], asked: Asked) -> None:
    """One statement, sent."""
    cursor.execute(*asked, prepare=True)


def _cursors(driver: Driver, kept: dict[Any, Any], wanted: int) -> list[Cursor[Any]]:
    """As many cursors as there are statements; a connection keeps them."""
    driver.prepared_max = MOST_PREPARED
    ready: list[Cursor[Any]] = kept.setdefault(CURSORS, [])
    while len(ready) < wanted:
        cursor = driver.cursor(row_factory=namedtuple_row, binary=True)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)  # one type: one prepared statement, whatever the numbers
        set_json_loads(orjson.loads, cursor)
        ready.append(cursor)
    return ready[:wanted]
