"""The sieve: sets aside, before anything parses them, the units of an XML delivery whose bytes were read before.

It looks at bytes alone, so it is ten times as fast as a parser, and it cannot be wrong: every unit it lets through carries
its place in an attribute whose name nobody can guess, every run of units it sets aside leaves an empty element in its place,
and what does not look like a unit goes through untouched, for the parser to judge. A unit that could end a comment or a
CDATA section around it is never remembered.
"""

from __future__ import annotations

import io
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

READ_BYTES = 1 << 22
LONGEST_UNIT = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Recall:
    """How the sieve asks: the digest of a unit's bytes, and which digests are known, with their number of records."""

    digest: Callable[[bytes], bytes]
    known: Callable[[Sequence[bytes]], Mapping[bytes, int]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the sieve knows of a unit: its digest if it may be remembered, and its number of records where it need not be read."""

    digest: bytes | None
    records: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A block: what stands before each of its whole units, the units with their digests, and what follows the last."""

    pieces: list[bytes]
    units: list[bytes]
    digests: list[bytes]
    tail: bytes
    last: bool


@dataclass
class Sieve(io.RawIOBase):
    """A stream like the one it reads, without the units that are known."""

    source: IO[bytes]
    unit: str
    recall: Recall
    mark: str = field(default_factory=lambda: f"u{secrets.token_hex(8)}")
    passed: int = 0
    _seen: dict[int, list[Seen]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._open = f"<{self.unit}>".encode()
        self._close = f"</{self.unit}>".encode()
        self._rest = b""
        self._ready = b""
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="sieve")
        self._next: Future[_Cut] | None = self._beside.submit(self._cut)

    def take(self, place: str | None) -> list[Seen]:
        """What is known of the unit that carries this mark, or of the run of units it stands for.

        Nothing of one the sieve did not recognise as a unit.
        """
        return self._seen.pop(int(place), []) if place is not None else []

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # noqa: ANN001 - any writable buffer
        while not self._ready and self._next:
            cut = self._next.result()
            self._next = None if cut.last else self._beside.submit(self._cut)
            self._ready = self._pass_on(cut)
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._beside.shutdown(cancel_futures=True)
        super().close()

    def _cut(self) -> _Cut:
        """Read and cut the next block. It is done beside, while those who asked for the block before work on it."""
        block = self.source.read(READ_BYTES)
        data = self._rest + block
        pieces, units, end = self._units_of(data)
        start = data.find(self._open, end)
        keep = len(data) if start < 0 else start
        if start < 0 and block:
            keep = max(end, len(data) - len(self._open))  # a tag may be cut in two
        if not block or len(data) - keep > LONGEST_UNIT:
            keep = len(data)
        tail, self._rest = data[end:keep], data[keep:]
        digests = [self.recall.digest(unit) for unit in units]
        return _Cut(pieces=pieces, units=units, digests=digests, tail=tail, last=not block)

    def _units_of(self, data: bytes) -> tuple[list[bytes], list[bytes], int]:
        """What stands before each whole unit, the units, and where the last one ends."""
        pieces: list[bytes] = []
        units: list[bytes] = []
        end = 0
        while (start := data.find(self._open, end)) >= 0:
            close = data.find(self._close, start)
            if close < 0:
                break
            pieces.append(data[end:start])
            end = close + len(self._close)
            units.append(data[start:end])
        return pieces, units, end

    def _pass_on(self, cut: _Cut) -> bytes:
        known = self.recall.known(cut.digests) if cut.digests else {}
        out: list[bytes] = []
        run: list[Seen] = []
        for piece, unit, digest in zip(cut.pieces, cut.units, cut.digests, strict=True):
            records = known.get(digest)
            out.append(piece)
            if records is None:
                out += (
                    self._marked([Seen(digest if _stands_alone(unit) else None, None)]),
                    unit[len(self._open) - 1 :],
                )
                run = []
            elif run and not piece.strip():
                run.append(Seen(digest, records))
            else:
                run = [Seen(digest, records)]
                out += (self._marked(run), b"/>")
        out.append(cut.tail)
        return b"".join(out)

    def _marked(self, run: list[Seen]) -> bytes:
        self._seen[self.passed] = run
        self.passed += 1
        return f'<{self.unit} {self.mark}="{self.passed - 1}"'.encode()


def _stands_alone(unit: bytes) -> bool:
    return b"-->" not in unit and b"]]>" not in unit
