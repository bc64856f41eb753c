"""The keys of backups, in one sealed file beside the master key: the newest alone is kept, and what it lacks is unreadable.

A line each: ``r``, ``p`` and ``q`` are keys of records, persons and quarantined blocks; ``d`` the wrapped key of a delivery as
it is stored now; ``t`` a mark by which an erased person would be recognised, under so many search keys as ``g`` says.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sqlalchemy import text

from hub.storage.generation import generation_of
from hub.storage.key_files import read_ring
from hub.storage.store import copy_rows
from hub.storage.vault import lifter
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Engine

    from hub.opening import Hub
    from hub.storage.vault import Vault

SCHEMA = "create table known (subject text primary key, key blob) without rowid"
KEEP = "insert or replace into known values (?, ?)"

# 244 random bits from two identifiers that the server draws.
DRAWN = "decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"
DRAW = f"""
insert into backup_key (subject, key)
select s.subject, {DRAWN} from (
  select 'r' || id as subject from source_record union all select 'p' || id from person union all
  select 'q' || id from quarantine where key is not null or block_encrypted is not null
) s
where not exists (select from backup_key k where k.subject = s.subject)
on conflict do nothing
"""  # noqa: S608 - our own
DRAW_ONE = f"insert into backup_key (subject, key) values (:subject, {DRAWN}) on conflict do nothing"  # noqa: S608
ONE = "select key from backup_key where subject = :subject"
KEYS = "select subject, key from backup_key"
MARKS = "select e.person_id, t.mark from tombstone t join erasure e on e.id = t.erasure_id"


BURIED = """
insert into erasure (person_id, cause, author, reason, erased_at, counts)
select p, 'request', 'hub', 'effacée après la sauvegarde', :now, '{}' from unnest(cast(:people as uuid[])) as p
on conflict do nothing
"""
MARKED = """
insert into tombstone (erasure_id, mark)
select e.id, t.mark from marked t join erasure e on e.person_id = t.person
on conflict do nothing
"""


def key_file(hub: Hub) -> Path:
    """Where the keys of backups are kept: beside the master key."""
    return hub.settings.keys.with_name("backup.keys")


class Keys:
    """Keys by whose they are, at hand without a place in memory for each."""

    def __init__(self) -> None:
        self._known = sqlite3.connect("")
        self._known.execute(SCHEMA)

    def keep(self, rows: Iterator[tuple[str, bytes | None]]) -> None:
        self._known.executemany(KEEP, rows)

    def __contains__(self, subject: str) -> bool:
        return self._known.execute("select 1 from known where subject = ?", (subject,)).fetchone() is not None

    def find(self, subject: str) -> bytes | None:
        found = self._known.execute("select key from known where subject = ?", (subject,)).fetchone()
        return found[0] if found else None

    def of(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Those of a kind, without its letter."""
        after = chr(ord(kind) + 1)
        for subject, key in self._known.execute(
            "select subject, key from known where subject >= ? and subject < ?", (kind, after)
        ):
            yield subject[1:], key


def draw(engine: Engine) -> Keys:
    """A key for whoever has none yet; those that were destroyed stay so."""
    keys = Keys()
    with engine.begin() as connection:
        connection.execute(text(DRAW))
        rows = connection.execution_options(yield_per=10_000).execute(text(KEYS))
        keys.keep((row.subject, None if row.key is None else bytes(row.key)) for row in rows)
    return keys


def drawn_late(engine: Engine, keys: Keys, subject: str) -> bytes | None:
    """The key of somebody who came while the backup was taken."""
    with engine.begin() as connection:
        connection.execute(text(DRAW_ONE), {"subject": subject})
        key = connection.execute(text(ONE), {"subject": subject}).scalar_one()
    keys.keep(iter([(subject, key)]))
    return None if key is None else bytes(key)


def write_keys(hub: Hub, *, vault: Vault | None = None) -> None:
    """Write the file of keys anew, as they are now: whoever was erased is in it no more."""
    file = key_file(hub)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            sealing = (vault or hub.vault).sealing(sink)
            for subject, key in _lines(hub):
                sealing.write(f"{subject} {key.hex()}\n".encode())
            sealing.finish()
            sink.flush()
            os.fsync(sink.fileno())
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def renew_keys(hub: Hub, *, vault: Vault | None = None) -> None:
    """The same where backups are taken at all."""
    if key_file(hub).exists():
        write_keys(hub, vault=vault)


def _lines(hub: Hub) -> Iterator[tuple[str, bytes]]:
    with hub.engine.connect() as connection:
        streamed = connection.execution_options(yield_per=10_000)
        for row in streamed.execute(text(f"{KEYS} where key is not null")):
            yield row.subject, bytes(row.key)
        for number, row in enumerate(connection.execute(text(MARKS))):
            yield f"t{row.person_id}.{number}", bytes(row.mark)
    yield "g", bytes([generation_of(hub.settings.keys) or 1])
    for name, head in hub.raw.heads():
        yield f"d{name}", head


def bury(hub: Hub, *, now: datetime) -> int:
    """Bring back the marks of whoever was erased since the backup that was restored; returns how many there are.

    They are as they were when the file was written: keys that were laid over all hashes since are laid over them too.
    """
    if not key_file(hub).exists():
        return 0
    known = keys_in(hub, key_file(hub))
    ring = read_ring(hub.settings.keys, create=False)
    lift = lifter(ring.over[(known.find("g") or b"\1")[0] - 1 :])
    marks = [(subject.partition(".")[0], lift(mark)) for subject, mark in known.of("t")]
    with hub.engine.begin() as connection:
        connection.execute(text("create temporary table marked (person uuid, mark bytea) on commit drop"))
        copy_rows(connection, "copy marked (person, mark) from stdin", iter(marks))
        connection.execute(text(BURIED), {"people": sorted({person for person, _ in marks}), "now": now})
        return connection.execute(text(MARKED)).rowcount


def keys_in(hub: Hub, file: Path) -> Keys:
    """The keys that a file holds; raises ``FixTheDeclaration`` when there is none."""
    if not file.exists():
        raise FixTheDeclaration(f"No keys of backups in {file.name}: without them a backup says nothing of anybody.")
    keys = Keys()
    with hub.vault.open_stream(file.open("rb")) as source:
        keys.keep(_read(source))
    return keys


def _read(source: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    for line in source:
        subject, _, key = line.decode().partition(" ")
        yield subject, bytes.fromhex(key)
