"""Remembered units: the same bytes as last time need not be read again.

Nine tenths of a monthly picture say what the last one said. Each unit that went in whole is remembered by a keyed hash of
its bytes and of the declarations that read it, with what each of its records came to. When the same bytes come again,
the records are judged by those hashes: still the current word, they are unchanged; no longer, an earlier version holds
their content. Changing a mapping, a rule or a format changes the hash, and everything is read again.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from hub.storage.store import copy_rows, refresh_statistics
from schemas.errors import TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from connectors.base import KnownUnit
    from hub.opening import Hub

# The digests travel as one value, what is known of them as another: arrays of them would cost as much to write and to read
# as to look up. A count for each place can only be had from the index, whatever the statistics say.
LOOK_UP = """
select array(
  select (select count(*) from remembered_unit where flow = :flow and digest = substring(:digests from place * :size + 1 for :size))
  from generate_series(0, :last) place
)
"""

SET_ASIDE = """
create temporary table set_aside (unit integer not null, record integer not null, digest bytea not null) on commit drop
"""
COPY_SET_ASIDE = "copy set_aside (unit, record, digest) from stdin"

# Their content does not travel: the hash of it stands for it.
RECALL = """
insert into staged_record (delivery_id, record, unit, key, scope, as_of, content_hash, nir_hash, digest, shape)
select :id, a.record + u.position, a.unit, u.key, u.scope, u.as_of, u.content_hash, u.nir_hash, u.digest, u.shape
from set_aside a join remembered_unit u on u.flow = :flow and u.digest = a.digest
"""
SHAPES = (
    "select shape, count(*) as records from staged_record where delivery_id = :id and content is null group by shape"
)
FORGOTTEN = "Another delivery of {flow} was applied while delivery {id} was read: nothing was staged, run again."

# Only units that went in whole: one with a record in quarantine is read again, so that it is refused again, and so is one
# with a record a later word had superseded, whose content was never kept.
REMEMBER = """
insert into remembered_unit (flow, digest, position, key, scope, as_of, content_hash, nir_hash, shape)
select :flow, s.digest, s.record - min(s.record) over (partition by s.unit), s.key, s.scope, s.as_of, s.content_hash,
       s.nir_hash, s.shape
from staged_record s
where s.delivery_id = :id and s.digest is not null and s.content is not null
  and s.unit not in (select unit from quarantine where delivery_id = :id)
  and s.unit not in (select unit from judged where outcome = 'superseded')
on conflict do nothing
"""

FORGET = """
delete from remembered_unit u
where u.flow = :flow and u.scope in (select scope from staged_record where delivery_id = :id)
  and not exists (select from staged_record s where s.delivery_id = :id and s.digest = u.digest)
"""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What is remembered of a flow. Units are asked about as they stream by, and staged together at the end."""

    connection: Connection
    flow: str
    delivery_id: int
    kept: frozenset[str]

    def __post_init__(self) -> None:
        self.connection.execute(text(SET_ASIDE))

    def known(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """The units among these that need not be read, with how many records each holds."""
        if not digests:
            return {}
        size, last = len(digests[0]), len(digests) - 1
        asked = {"flow": self.flow, "digests": b"".join(digests), "size": size, "last": last}
        counts = self.connection.execute(text(LOOK_UP), asked).scalar_one()
        return {digest: records for digest, records in zip(digests, counts, strict=True) if records}

    def set_aside(self, units: Iterable[KnownUnit]) -> None:
        """Note the place of units that were read before."""
        copy_rows(self.connection, COPY_SET_ASIDE, ((unit.unit, unit.record, unit.digest) for unit in units))

    def stage(self, *, records: int) -> Counter[str]:
        """Stage the ``records`` of the units set aside; returns how many there are of each shape.

        Raises:
            TryAgainLater: what was remembered has been forgotten since it was asked about.
        """
        known = {"id": self.delivery_id, "flow": self.flow}
        refresh_statistics(self.connection, "set_aside")
        if self.connection.execute(text(RECALL), known).rowcount != records:
            raise TryAgainLater(FORGOTTEN.format(**known))
        shapes = self.connection.execute(text(SHAPES), known)
        return Counter({row.shape: row.records for row in shapes})


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
