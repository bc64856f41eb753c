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
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import text
from waiting import NOW, apart, make_people, measured_engine, new_store, peaks, pend, say_memory

from connectors.base import Access
from connectors.webhook import WebhookClient
from hub.logs import to_standard_error
from hub.sharing.agreements import load_agreements
from hub.sharing.budget import SharedBudget
from hub.sharing.deliver import AT_ONCE, deliver_each
from hub.sharing.select import fill
from hub.sharing.webhook import WebhookSender

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine
    from waiting import Peaks

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
FEW = 10_000
ONE_REQUEST = {"Connection": "close"}
BODY = b'{"data": {"champs": {"rsa.state": "4"}}, "type": "personne.modifiee"}' + b" " * 200


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


def drain(store: str, url: str, most: int) -> tuple[float, Peaks]:
    """Deliver ``most`` messages; returns seconds, and the peaks of this process and of the largest that serves it."""
    to_standard_error()
    engine = measured_engine(store)
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
    held = peaks(engine)
    engine.dispose()
    return seconds, held


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


def main() -> None:
    filled, drained, pending = (
        int(word) for word in (*sys.argv[1:], *("20000", "5000", "1000000")[len(sys.argv) - 1 :])
    )
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    partner = multiprocessing.Process(target=serve, args=(ready,), daemon=True)
    partner.start()
    url = f"http://127.0.0.1:{ready.get()}/"
    with new_store() as (engine, _):
        people = make_people(engine, filled)
        fill_seconds, floor = measure_fill(engine, people)
        pend(engine, FEW)
        few_seconds, few_memory = apart(drain, engine, url, drained)
        once, kept = bare(url, drained, kept_open=False), bare(url, drained, kept_open=True)
        pend(engine, pending)
        many_seconds, many_memory = apart(drain, engine, url, drained)
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
    say_memory("drains", few_memory, many_memory, pending=(FEW, pending))


if __name__ == "__main__":
    main()
