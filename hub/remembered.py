"""Remembered units: the same bytes as last time need not be read again.

Nine tenths of a monthly picture say what the last one said. Each unit that went in whole is remembered by a keyed hash of
its bytes and of the declarations that read it, with what each of its records came to. When the same bytes come again,
the records are judged by those hashes: still the current word, they are unchanged; no longer, an earlier version holds
their content. Changing a mapping, a rule or a format changes the hash, and everything is read again.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row

    from connectors.base import KnownUnit
    from hub.opening import Hub

LOOK_UP = """
select u.digest, u.position, u.key, u.scope, u.as_of, u.content_hash, u.nir_hash, u.shape, r.id is not null as held
from remembered_unit u left join source_record r on r.flow = u.flow and r.key = u.key
where u.flow = :flow and u.digest = any(:digests)
order by u.digest, u.position
"""

# Only units that went in whole: one with a record in quarantine is read again, so that it is refused again.
REMEMBER = """
insert into remembered_unit (flow, digest, position, key, scope, as_of, content_hash, nir_hash, shape)
select :flow, s.digest, s.record - min(s.record) over (partition by s.unit), s.key, s.scope, s.as_of, s.content_hash,
       s.nir_hash, s.shape
from staged_record s
where s.delivery_id = :id and s.digest is not null and s.content is not null
  and s.unit not in (select unit from quarantine where delivery_id = :id)
on conflict do nothing
"""

FORGET = """
delete from remembered_unit u
where u.flow = :flow and u.scope in (select scope from staged_record where delivery_id = :id)
  and not exists (select from staged_record s where s.delivery_id = :id and s.digest = u.digest)
"""


@dataclass
class Memory:
    """What is remembered of a flow, asked for as its units stream by.

    Units are asked about in blocks and staged in chunks, which end elsewhere: each is held until it is staged.
    """

    connection: Connection
    flow: str
    kept: frozenset[str]
    _held: dict[bytes, list[Row[Any]]] = field(default_factory=dict)
    _awaited: Counter[bytes] = field(default_factory=Counter)

    def known(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """The units among these that need not be read, with how many records each holds."""
        found: defaultdict[bytes, list[Row[Any]]] = defaultdict(list)
        for row in self.connection.execute(text(LOOK_UP), {"flow": self.flow, "digests": list(digests)}):
            found[bytes(row.digest)].append(row)
        whole = {digest: rows for digest, rows in found.items() if all(row.held for row in rows)}
        self._held.update(whole)
        self._awaited.update(digest for digest in digests if digest in whole)
        return {digest: len(rows) for digest, rows in whole.items()}

    def records(self, units: Iterable[KnownUnit]) -> tuple[list[tuple[Any, ...]], Counter[str]]:
        """Rows to stage, without content, for units seen again; and how many records have each shape."""
        rows: list[tuple[Any, ...]] = []
        shapes: Counter[str] = Counter()
        for unit in units:
            for row in self._held[unit.digest]:
                rows.append((unit.record + row.position, unit.unit, row.key, row.scope, row.as_of, row.content_hash,
                             row.nir_hash, row.digest, row.shape))  # fmt: skip
                shapes[row.shape] += 1
            self._let_go(unit.digest)
        return rows, shapes

    def _let_go(self, digest: bytes) -> None:
        """Forget a unit once the last of its like that was asked about is staged, so that memory stays flat."""
        self._awaited[digest] -= 1
        if not self._awaited[digest]:
            del self._held[digest], self._awaited[digest]


def fingerprint(hub: Hub, flow: str, kept: frozenset[str]) -> bytes:
    """What reads a flow: its layout, all that maps and judges it, what is kept of it. Another one, and nothing is remembered."""
    layout = hub.flow(flow).format
    declared = json.dumps([layout.model_dump() if layout else None, sorted(kept)], sort_keys=True, default=sorted)
    return blake2b(f"{flow}\0{declared}".encode(), key=_readers(), digest_size=16).digest()


@cache
def _readers() -> bytes:
    """The code and the declarations of the four packages a record goes through before it is staged."""
    digest = blake2b(digest_size=16)
    for package in ("connectors", "mappings", "quality", "schemas"):
        folder = Path(str(files(package)))
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".yml"}:
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.digest()
