"""The lines of a text delivery, whatever ends them, never longer than a line may be, every odd byte repaired and counted."""

from __future__ import annotations

from collections import deque
from typing import IO, TYPE_CHECKING

from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.formats import CsvFormat

BLOCK = 1 << 16
LONGEST_LINE = 1 << 20
UTF16 = (b"\xff\xfe", b"\xfe\xff")
TOO_LONG = "Une ligne dépasse un million de caractères : ce n'est pas une livraison de ce flux."
IN_UTF16 = "Ce fichier est en UTF-16 : l'enregistrer en UTF-8 et le renvoyer."


def lines_of(stream: IO[bytes], *, keep_cr: bool = False) -> Iterator[bytes]:
    """Lines with their ends: LF, CR LF, and lone CR unless ``keep_cr``. Raises ``FixTheDelivery`` at one without measure."""
    rest = b""
    while block := stream.read(BLOCK):
        held = rest + block
        pieces = _cut_at_lf(held) if keep_cr else held.splitlines(keepends=True)
        rest = pieces.pop()
        yield from pieces
        if len(rest) > LONGEST_LINE:
            raise FixTheDelivery(TOO_LONG)
    if rest:
        yield rest


def _cut_at_lf(held: bytes) -> list[bytes]:
    *whole, rest = held.split(b"\n")
    return [*(line + b"\n" for line in whole), rest]


class Lines:
    """Decoded lines, one at a time. What was read since the last ``forget`` may be pushed back."""

    def __init__(self, stream: IO[bytes], layout: CsvFormat, *, repaired: Callable[[str], None]) -> None:
        self._layout = layout
        self._repaired = repaired
        self._given = self._decoded(lines_of(stream))
        self._again: deque[str] = deque()
        self._read: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._given)
        self._read.append(line)
        return line

    def forget(self) -> list[str]:
        """The lines read since the last time."""
        read, self._read = self._read, []
        return read

    def push_back(self, lines: list[str]) -> None:
        """Give lines again, before those that were not read yet."""
        self._again.extendleft(reversed(lines))

    def _decoded(self, lines: Iterator[bytes]) -> Iterator[str]:
        encoding = self._layout.encoding
        for number, line in enumerate(lines, start=1):
            if number == 1 and (line.startswith(UTF16) or line.count(0) > len(line) // 4):
                raise FixTheDelivery(IN_UTF16)
            if b"\0" in line:
                self._repaired("octet_nul")
            yield self._decode(line.replace(b"\0", b""), encoding, number)
            encoding = encoding.removesuffix("-sig")  # a byte-order mark stands at the very start only

    def _decode(self, line: bytes, encoding: str, number: int) -> str:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            if self._layout.fallback_encoding is None:
                raise FixTheDelivery(f"Un caractère n'est pas en {encoding}, ligne {number}.") from error
            self._repaired("encodage")
            return line.decode(self._layout.fallback_encoding, errors="replace")
