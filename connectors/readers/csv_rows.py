"""CSV deliveries: headers compared as people type them, every odd byte repaired and counted, every odd row named."""

from __future__ import annotations

import csv
import re
import unicodedata
from typing import IO, TYPE_CHECKING, Any

from connectors.base import Chunk, Reading, Rejected, Wanted
from connectors.readers.frames import LONGEST_NAME, count_unknown, make_chunk
from connectors.readers.lines import Lines
from schemas.errors import FixTheDelivery
from schemas.lettering import mend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.formats import CsvFormat

MOST_COLUMNS = 1000
WRONG_COUNT = (
    "Cette ligne n'a pas le même nombre de colonnes que l'en-tête : corriger les points-virgules ou les guillemets."
)


def same_header(header: str) -> str:
    """A header as compared: no accent, no case, no star, spaces collapsed, ``n°`` spelt out."""
    text = mend(header)[0].replace("’", "'").replace("'", "-").lower().replace("n°", "numero ")
    text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"[\s*]+", " ", text).strip()


class CsvReader:
    """Reads one record a line. A row that does not fit the header is rejected alone; the others go on.

    A quote that is never closed would swallow the rows after it: a row of several lines that does not fit is read again
    line by line, so that a stray quote costs its own row at most.
    """

    def __init__(self, layout: CsvFormat, stream: IO[bytes], wanted: Wanted) -> None:
        self.reading = Reading()
        self._layout = layout
        self._lines = Lines(stream, layout, repaired=self._repair)
        self._wanted = wanted
        self._nulls = frozenset(layout.null)

    def chunks(self) -> Iterator[Chunk]:
        taken: list[tuple[int, int, dict[str, Any]]] = []
        rejected: list[Rejected] = []
        rows = csv.reader(self._lines, delimiter=self._layout.delimiter)
        try:
            header = next(rows, None)
        except csv.Error as error:
            raise FixTheDelivery(
                "La ligne d'en-tête est illisible : guillemet non refermé ou champ démesuré."
            ) from error
        places = self._places(header)
        self._lines.forget()
        for row in self._rows(rows, len(header or ())):
            self._take(row, len(header or ()), places, taken=taken, rejected=rejected)
            if len(taken) + len(rejected) >= self._wanted.chunk:
                yield make_chunk(taken, self._wanted.columns, rejected)
                taken, rejected = [], []
        if taken or rejected:
            yield make_chunk(taken, self._wanted.columns, rejected)

    def _rows(self, rows: Iterator[list[str]], width: int) -> Iterator[list[str]]:
        while True:
            try:
                row = _trimmed(next(rows), width)
            except StopIteration:
                return
            except csv.Error:  # longer than any cell may be
                row = []
            lines = self._lines.forget()
            if self._strayed(lines, row, width):
                self._lines.push_back(lines[1:])
                row = _trimmed(self._without_quotes(lines[0]), width)
                self._repair("guillemet_isole")
            yield row

    def _strayed(self, lines: list[str], row: list[str], width: int) -> bool:
        """Whether a quote is a slip: it makes a row that does not fit, is never closed, or holds whole rows in a cell."""
        if not row:
            return any(line.strip() for line in lines)
        quotes = sum(line.count('"') for line in lines)
        if quotes == 0 or len(lines) == 1:
            return quotes > 0 and len(row) != width
        if len(row) != width or quotes % 2:
            return True
        return width > 1 and all(len(_trimmed(self._without_quotes(line), width)) == width for line in lines)

    def _without_quotes(self, line: str) -> list[str]:
        cells = line.rstrip("\r\n").split(self._layout.delimiter)
        return [cell.strip().strip('"') for cell in cells]

    def _take(
        self, row: list[str], width: int, places: dict[int, str], *, taken: list[Any], rejected: list[Rejected]
    ) -> None:
        if not any(cell.strip() for cell in row):
            self._repair("ligne_vide")
            return
        reading = self.reading
        reading.records = reading.units = reading.records + 1
        number = reading.records
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
                column = asked[name]
                if column in places.values():
                    raise FixTheDelivery(f"La colonne {column} figure deux fois dans l'en-tête : n'en garder qu'une.")
                places[place] = column
            elif name and name not in ignored:
                count_unknown(self.reading.unknown_columns, cell.strip())
        if not places:
            raise FixTheDelivery("Aucune colonne attendue dans l'en-tête : ce n'est pas une livraison de ce flux.")
        self.reading.columns = [cell.strip()[:LONGEST_NAME] for cell in header]
        self.reading.missing_columns = sorted(set(asked.values()) - set(places.values()))
        return places

    def _repair(self, name: str) -> None:
        self.reading.repairs[name] = self.reading.repairs.get(name, 0) + 1


def _trimmed(row: list[str], width: int) -> list[str]:
    """A row without the empty cells that stand beyond the header."""
    while len(row) > width and not row[-1].strip():
        row.pop()
    return row
