"""Messages that wait for a partner: a store full of them, a process to measure on it, and how its memory is said."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, make_url, text

from hub.storage.store import create_database, embedded_server, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
MEASURED = "measured"

Peaks = tuple[float, float]

PEOPLE = (
    "insert into delivery (flow, partner, name, sha256, size, arrived_at, received_at, state) values ('caf_rsa', 'caf', 'l', '0', 1, :now, :now, 'applied')",
    "insert into person (id, created_at) select md5(n::text)::uuid, :now from generate_series(1, :count) n",
    """
    insert into source_record (flow, partner, key, scope, order_key, to_match, updated_at, content_hash, delivery_id, version, as_of)
    select flow, partner, n::text, '008', '1', false, :now, '', 1, 1, '2026-11-24'
    from generate_series(1, :count) n, (values ('caf_rsa', 'caf'), ('departement_pivot', 'departement_08')) f (flow, partner)
    """,
    """
    insert into source_version (source_record_id, version, content, content_hash, as_of, delivery_id, recorded_at)
    select id, 1, jsonb_build_object('identifiers.departement_id', 'D-' || key), '', as_of, 1, :now from source_record
    """,
    """
    insert into link (source_record_id, person_id, method, evidence, author, decided_at)
    select id, md5(key)::uuid, 'bench', '{}', 'bench', :now from source_record
    """,
    """
    insert into dossier (person_id, content, content_hash, updated_at)
    select id, jsonb_build_object(
      'rsa.state', jsonb_build_object('value', '2', 'partner', 'caf'),
      'contact.postcode', jsonb_build_object('value', '08000', 'partner', 'caf'),
      'contact.email', jsonb_build_object('value', 'p' || id || '@exemple.fr', 'partner', 'caf')), '', :now
    from person
    """,
)
MORE_PEOPLE = "insert into person (id, created_at) select md5(n::text)::uuid, :now from generate_series(1, :count) n on conflict do nothing"
PENDING = """
insert into message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, created_at, next_attempt_at)
select gen_random_uuid(), 'departement_08', md5((1 + n)::text)::uuid, 'departement_08', 1000,
  '{"reference": {"identifiers.departement_id": "D-1"}, "fields": {"rsa.state": "4"}, "before": {}}', 'pending', 2,
  lpad((n % 96)::text, 3, '0'), :now, :now
from generate_series(0, :count - 1) n
"""


@contextmanager
def new_store() -> Iterator[tuple[Engine, Path]]:
    """A store of its own, and a folder, that go away."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        server = embedded_server(Path(folder) / "postgres")
        create_database(server, "hub")
        engine = create_engine(server.set(database="hub"))
        upgrade(engine)
        yield engine, Path(folder)
        engine.dispose()


def make_people(engine: Engine, count: int) -> list[UUID]:
    with engine.begin() as connection:
        for statement in PEOPLE:
            connection.execute(text(statement), {"now": NOW, "count": count} if ":count" in statement else {"now": NOW})
        connection.execute(text("analyze"))
        return list(connection.execute(text("select id from person")).scalars())


def pend(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("truncate message cascade"))
        connection.execute(text(MORE_PEOPLE), {"now": NOW, "count": count})
        connection.execute(text(PENDING), {"now": NOW, "count": count})
        connection.execute(text("analyze message"))


def apart(function: Callable[..., Any], engine: Engine, *given: Any) -> Any:
    """What a function of the store's address returns, in a process of its own: its memory is nobody else's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, engine.url.render_as_string(hide_password=False), *given).result()


def measured_engine(store: str) -> Engine:
    """The engine of a process that is measured."""
    return create_engine(make_url(store), connect_args={"application_name": MEASURED})


def peaks(engine: Engine) -> Peaks:
    """The peaks of this process, and of the largest that serves it."""
    serving = "select pid from pg_stat_activity where application_name = :name"
    with engine.connect() as connection:
        servers = connection.execute(text(serving), {"name": MEASURED}).scalars()
        return peak(os.getpid()), max(peak(each) for each in servers)


def peak(process: int) -> float:
    """The most memory a process held, in megabytes; of a process of PostgreSQL, without what all of them share."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines())
    shared = int(said["RssShmem"].split()[0])
    return (int(said["VmHWM"].split()[0]) - shared) / 1024


def say_memory(does: str, few: Peaks, many: Peaks, *, pending: Sequence[int]) -> None:
    """Beside each other: the peaks with few messages pending, and with many."""
    for label, one, other in zip((f"process that {does}", "process that serves it"), few, many, strict=True):
        print(
            f"memory {label}: {one:.0f} MB of {pending[0]:,} pending, {other:.0f} MB of {pending[1]:,} = {other / one:.2f} x (flat: 1)"
        )
