"""What a backup seals row by row, whose key it is sealed with, and what stands for it once that key is destroyed.

A dump in plain form is read line by line (``COPY`` text: a cell never holds a tab or an end of line). The cells that say
something of a person are put together, sealed with AES-GCM, and bound to their table.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

NONCE_BYTES = 12
SEALED = b"~"
ABSENT, EMPTY_BYTES, EMPTY_OBJECT = b"\\N", b"\\\\x", b"{}"
SAYS_NOTHING = b'{"before": {}, "fields": {}, "reference": {}}'
HEAD = re.compile(rb"COPY public\.(\w+) \(([^)]*)\) FROM stdin;\n")
END = b"\\.\n"


@dataclass(frozen=True, kw_only=True)
class Personal:
    """A table whose rows speak of somebody: ``subject`` and the column that names it; what stands for each cell that goes.

    Without ``instead`` the whole row goes.
    """

    subject: str
    by: str
    instead: Mapping[str, bytes] = field(default_factory=dict)


PERSONAL: Mapping[str, Personal] = {
    "source_record": Personal(
        subject="r", by="id",
        instead={"key": b"effac\xc3\xa9 %s", "content_hash": EMPTY_BYTES, "nir_hash": ABSENT, "to_match": b"f"},
    ),
    "source_version": Personal(subject="r", by="source_record_id"),
    "source_identity": Personal(
        subject="r", by="source_record_id",
        instead={
            "nir_hash": ABSENT, "number_hash": ABSENT, "comparable": EMPTY_OBJECT, "birth_date": ABSENT, "caf_number": ABSENT,
            "france_travail_number": ABSENT, "household": ABSENT,
        },
    ),
    "identity_key": Personal(subject="r", by="source_record_id"),
    "movement": Personal(subject="r", by="source_record_id", instead={"before": ABSENT}),
    "dossier": Personal(subject="p", by="person_id"),
    "told": Personal(subject="p", by="person_id"),
    "message": Personal(
        subject="p", by="person_id", instead={"payload": SAYS_NOTHING, "reason": ABSENT, "asked_with": ABSENT}
    ),
    "quarantine": Personal(subject="q", by="id", instead={"key": ABSENT, "block_encrypted": ABSENT}),
}  # fmt: skip

# Made again from the rest, or from the deliveries as received: no backup needs them.
LEFT_OUT = ("backup_key", "staged_record", "remembered_unit", "value_rarity", "matching_base")


def sealed(lines: Iterable[bytes], find: Callable[[str], bytes | None]) -> Iterator[bytes]:
    """A dump in which whoever has a key is sealed with it; of whoever has none any more nothing is said."""
    return _through(lines, find, _seal)


def opened(lines: Iterable[bytes], find: Callable[[str], bytes | None]) -> Iterator[bytes]:
    """The dump as it was, but for whoever's key is gone. Raises ``CallSomeone`` when a row was altered."""
    return _through(lines, find, _open)


def _through(
    lines: Iterable[bytes], find: Callable[[str], bytes | None], turn: Callable[[_Row, bytes], list[bytes]]
) -> Iterator[bytes]:
    table: _Table | None = None
    for line in lines:
        if table is None:
            table = _table(line)
            yield line
        elif line == END:
            table = None
            yield line
        elif table.personal is None:
            yield line
        else:
            row = _Row(table=table, cells=line[:-1].split(b"\t"))
            key = find(row.subject)
            cells = row.without() if key is None else turn(row, key)
            if cells is not None:
                yield b"\t".join(cells) + b"\n"


@dataclass(frozen=True, slots=True)
class _Table:
    name: bytes
    personal: Personal | None
    subject: int = -1
    covered: tuple[int, ...] = ()
    instead: tuple[bytes, ...] = ()


def _table(line: bytes) -> _Table | None:
    found = HEAD.fullmatch(line)
    if found is None:
        return None
    columns = [each.strip(b' "').decode() for each in found[2].split(b",")]
    personal = PERSONAL.get(found[1].decode())
    if personal is None:
        return _Table(found[1], None)
    covered = [place for place, name in enumerate(columns) if name in personal.instead] or [
        place for place, name in enumerate(columns) if name != personal.by
    ]
    instead = tuple(personal.instead[columns[place]] for place in covered) if personal.instead else ()
    return _Table(found[1], personal, columns.index(personal.by), tuple(covered), instead)


@dataclass(frozen=True, slots=True)
class _Row:
    table: _Table
    cells: list[bytes]

    @property
    def subject(self) -> str:
        assert self.table.personal is not None
        return self.table.personal.subject + self.cells[self.table.subject].decode()

    def without(self) -> list[bytes] | None:
        """The row saying nothing of whoever it was about; None when nothing is left to say."""
        if not self.table.instead:
            return None
        who = self.cells[self.table.subject]
        return self.holding([each.replace(b"%s", who) for each in self.table.instead])

    def holding(self, said: list[bytes]) -> list[bytes]:
        cells = list(self.cells)
        for place, cell in zip(self.table.covered, said, strict=True):
            cells[place] = cell
        return cells


def _seal(row: _Row, key: bytes) -> list[bytes]:
    nonce = secrets.token_bytes(NONCE_BYTES)
    clear = b"\t".join(row.cells[place] for place in row.table.covered)
    block = SEALED + b64encode(nonce + AESGCM(key).encrypt(nonce, clear, row.table.name))
    return row.holding([block, *[b""] * (len(row.table.covered) - 1)])


def _open(row: _Row, key: bytes) -> list[bytes]:
    block = row.cells[row.table.covered[0]]
    if not block.startswith(SEALED):  # its key was gone when the backup was taken
        return row.cells
    whole = b64decode(block[1:])
    try:
        clear = AESGCM(key).decrypt(whole[:NONCE_BYTES], whole[NONCE_BYTES:], row.table.name)
    except InvalidTag as error:
        raise CallSomeone("A row of the backup cannot be opened: it was altered, or these are other keys.") from error
    return row.holding(clear.split(b"\t"))
