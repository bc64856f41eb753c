"""How fast the outbox fills and drains, beside bare HTTP calls and a bare COPY, and whether memory stays flat when a million wait.

    python bench/outbox.py [FILLED] [DRAINED] [PENDING]        default 20,000, 5,000 and 1,000,000

Fill: dossiers compared with what a partner was told, messages, what was told and journal written, in one transaction, as a
ratio to COPY of the same message rows. Drain: signed webhooks to a partner that answers at once, 8 at a time, as a ratio to as
many bare httpx calls of the same bodies at the same concurrency, a connection each as the hub does, then kept open. Memory:
the peaks of a process that drains, and of the PostgreSQL process that serves it, with ten thousand waiting, and with PENDING.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import URL, Engine, create_engine, make_url, text

from connectors.base import Access
from connectors.webhook import WebhookClient
from hub.logs import to_standard_error
from hub.sharing.agreements import load_agreements
from hub.sharing.budget import SharedBudget
from hub.sharing.deliver import AT_ONCE, deliver_each
from hub.sharing.select import fill
from hub.sharing.webhook import WebhookSender
from hub.storage.store import create_database, embedded_server, upgrade

if TYPE_CHECKING:
    from uuid import UUID

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
FEW = 10_000
ONE_REQUEST = {"Connection": "close"}
BODY = b'{"data": {"champs": {"rsa.state": "4"}}, "type": "personne.modifiee"}' + b" " * 200

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


def serve(ready: multiprocessing.Queue[int]) -> None:
    """A partner that answers at once, in a process of its own."""

    class Partner(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            self.kept = b""

        def data_received(self, data: bytes) -> None:
            self.kept += data
            head, end, body = self.kept.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
            )
            if end and len(body) >= length:
                self.kept = b""
                self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Partner, "127.0.0.1", 0, backlog=256)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def bare(url: str, count: int, *, kept_open: bool) -> float:
    """Seconds that many httpx calls take, the same number at once."""
    limits, headers = httpx.Limits(max_connections=10), {} if kept_open else ONE_REQUEST
    with httpx.Client(limits=limits, headers=headers, trust_env=False) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.perf_counter()
        for answer in pool.map(lambda _: client.post(url, content=BODY), range(count)):
            answer.raise_for_status()
        return time.perf_counter() - began


class _Enough(Exception):
    pass


def peak(process: int) -> float:
    """The most memory a process held, in megabytes; of a process of PostgreSQL, without what all of them share."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines())
    shared = int(said["RssShmem"].split()[0])
    return (int(said["VmHWM"].split()[0]) - shared) / 1024


def drain(store: str, url: str, most: int) -> tuple[float, tuple[float, float]]:
    """Deliver ``most`` messages; returns seconds, and the peaks of this process and of the largest that serves it."""
    to_standard_error()
    engine = create_engine(make_url(store), connect_args={"application_name": "drain"})
    sent = 0

    def clock() -> datetime:
        return NOW

    budget = SharedBudget(engine=engine, provider="bench", per_second=1e6)
    access = Access(name="bench", extra={"url": url, "secret": SECRET})

    class Counted(WebhookSender):
        def prepare(self, *_: object) -> None:
            nonlocal sent
            if sent >= most:
                raise _Enough
            sent += 100

    with WebhookClient(access, budget, clock) as client:
        began = time.perf_counter()
        with contextlib.suppress(_Enough):
            deliver_each(engine, "departement_08", Counted(client, ("identifiant",)), clock=clock)
        seconds = time.perf_counter() - began
    with engine.connect() as connection:
        servers = connection.execute(
            text("select pid from pg_stat_activity where application_name = 'drain'")
        ).scalars()
        peaks = peak(os.getpid()), max(peak(each) for each in servers)
    engine.dispose()
    return seconds, peaks


def in_a_process(store: str, url: str, most: int) -> tuple[float, tuple[float, float]]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(drain, store, url, most).result()


def make_people(engine: Engine, count: int) -> list[UUID]:
    with engine.begin() as connection:
        for statement in PEOPLE:
            connection.execute(text(statement), {"now": NOW, "count": count} if ":count" in statement else {"now": NOW})
        connection.execute(text("analyze"))
        return list(connection.execute(text("select id from person")).scalars())


def measure_fill(engine: Engine, people: list[UUID]) -> tuple[float, float]:
    """Seconds to fill, and to COPY the same message rows."""
    agreements = {"departement_08": load_agreements()["departement_08"]}
    began = time.perf_counter()
    with engine.begin() as connection:
        filled = fill(connection, agreements, people, now=NOW)
    seconds = time.perf_counter() - began
    assert filled.messages["departement_08"] == len(people)
    with engine.begin() as connection, tempfile.TemporaryFile() as rows:
        cursor = connection.connection.cursor()
        with cursor.copy("copy message to stdout") as copy:
            for block in copy:
                rows.write(block)
        connection.execute(text("create temporary table floor (like message) on commit drop"))
        rows.seek(0)
        began = time.perf_counter()
        with cursor.copy("copy floor from stdin") as copy:
            while block := rows.read(1 << 20):
                copy.write(block)
        return seconds, time.perf_counter() - began


def pend(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("truncate message cascade"))
        connection.execute(text(MORE_PEOPLE), {"now": NOW, "count": count})
        connection.execute(text(PENDING), {"now": NOW, "count": count})
        connection.execute(text("analyze message"))


def main() -> None:
    filled, drained, pending = (
        int(word) for word in (*sys.argv[1:], *("20000", "5000", "1000000")[len(sys.argv) - 1 :])
    )
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    partner = multiprocessing.Process(target=serve, args=(ready,), daemon=True)
    partner.start()
    url = f"http://127.0.0.1:{ready.get()}/"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        server: URL = embedded_server(Path(folder) / "postgres")
        create_database(server, "hub")
        store = server.set(database="hub")
        engine = create_engine(store)
        upgrade(engine)
        people = make_people(engine, filled)
        fill_seconds, floor = measure_fill(engine, people)
        pend(engine, FEW)
        address = store.render_as_string(hide_password=False)
        few_seconds, few_memory = in_a_process(address, url, drained)
        once, kept = bare(url, drained, kept_open=False), bare(url, drained, kept_open=True)
        pend(engine, pending)
        many_seconds, many_memory = in_a_process(address, url, drained)
        engine.dispose()
    partner.terminate()
    print(
        f"fill   {filled:9,} messages {fill_seconds:7.1f} s  {filled / fill_seconds:7,.0f}/s  = {fill_seconds / floor:.1f} x COPY of the same rows ({floor:.2f} s)"
    )
    for label, seconds in ((f"{FEW:,}", few_seconds), (f"{pending:,}", many_seconds)):
        print(f"drain  {drained:9,} messages {seconds:7.1f} s  {drained / seconds:7,.0f}/s  of {label} pending")
    for label, seconds in (("a connection each", once), ("connections kept open", kept)):
        print(
            f"       bare httpx, {label}: {drained / seconds:,.0f}/s = {few_seconds / seconds:.2f} x as long, {many_seconds / seconds:.2f} x with {pending:,} pending"
        )
    for label, few, many in zip(
        ("process that drains", "process that serves it"), few_memory, many_memory, strict=True
    ):
        print(
            f"memory {label}: {few:.0f} MB of {FEW:,} pending, {many:.0f} MB of {pending:,} = {many / few:.2f} x (flat: 1)"
        )


if __name__ == "__main__":
    main()
