"""Masking: the bytes of a delivery again, with every letter and digit of some records crossed out, record by record."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from lxml import etree

from connectors.formats import CsvFormat, JsonLinesFormat, XmlFormat
from connectors.readers.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from connectors.formats import Format

CROSSED_OUT = bytes(0x58 if chr(code).isalnum() or code >= 0x80 else code for code in range(256))
LEAF_TEXT = re.compile(rb">[^<]+<")
CONDITION = re.compile(r"\[(\w+)=(\w+)\]")
BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Gone:
    """What goes: the numbers of the records, and, of each unit they stand in, their places in it; None for the whole unit."""

    records: frozenset[int]
    units: Mapping[int, frozenset[int] | None]


def masked(source: IO[bytes], layout: Format, gone: Gone) -> Iterator[bytes]:
    """The delivery, piece by piece; the records that stay keep their bytes and their numbers."""
    match layout:
        case XmlFormat():
            return _units(source, layout, gone)
        case CsvFormat():
            return _lines(source, gone.records, separator=layout.delimiter.encode())
        case JsonLinesFormat():
            return _objects(source, gone.records)


def _lines(source: IO[bytes], records: Collection[int], *, separator: bytes) -> Iterator[bytes]:
    """Separators, quotes and ends of lines stay; the header line is no record."""
    number = -1
    for line in lines_of(source):
        counts = bool(line.strip().strip(separator))
        number += counts
        yield line.translate(CROSSED_OUT) if counts and number in records else line


def _objects(source: IO[bytes], records: Collection[int]) -> Iterator[bytes]:
    number = 0
    for line in lines_of(source, keep_cr=True):
        counts = bool(line.strip())
        number += counts
        yield json.dumps(_blank(json.loads(line))).encode() + b"\n" if counts and number in records else line


def _blank(value: Any) -> Any:
    """The same shape, saying nothing."""
    if isinstance(value, dict):
        return {key: _blank(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_blank(each) for each in value]
    return "X" if isinstance(value, str) and value else None


def _units(source: IO[bytes], layout: XmlFormat, gone: Gone) -> Iterator[bytes]:
    close = f"</{layout.unit}>".encode()
    number, rest = 0, b""
    while block := source.read(BLOCK):
        *whole, rest = (rest + block).split(close)
        for unit in whole:
            number += 1
            yield (_unit(unit, layout, gone.units[number]) if number in gone.units else unit) + close
    yield rest


def _unit(unit: bytes, layout: XmlFormat, places: frozenset[int] | None) -> bytes:
    """What counts a record stays, since the others are numbered by it: the block its ``keep`` column stands in."""
    start = max(unit.rfind(f"<{layout.unit}>".encode()), 0)
    record = re.compile(f"<{layout.record}>.*?</{layout.record}>".encode(), re.DOTALL)
    place, pieces, end = 0, [unit[:start]], start
    for found in record.finditer(unit, start):
        between = unit[end : found.start()]
        counts = _counts(found.group(), layout)
        goes = places is None or (counts and place in places)
        pieces += [
            _leaves(between) if places is None else between,
            _record(found.group(), layout) if goes else found.group(),
        ]
        place, end = place + counts, found.end()
    pieces.append(_leaves(unit[end:]) if places is None else unit[end:])
    return b"".join(pieces)


def _record(block: bytes, layout: XmlFormat) -> bytes:
    kept = layout.keep.column.split("/")[1].partition("[")[0]
    parts = re.split(f"(<{kept}>.*?</{kept}>)".encode(), block, flags=re.DOTALL)
    return b"".join(part if place % 2 else _leaves(part) for place, part in enumerate(parts))


def _leaves(piece: bytes) -> bytes:
    return LEAF_TEXT.sub(lambda leaf: leaf.group().translate(CROSSED_OUT), piece)


def _counts(block: bytes, layout: XmlFormat) -> bool:
    """Whether the hub reads this record at all; tags are ASCII whatever the encoding."""
    path = layout.keep.column.partition("/")[2]
    wanted = CONDITION.sub(r"[normalize-space(\1)='\2']", path)
    element = etree.fromstring(block, etree.XMLParser(encoding="iso-8859-1", resolve_entities=False, no_network=True))
    found = element.xpath(wanted)
    return isinstance(found, list) and any(
        isinstance(each, etree._Element) and (each.text or "").strip() in layout.keep.values  # noqa: SLF001 - its public name
        for each in found
    )
