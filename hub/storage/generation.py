"""Generations: under how many search keys the store's hashes lie, and that no process goes on with fewer than all of them.

Whoever opens the store with a key file holds a lock that it shares with the others, one for each of its connections. The search
key is replaced by a process that holds that lock alone; a connection made by one that began before is refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

from hub.storage.key_files import read_ring
from schemas.errors import CallSomeone, FixTheDeclaration, TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

NUMBER = "hashtextextended('search key', 0)"
SHARE = f"select pg_try_advisory_lock_shared({NUMBER}), (select generation from search_generation)"  # noqa: S608 - our own
ALONE = f"select pg_try_advisory_lock({NUMBER})"
OTHERS = f"""
select count(*) from pg_locks l, (select {NUMBER} as number) n
where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database = (select oid from pg_database where datname = current_database())
  and cast(l.classid as bigint) = (n.number >> 32) & 4294967295 and cast(l.objid as bigint) = n.number & 4294967295
"""  # noqa: S608 - an expression of our own

REPLACED_NOW = "The search key is being replaced: run again when hub keys rotate-search has ended."
BEHIND = (
    "The hashes of the store lie under {store} search key(s), the key file holds {file}: hub keys rotate-search --yes goes "
    "on with a rotation that was interrupted, or brings a restored database up to its key file."
)
AHEAD = (
    "The hashes of the store lie under {store} search keys, this process knows {file}: start it again, or put back the key "
    "file that belongs to the database."
)
IN_USE = "{others} connection(s) of the hub are open: stop hub up, hub watch, the screens and Airflow's processes, then run again."


def generation_of(key_file: Path) -> int | None:
    """How many search keys a key file holds; nothing where there is no key file, with which no hash can be made."""
    return read_ring(key_file, create=False).generation if key_file.exists() else None


def guard(engine: Engine, generation: int | None) -> None:
    """Have each new connection share the lock, and refuse it when the store's hashes are of another generation."""
    if generation is None:
        return

    @event.listens_for(engine, "connect")
    def share(driver: Any, _record: object) -> None:
        with driver.cursor() as cursor:
            free, store = cursor.execute(SHARE).fetchone()
        driver.commit()
        if free and store == generation:
            return
        driver.close()
        if not free:
            raise TryAgainLater(REPLACED_NOW)
        raise CallSomeone((BEHIND if store < generation else AHEAD).format(store=store, file=generation))


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Keep everybody else out of the store meanwhile; raises ``FixTheDeclaration`` when somebody is in it."""
    with engine.connect() as connection:
        if not connection.execute(text(ALONE)).scalar_one():
            raise FixTheDeclaration(IN_USE.format(others=connection.execute(text(OTHERS)).scalar_one()))
        connection.commit()
        try:
            yield
        finally:
            connection.invalidate()  # the lock goes with the connection


def others(engine: Engine) -> int:
    """How many connections of other processes are open."""
    with engine.connect() as connection:
        return int(connection.execute(text(OTHERS)).scalar_one())
