"""XML deliveries of households: one at a time, only the leaves that were asked for, memory flat."""

from __future__ import annotations

import io
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from lxml import etree

from connectors.base import Chunk, KnownUnit, Reading, Rejected, Wanted
from connectors.readers.frames import REPEATED, count_unknown, make_chunk
from connectors.readers.sieve import LONGEST_UNIT, Seen, Sieve
from connectors.readers.xml_paths import TWICE, compiled, known_paths, leaves_of, walk
from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.formats import XmlFormat
    from connectors.readers.sieve import Recall

NO_HEADER = "Ce fichier n'a pas d'en-tête {header} : ce n'est pas une livraison de ce flux."
LOOKED_AT_FIRST = 200
LOOKED_AT_EVERY = 50
MOST_LEAVES, LONGEST_LEAF = 100, 200
KNOWN_AT_ONCE = 20_000
PARSED_BYTES = 1 << 20


class XmlReader:
    """Reads ``unit`` elements in turn. A leaf is stripped; an empty one is absent.

    Elements nobody asked for nor ignored are looked for in the first 200 units, then in every 50th: enough to report a
    layout that changed, cheap enough for every delivery. A DOCTYPE is refused, and with it every entity; so is a unit
    larger than any household, so that memory stays flat whatever is sent.
    """

    def __init__(self, layout: XmlFormat, stream: IO[bytes], wanted: Wanted, *, recall: Recall | None = None) -> None:
        self.reading = Reading()
        self._layout = layout
        self._sieve = Sieve(stream, layout.unit, recall) if recall else None
        self._stream = _Measured(io.BufferedReader(self._sieve, PARSED_BYTES) if self._sieve else stream)
        self._wanted = wanted
        prefix = f"{layout.record}/"
        self._unit_paths = compiled(column for column in wanted.columns if not column.startswith(prefix))
        self._record_paths = compiled(
            (column for column in wanted.columns if column.startswith(prefix)), cut=len(prefix)
        )
        self._keep_path = compiled([layout.keep.column], cut=len(prefix))
        self._known = known_paths([*wanted.columns, layout.keep.column, *layout.unit_key])
        self._unknown: Counter[str] = Counter()
        self._unit_keys: set[int] = set()

    def chunks(self) -> Iterator[Chunk]:
        rows: list[tuple[int, int, dict[str, Any]]] = []
        known: list[KnownUnit] = []
        digests: dict[int, bytes] = {}
        for unit in self._units():
            run = self._sieve.take(unit.get(self._sieve.mark)) if self._sieve else []
            if run and run[0].records is not None:
                known += self._set_aside(run)
            else:
                rows.extend(self._records(unit))
                if run and run[0].digest is not None:
                    digests[self.reading.units] = run[0].digest
            if len(rows) >= self._wanted.chunk or len(known) >= KNOWN_AT_ONCE:
                yield self._chunk(rows, known, digests)
                rows, known, digests = [], [], {}
        if rows or known:
            yield self._chunk(rows, known, digests)
        self.reading.unknown_columns = dict(self._unknown)

    def _set_aside(self, run: list[Seen]) -> Iterator[KnownUnit]:
        """The units one element stands for; the parser has counted the first."""
        reading = self.reading
        reading.units -= 1
        for seen in run:
            reading.units += 1
            yield KnownUnit(unit=reading.units, record=reading.records + 1, digest=seen.digest or b"")
            reading.records += seen.records or 0
            reading.remembered += seen.records or 0

    def _chunk(
        self, rows: list[tuple[int, int, dict[str, Any]]], known: list[KnownUnit], digests: dict[int, bytes]
    ) -> Chunk:
        whole = [row for row in rows if TWICE not in row[2]]
        rejected = [
            Rejected.of(number, unit, field=values.pop(TWICE), rule="valeur_repetee", hint=REPEATED, values=values)
            for number, unit, values in rows
            if TWICE in values
        ]
        return make_chunk(whole, self._wanted.columns, rejected, known=tuple(known), digests=digests)

    def _units(self) -> Iterator[etree._Element]:
        layout, reading = self._layout, self.reading
        try:
            parsed = etree.iterparse(
                self._stream,
                tag=(layout.unit, layout.header, layout.footer),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            for _, element in parsed:
                self._stream.passed = 0
                if reading.units == 0:
                    self._refuse_other_roots(element)
                self._refuse_misplaced(element)
                if element.tag == layout.unit:
                    reading.units += 1
                    yield element
                elif element.tag == layout.header:
                    reading.header = _short_leaves(element)
                else:
                    reading.footer = _short_leaves(element)
                _free(element)
        except etree.XMLSyntaxError as error:
            raise FixTheDelivery(
                f"XML illisible après le dossier {reading.units}, ligne {error.lineno or 0} : fichier tronqué ou mal formé. "
                "Rien n'est appliqué : demander un nouvel envoi complet."
            ) from error
        if not reading.header:
            raise FixTheDelivery(NO_HEADER.format(header=layout.header))

    def _refuse_other_roots(self, element: etree._Element) -> None:
        tree = element.getroottree()
        if tree.docinfo.doctype:  # type: ignore[attr-defined] # lxml-stubs lacks it
            raise FixTheDelivery("Ce fichier déclare un DOCTYPE : les DTD et les entités sont refusées.")
        if self._layout.root and tree.getroot().tag != self._layout.root:
            raise FixTheDelivery(
                f"L'élément racine n'est pas {self._layout.root} : ce n'est pas une livraison de ce flux."
            )

    def _refuse_misplaced(self, element: etree._Element) -> None:
        """Header, units, footer: in that order, each under the root, header and footer once."""
        layout, reading = self._layout, self.reading
        parent = element.getparent()
        if parent is None or parent.getparent() is not None:
            raise FixTheDelivery(
                f"{element.tag} n'est pas à sa place, sous la racine : fichier mal assemblé. Rien n'est appliqué."
            )
        if element.tag == layout.unit and not reading.header:
            raise FixTheDelivery(NO_HEADER.format(header=layout.header))
        if reading.footer or (element.tag == layout.header and reading.header):
            raise FixTheDelivery(
                f"{element.tag} est en trop : plusieurs fichiers semblent mis bout à bout. Rien n'est appliqué."
            )

    def _records(self, unit: etree._Element) -> Iterator[tuple[int, int, dict[str, Any]]]:
        reading = self.reading
        if reading.units <= LOOKED_AT_FIRST or reading.units % LOOKED_AT_EVERY == 0:
            self._look_for_unknown(unit, "")
        shared: dict[str, Any] = {}
        walk(unit, self._unit_paths, shared)
        self._count_key(shared)
        for record in unit.iterchildren(self._layout.record):
            kept: dict[str, Any] = {}
            walk(record, self._keep_path, kept)
            if kept.get(self._layout.keep.column) not in self._layout.keep.values:
                continue
            reading.records += 1
            values = dict(shared)
            walk(record, self._record_paths, values)
            yield reading.records, reading.units, values

    def _count_key(self, shared: dict[str, Any]) -> None:
        if self._layout.unit_key:
            key = hash(tuple(shared.get(column) for column in self._layout.unit_key))
            if key in self._unit_keys:
                self.reading.repeated_units += 1
            self._unit_keys.add(key)

    def _look_for_unknown(self, element: etree._Element, path: str) -> None:
        for child in element.iterchildren(etree.Element):
            here = f"{path}/{child.tag}" if path else str(child.tag)
            if here in self._wanted.ignored:
                continue
            if here not in self._known:
                count_unknown(self._unknown, here)
            elif not self._known[here]:
                self._look_for_unknown(child, here)


class _Measured:
    """What the parser reads from; too much between two units is refused, before it is held in memory."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.passed = 0

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._source.read(size)
        self.passed += len(block)
        if self.passed > LONGEST_UNIT + PARSED_BYTES:
            raise FixTheDelivery(
                f"Un dossier, ou ce qui précède le premier, dépasse {LONGEST_UNIT >> 20} Mo : ce n'est pas une livraison de ce flux."
            )
        return block


def _free(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _short_leaves(element: etree._Element) -> dict[str, str]:
    """Those of a header or a footer: few, and short."""
    leaves = leaves_of(element) if len(element) <= MOST_LEAVES else {}
    if not leaves or max(map(len, (*leaves, *leaves.values()))) > LONGEST_LEAF:
        raise FixTheDelivery(f"{element.tag} est vide ou démesuré : ce n'est pas une livraison de ce flux.")
    return leaves
