"""CSV and JSON lines for partners: UTF-8, deterministic, and no cell a spreadsheet would run."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import IO, TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(sink: IO[bytes], columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    """Write rows with ``;`` and a header; returns how many.

    A cell that a spreadsheet would run as a formula gets a leading apostrophe. A phone number in international form
    (``+`` and digits) cannot be one and stays as it is.
    """
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(
        text, fieldnames=columns, delimiter=";", lineterminator="\n", restval="", extrasaction="raise"
    )
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({column: harmless(cell) for column, cell in row.items()})
        count += 1
    text.detach()
    return count


def harmless(cell: str) -> str:
    """The cell, unless a spreadsheet would take it for a formula."""
    if not cell.startswith(FORMULA_STARTS):
        return cell
    return cell if cell[0] == "+" and cell.isascii() and cell[1:].isdigit() else f"'{cell}"


def write_json_lines(sink: IO[bytes], objects: Iterable[Mapping[str, Any]]) -> int:
    """Write one object a line, keys in order; returns how many."""
    count = 0
    for each in objects:
        sink.write(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    return count


def sha256_of(content: bytes) -> str:
    """The hash partners compare."""
    return hashlib.sha256(content).hexdigest()
