"""Keys: draw them, and replace the master key by another without losing a byte.

Rotating seals again, under a new master, every NIR, every quarantined block and the own key of every stored delivery. The old
master stays readable beside it until it is retired, for a process that began before may still write with it. Hashes are made
with keys of their own, which ``hub.search_key`` replaces, so that nobody has to be recognised again. Killed anywhere and run again, it
goes on.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.backups.keys import renew_keys
from hub.storage.key_files import KEY_BYTES, read_ring, write_ring
from hub.storage.raw import RawStore
from hub.storage.signing import open_signer
from hub.storage.vault import search_key, vault_of
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.opening import Hub
    from hub.storage.vault import Vault

CHUNK = 5000

# Each sealed column, with the two whole numbers its rows go by.
SEALED = (
    ("source_version", "nir_encrypted", "source_record_id", "version"),
    ("staged_record", "nir_encrypted", "delivery_id", "record"),
    ("quarantine", "block_encrypted", "delivery_id", "record"),
)


def create(hub: Hub) -> dict[str, Any]:
    """Draw the keys that are not there yet; returns the public half of the signing key."""
    read_ring(hub.settings.keys, create=True)
    return {"public_key": open_signer(hub.settings.signing_key, create=True).public.hex()}


def rotate(hub: Hub) -> dict[str, int]:
    """Draw a new master, unless a rotation is under way, and seal everything again under it; returns counts."""
    ring = read_ring(hub.settings.keys, create=False)
    if ring.previous is None:
        ring = replace(
            ring,
            master=secrets.token_bytes(KEY_BYTES),
            search=ring.search or search_key(ring.master),
            previous=ring.master,
        )
        write_ring(hub.settings.keys, ring)
    return _seal_again(hub, vault_of(ring))


def retire(hub: Hub) -> dict[str, int]:
    """Seal again what was still written under the old master since, and forget it; returns counts.

    Raises ``FixTheDeclaration`` when no rotation is under way.
    """
    ring = read_ring(hub.settings.keys, create=False)
    if ring.previous is None:
        raise FixTheDeclaration("No old master key is kept: hub keys rotate first.")
    done = _seal_again(hub, vault_of(ring))
    write_ring(hub.settings.keys, replace(ring, previous=None))
    return done


def _seal_again(hub: Hub, vault: Vault) -> dict[str, int]:
    done = {names[0]: _seal_column(hub, vault, names) for names in SEALED}
    with hub.engine.begin() as connection:
        connection.execute(text("delete from access_token"))  # the next call asks for others
    done["deliveries"] = RawStore(hub.settings.raw, vault).renew()
    renew_keys(hub, vault=vault)
    return done


def _seal_column(hub: Hub, vault: Vault, names: tuple[str, str, str, str]) -> int:
    table, column, first, second = names
    read = (
        f"select {first} as a, {second} as b, {column} as sealed from {table} "  # noqa: S608 - names of our own
        f"where {column} is not null and ({first}, {second}) > (:a, :b) order by 1, 2 limit :most"
    )
    write = (
        f"update {table} t set {column} = n.sealed "  # noqa: S608 - names of our own
        "from unnest(cast(:a as bigint[]), cast(:b as bigint[]), cast(:old as bytea[]), cast(:new as bytea[])) as n (a, b, old, sealed) "
        f"where t.{first} = n.a and t.{second} = n.b and t.{column} = n.old"
    )
    done, place = 0, {"a": -1, "b": -1}
    while True:
        with hub.engine.begin() as connection:
            rows = connection.execute(text(read), place | {"most": CHUNK}).all()
            done += _write(connection, write, [(row.a, row.b, bytes(row.sealed)) for row in rows], vault)
        if len(rows) < CHUNK:
            return done
        place = {"a": rows[-1].a, "b": rows[-1].b}


def _write(connection: Connection, statement: str, rows: list[tuple[int, int, bytes]], vault: Vault) -> int:
    new = [(a, b, old, sealed) for a, b, old in rows if (sealed := vault.renewed(old)) is not None]
    if new:
        columns = dict(zip(("a", "b", "old", "new"), map(list, zip(*new, strict=True)), strict=True))
        connection.execute(text(statement), columns)
    return len(new)
