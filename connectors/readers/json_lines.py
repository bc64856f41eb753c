"""JSON lines: one object a line, columns by dotted path (``a.b``, ``a[0].b``, ``a[]`` for the whole list)."""

from __future__ import annotations

import codecs
import json
import re
from typing import IO, TYPE_CHECKING, Any

import orjson

from connectors.base import Chunk, Reading, Rejected, Wanted
from connectors.readers.frames import LONGEST_NAME, REPEATED, count_unknown, make_chunk
from connectors.readers.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_JSON = "Cette ligne n'est pas un objet JSON : elle n'a pas été lue."
LOOKED_AT_FIRST = 200
MOST_ENTRIES = 200
STEP = re.compile(r"([^.\[\]]+)(?:\[(\d*)\])?")


class JsonLinesReader:
    """Reads one record a line; the text ``null`` is an absent value, and so is an empty one."""

    def __init__(self, stream: IO[bytes], wanted: Wanted) -> None:
        self.reading = Reading()
        self._stream = stream
        self._wanted = wanted
        self._paths = {column: STEP.findall(column) for column in wanted.columns}
        self._known = {re.sub(r"\[\d*\]", "", column) for column in (*wanted.columns, *wanted.ignored)}

    def chunks(self) -> Iterator[Chunk]:
        taken: list[tuple[int, int, dict[str, Any]]] = []
        rejected: list[Rejected] = []
        for place, line in enumerate(lines_of(self._stream, keep_cr=True)):
            if not line.strip():
                continue
            self._take(line.removeprefix(codecs.BOM_UTF8) if place == 0 else line, taken, rejected)
            if len(taken) + len(rejected) >= self._wanted.chunk:
                yield make_chunk(taken, self._wanted.columns, rejected)
                taken, rejected = [], []
        if taken or rejected:
            yield make_chunk(taken, self._wanted.columns, rejected)

    def _take(self, line: bytes, taken: list[Any], rejected: list[Rejected]) -> None:
        reading = self.reading
        reading.records = reading.units = reading.records + 1
        number = reading.records
        try:
            given = orjson.loads(line)
        except orjson.JSONDecodeError:
            given = None
        if not isinstance(given, dict):
            rejected.append(Rejected(record=number, unit=number, field="ligne", rule="json", hint=NOT_JSON, raw=line))
            return
        if twice := repeated_key(line):
            field = "".join(letter for letter in twice[:LONGEST_NAME] if letter.isprintable())
            rejected.append(
                Rejected(record=number, unit=number, field=field, rule="cle_json_repetee", hint=REPEATED, raw=line)
            )
            return
        if number <= LOOKED_AT_FIRST:
            self._look_for_unknown(given, "")
        found = ((column, _find(given, path)) for column, path in self._paths.items())
        taken.append((number, number, {column: value for column, value in found if value is not None}))

    def _look_for_unknown(self, given: dict[str, Any], path: str) -> None:
        for key, value in given.items():
            here = f"{path}.{key}" if path else key
            if here in self._known:
                continue
            below = value[0] if isinstance(value, list) and value else value
            if isinstance(below, dict) and any(known.startswith(f"{here}.") for known in self._known):
                self._look_for_unknown(below, here)
            elif value not in (None, "", "null", [], {}):
                count_unknown(self.reading.unknown_columns, here)


def _find(given: Any, path: list[tuple[str, str]]) -> Any:
    for key, index in path:
        if not isinstance(given, dict):
            return None
        given = given.get(key)
        if index and isinstance(given, list):
            given = given[int(index)] if int(index) < len(given) else None
    return _clean(given)


def _clean(value: Any) -> Any:
    """Text, or a list or an object of texts: what is nested deeper is nothing this format knows."""
    if isinstance(value, list):
        return [_shallow(each) for each in value[:MOST_ENTRIES]] or None
    if isinstance(value, dict):
        return _shallow(value) or None
    return _text(value)


def _shallow(value: Any) -> Any:
    if not isinstance(value, dict):
        return _text(value)
    return {key: text for key, each in value.items() if (text := _text(each)) is not None}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return None if text in ("", "null") else text


class _Twice(Exception):
    """A key stands twice in one object."""


def repeated_key(line: bytes) -> str | None:
    """The first key given twice with different values in one object of a line that is JSON; the last would win in silence."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        held: dict[str, Any] = {}
        for key, value in pairs:
            if held.setdefault(key, value) != value:
                raise _Twice(key)
        return held

    try:
        json.loads(line, object_pairs_hook=once)
    except _Twice as found:
        return str(found.args[0])
    return None
