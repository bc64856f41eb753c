"""CSV deliveries: headers compared as people type them, every odd byte repaired and counted, every odd row named."""

from __future__ import annotations

import csv
import re
import unicodedata
from typing import IO, TYPE_CHECKING, Any

from connectors.base import Chunk, Reading, Rejected, Wanted
from connectors.readers.frames import make_chunk
from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.formats import CsvFormat

LONGEST_LINE = 1 << 20
MOST_COLUMNS = 1000
WRONG_COUNT = (
    "Cette ligne n'a pas le même nombre de colonnes que l'en-tête : corriger les points-virgules ou les guillemets."
)


def same_header(header: str) -> str:
    """A header as compared: no accent, no case, no star, spaces collapsed, ``n°`` spelt out."""
    text = header.replace("’", "'").replace("'", "-").lower().replace("n°", "numero ")
    text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"[\s*]+", " ", text).strip()


class CsvReader:
    """Reads one record a line. A row that does not fit the header is rejected alone; the others go on."""

    def __init__(self, layout: CsvFormat, stream: IO[bytes], wanted: Wanted) -> None:
        self.reading = Reading()
        self._layout = layout
        self._stream = stream
        self._wanted = wanted
        self._nulls = frozenset(layout.null)

    def chunks(self) -> Iterator[Chunk]:
        rows = csv.reader(self._lines(), delimiter=self._layout.delimiter)
        taken: list[tuple[int, int, dict[str, Any]]] = []
        rejected: list[Rejected] = []
        try:
            header = next(rows, None)
            places = self._places(header)
            width = len(header or ())
            for row in rows:
                self._take(row, width, places, taken=taken, rejected=rejected)
                if len(taken) + len(rejected) >= self._wanted.chunk:
                    yield make_chunk(taken, self._wanted.columns, rejected)
                    taken, rejected = [], []
        except csv.Error as error:
            raise FixTheDelivery(
                f"CSV illisible vers la ligne {rows.line_num} : guillemet non refermé ou champ démesuré. Rien n'est appliqué."
            ) from error
        if taken or rejected:
            yield make_chunk(taken, self._wanted.columns, rejected)

    def _take(
        self, row: list[str], width: int, places: dict[int, str], *, taken: list[Any], rejected: list[Rejected]
    ) -> None:
        if not any(cell.strip() for cell in row):
            self._repair("ligne_vide")
            return
        reading = self.reading
        reading.records = reading.units = reading.records + 1
        number = reading.records
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) != width:
            raw = self._layout.delimiter.join(row).encode()
            rejected.append(
                Rejected(
                    record=number, unit=number, field="ligne", rule="nombre_de_colonnes", hint=WRONG_COUNT, raw=raw
                )
            )
            return
        cells = ((column, row[place].strip()) for place, column in places.items())
        taken.append((number, number, {column: cell for column, cell in cells if cell and cell not in self._nulls}))

    def _places(self, header: list[str] | None) -> dict[int, str]:
        if not header or not any(cell.strip() for cell in header):
            raise FixTheDelivery("Ce fichier n'a pas de ligne d'en-tête : rien à lire.")
        if len(header) > MOST_COLUMNS:
            raise FixTheDelivery(f"L'en-tête compte {len(header)} colonnes : ce n'est pas une livraison de ce flux.")
        asked = {same_header(column): column for column in self._wanted.columns}
        ignored = {same_header(column) for column in self._wanted.ignored}
        places: dict[int, str] = {}
        for place, cell in enumerate(header):
            name = same_header(cell)
            if name in asked:
                places[place] = asked.pop(name)
            elif name and name not in ignored:
                self.reading.unknown_columns[cell.strip()[:60]] = 1
        self.reading.columns = [cell.strip()[:60] for cell in header]
        self.reading.missing_columns = sorted(asked.values())
        if not places:
            raise FixTheDelivery("Aucune colonne attendue dans l'en-tête : ce n'est pas une livraison de ce flux.")
        return places

    def _lines(self) -> Iterator[str]:
        encoding = self._layout.encoding
        while line := self._stream.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise FixTheDelivery(
                    "Une ligne dépasse un million de caractères : ce n'est pas une livraison de ce flux."
                )
            if b"\0" in line:
                self._repair("octet_nul")
                line = line.replace(b"\0", b"")
            yield self._decode(line, encoding)
            encoding = encoding.removesuffix("-sig")  # a byte-order mark stands at the very start only

    def _decode(self, line: bytes, encoding: str) -> str:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            if self._layout.fallback_encoding is None:
                raise FixTheDelivery(
                    f"Un caractère n'est pas en {encoding}, ligne {self.reading.records + 2}."
                ) from error
            self._repair("encodage")
            return line.decode(self._layout.fallback_encoding, errors="replace")

    def _repair(self, name: str) -> None:
        self.reading.repairs[name] = self.reading.repairs.get(name, 0) + 1
