"""Prepared statements said to libpq, with nothing between: for one event the driver's own care of each costs more than most take.

Only what the statements of matching carry: numbers, texts, moments, bytes and lists of them. Rows come back as the driver reads them.
"""

from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg import errors, generators
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg import Cursor

NAMED = re.compile(r"%\((\w+)\)s|%%")
FAILED = {ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE}
BINARY = 1


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


WRITTEN: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL", bool: lambda value: "t" if value else "f", int: str, float: repr, str: _quoted,
    bytes: lambda value: f'"\\\\x{value.hex()}"', UUID: str, date: date.isoformat,
}  # fmt: skip


def list_as_text(values: list[Any]) -> bytes:
    """A list as PostgreSQL reads it; the statement says of what."""
    return ("{" + ",".join([WRITTEN[type(value)](value) for value in values]) + "}").encode()


# The number of the type that each value is sent as (none where the statement says it), and how it is written.
SENT: Mapping[type, tuple[int, Callable[[Any], bytes | None]]] = {
    type(None): (0, lambda _: None), bool: (16, lambda value: b"t" if value else b"f"), int: (20, lambda value: b"%d" % value),
    float: (701, lambda value: repr(value).encode()), str: (0, str.encode), list: (0, list_as_text),
    bytes: (17, lambda value: b"\\x" + value.hex().encode()), datetime: (1184, lambda value: value.isoformat().encode()),
    date: (1082, lambda value: value.isoformat().encode()), UUID: (2950, lambda value: str(value).encode()),
}  # fmt: skip


@dataclass(slots=True)
class Prepared:
    """A statement that a connection knows: its name there, and how its rows are made."""

    name: bytes
    row: Callable[[Any], Any] | None = None


_READ: dict[str, tuple[bytes, list[str]]] = {}
_KNOWN: WeakKeyDictionary[Any, tuple[Any, dict[tuple[str, tuple[int, ...]], Prepared]]] = WeakKeyDictionary()


def directly(driver: Any, cursor: Cursor[Any], query: str, said: Mapping[str, object]) -> list[Any]:
    """The rows of a statement, in a transaction, begun where none was; what comes back is read as ``cursor`` reads.

    The driver must prepare nothing by itself on this connection: it takes all that is prepared away when it takes its own away.
    """
    if driver.pgconn.transaction_status == TransactionStatus.IDLE and not driver.autocommit:
        driver.pgconn.exec_(b"BEGIN")
    text, names = _read(query)
    sent = [SENT[type(said[name])] for name in names]
    values = [write(said[name]) for name, (_, write) in zip(names, sent, strict=True)]
    types = tuple(number for number, _ in sent)
    if driver not in _KNOWN:
        _KNOWN[driver] = (Transformer(cursor), {})
    reader, known = _KNOWN[driver]
    prepared = known.get((query, types))
    if prepared is None:
        prepared = Prepared(name=f"hub_{len(known)}".encode())
        driver.pgconn.send_prepare(prepared.name, text, types)
        _done(driver)
        known[query, types] = prepared
    driver.pgconn.send_query_prepared(prepared.name, values, result_format=BINARY)
    result = _done(driver)
    if not result.nfields:
        return []
    if prepared.row is None:
        prepared.row = _row_of([(result.fname(place) or b"").decode() for place in range(result.nfields)])
    reader.set_pgresult(result)
    rows: list[Any] = reader.load_rows(0, result.ntuples, prepared.row)
    return rows


def _row_of(names: list[str]) -> Callable[[Any], Any]:
    """What makes a row of what was read; its columns are those of the statement."""
    row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc] # noqa: PYI024
    make: Callable[[Any], Any] = row._make
    return make


def _read(query: str) -> tuple[bytes, list[str]]:
    """The statement with its values numbered, and their names in order."""
    if query not in _READ:
        names: list[str] = []

        def number(found: re.Match[str]) -> str:
            if found[1] is None:
                return "%"
            if found[1] not in names:
                names.append(found[1])
            return f"${names.index(found[1]) + 1}"

        _READ[query] = NAMED.sub(number, query).encode(), names
    return _READ[query]


def _done(driver: Any) -> Any:
    result = driver.wait(generators.execute(driver.pgconn))[-1]
    if result.status in FAILED:
        raise errors.error_from_result(result)
    return result
