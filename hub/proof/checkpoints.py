"""Checkpoints: the journal up to a position, signed with a key that is not in the database, and copied outside it.

Whoever holds the database could rewrite a hash chain whole, or cut its end. What a checkpoint covers they cannot.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text

from hub.alarms import Alarm, close_alarms, raise_alarms
from hub.offline.verify_journal import GENESIS, Tree, hash_of, signed_part
from hub.sharing.journal import Verified, verify
from hub.storage.store import take_lock
from schemas.tables import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from hub.opening import Hub
    from hub.storage.signing import Signer

COVERS_AT_MOST = 100_000  # entries, so that a person's proof is made from a bounded part of the journal

NO_KEY = "journal_non_signe"
NOT_SIGNED = (
    "Le journal des communications n'est pas signé : créer la clé (hub keys create) et la garder hors de la base."
)

SEALS = "select position, entry_hash from disclosure where position > :after order by position limit :most"


def sign_journal(hub: Hub, *, now: datetime) -> list[dict[str, Any]]:
    """Sign the entries no checkpoint covers yet, and keep the copies outside the database; returns the new checkpoints."""
    made: list[dict[str, Any]] = []
    while True:
        with hub.engine.begin() as connection:
            new = _sign_next(connection, hub.signer, now=now)
        if new is None:
            break
        made.append(new)
    with hub.engine.connect() as connection:
        keep_copies(hub.settings.checkpoints, all_checkpoints(connection))
    return made


def verify_signed(hub: Hub, connection: Connection) -> Verified:
    """Recompute the whole journal and every checkpoint, with the copies and the public key kept outside the database."""
    signed, copies = all_checkpoints(connection), read_copies(hub.settings.checkpoints)
    return verify(connection, checkpoints=signed, copies=copies, public_key=hub.public_key)


def sign_regularly(hub: Hub, *, now: datetime) -> int:
    """Sign what is new, or raise an alarm where there is no key to sign with; returns how many checkpoints were made."""
    made = sign_journal(hub, now=now) if hub.can_sign else []
    with hub.engine.begin() as connection:
        if hub.can_sign:
            close_alarms(connection, "journal", now=now, kind=NO_KEY)
        else:
            raise_alarms(connection, [Alarm(kind=NO_KEY, subject="journal", message=NOT_SIGNED)], now=now)
    return len(made)


def _sign_next(connection: Connection, signer: Signer, *, now: datetime) -> dict[str, Any] | None:
    take_lock(connection, "journal")
    last = connection.execute(select(checkpoint).order_by(checkpoint.c.id.desc()).limit(1)).first()
    after = last.last_position if last else 0
    rows = connection.execute(text(SEALS), {"after": after, "most": COVERS_AT_MOST}).all()
    if not rows:
        return None
    tree = Tree()
    for row in rows:
        tree.add(bytes(row.entry_hash))
    new: dict[str, Any] = {
        "first_position": after + 1,
        "last_position": rows[-1].position,
        "last_hash": bytes(rows[-1].entry_hash).hex(),
        "root": tree.root().hex(),
        "previous_hash": (hash_of(shown(last)) if last else GENESIS).hex(),
        "at": f"{now.timestamp():.6f}",
        "public_key": signer.public.hex(),
    }
    new["signature"] = signer.sign(signed_part(new)).hex()
    hashes = {
        name: bytes.fromhex(new[name]) for name in ("last_hash", "root", "previous_hash", "public_key", "signature")
    }
    connection.execute(insert(checkpoint).values({**new, **hashes, "at": now}))
    return new


def shown(row: Row[Any]) -> dict[str, Any]:
    """A stored checkpoint as it is exported and verified."""
    hashes = {
        name: bytes(getattr(row, name)).hex()
        for name in ("last_hash", "root", "previous_hash", "public_key", "signature")
    }
    return {
        "first_position": row.first_position,
        "last_position": row.last_position,
        "at": f"{row.at.timestamp():.6f}",
        **hashes,
    }


def all_checkpoints(connection: Connection) -> list[dict[str, Any]]:
    """Every checkpoint of the database, in order."""
    return [shown(row) for row in connection.execute(select(checkpoint).order_by(checkpoint.c.last_position))]


def keep_copies(file: Path, checkpoints: Sequence[Mapping[str, Any]]) -> None:
    """Append to the file the checkpoints it does not hold yet: one JSON document a line, safe on disk on return."""
    known = {each["last_position"] for each in read_copies(file)}
    new = [each for each in checkpoints if each["last_position"] not in known]
    if not new:
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    cut_short = file.exists() and not file.read_bytes().endswith(b"\n")
    with file.open("a", encoding="ascii") as copies:
        copies.write("\n" if cut_short else "")
        copies.writelines(f"{json.dumps(each, sort_keys=True)}\n" for each in new)
        copies.flush()
        os.fsync(copies.fileno())


def read_copies(file: Path) -> list[dict[str, Any]]:
    """The checkpoints kept outside the database; a line cut short by a crash is not one yet."""
    return list(_whole(file.read_text(encoding="ascii").splitlines())) if file.exists() else []


def _whole(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
