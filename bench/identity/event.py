"""One event, durable: a record arrives and is matched in the transaction that keeps it; how long, on a large base.

    python -m bench.identity.event [RECORDS] [--events 1000] [--together 50 200] [--kept FOLDER]

The base is about RECORDS (2,000,000) that three partners hold, matched: identities, keys, pairs, persons, cases (``bench/identity/base.py``).
Its files are in memory when
it is measured. Each event is one more record about the same people: kept, compared, judged, linked, explained and committed to disk. Prints how long one
alone takes, how many statements, how much of it this process computes, the ratio to one row inserted and committed by itself on the same
server; then how many a process does when that many wait ``--together`` and share a commit. Aim: p99 under 5 ms, 1,000 a second for each
process. ``--kept`` keeps the base in a folder, and goes on from there the next time.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
from psycopg import Cursor
from sqlalchemy import text

from bench.identity.base import fill_matched
from bench.identity.store import NOW, hear, opened
from hub.identity.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.identity.store import Row
    from hub.opening import Hub

Event = tuple[str, "Row"]
LATER = "later.json"  # the events that are yet to come, beside the base
HELD_BACK = 20_000
WARM = 500
ALONE = 500  # bare commits to compare with
MADE = "create table if not exists alone (id bigint generated always as identity primary key, said text)"
AIM_MS, AIM_A_SECOND = 5.0, 1000.0


def events_of(hub: Hub, folder: Path, *, records: int) -> list[Event]:
    """Fill the base unless it is there; returns the events that were not played yet."""
    file = folder / LATER
    if not file.exists():
        began = time.perf_counter()
        file.write_bytes(orjson.dumps(fill_matched(hub, folder, records=records, events=HELD_BACK)))
        print(f"base filled and matched in bulk in {time.perf_counter() - began:.0f} s", flush=True)
    said = [(source, tuple(row)) for source, row in orjson.loads(file.read_bytes())]
    with hub.engine.connect() as connection:
        keys = [key for _, (key, *_) in said]
        played = set(
            connection.execute(text("select key from source_record where key = any(:keys)"), {"keys": keys}).scalars()
        )
        size = connection.execute(text("select count(*) from source_identity")).scalar_one()
        pairs = connection.execute(text("select count(*) from comparison")).scalar_one()
    print(f"{size:,} records, {pairs:,} pairs kept")
    return [each for each in said if each[1][0] not in played]


def warm(hub: Hub) -> None:
    """Read the files of the base once, as a server that has worked for a day has them in the machine's memory."""
    with hub.engine.connect() as connection:
        data = Path(connection.execute(text("show data_directory")).scalar_one())
    for file in sorted((data / "base").rglob("*")):
        with file.open("rb") if file.is_file() else nullcontext() as read:
            while read and read.read(1 << 24):
                pass


def happen(hub: Hub, events: list[Event], *, together: int = 1) -> np.ndarray:
    """Milliseconds of each transaction that keeps and matches that many events, until it is on the disk."""
    took = []
    with hub.engine.connect() as connection:
        delivery = connection.execute(text("select min(id) from delivery")).scalar_one()
    for start in range(0, len(events), together):
        began = time.perf_counter()
        with hub.engine.begin() as connection:
            hear(hub, connection, events[start : start + together], delivery=delivery)
            reconcile(connection, hub.vault, hub.matching, now=NOW)
        took.append((time.perf_counter() - began) * 1000)
    return np.array(took)


def bare(hub: Hub) -> np.ndarray:
    """Milliseconds to insert one row and commit it, by the same pool and driver."""
    with hub.engine.begin() as connection:
        connection.execute(text(MADE))
    took = []
    for _ in range(ALONE):
        began = time.perf_counter()
        with hub.engine.begin() as connection:
            connection.execute(text("insert into alone (said) values (:said)"), {"said": "x" * 100})
        took.append((time.perf_counter() - began) * 1000)
    return np.array(took)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the statements that the driver sends."""
    sent, execute = [0], Cursor.execute

    def counting(cursor: Cursor, *said: object, **how: object) -> Cursor:
        sent[0] += 1
        return execute(cursor, *said, **how)

    Cursor.execute = counting
    try:
        yield sent
    finally:
        Cursor.execute = execute


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=int, nargs="?", default=2_000_000)
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--together", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--kept", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = chosen.kept or Path(name)
        folder.mkdir(exist_ok=True)
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        with opened(folder) as hub:
            said = events_of(hub, folder, records=chosen.records)
            warm(hub)
            gc.collect()
            gc.freeze()  # what the benchmark itself holds is not looked at again while it measures
            measure(hub, iter(said), chosen.events, chosen.together)


def measure(hub: Hub, said: Iterator[Event], events: int, together: list[int]) -> None:
    def some(size: int) -> list[Event]:
        return [each for _, each in zip(range(size), said, strict=False)]  # in this order: nothing is taken too much

    happen(hub, some(WARM))
    commits = bare(hub)
    print(f"one row alone, inserted and committed: {_milliseconds(commits)}")
    with counted() as sent:
        computed = time.process_time()
        alone = happen(hub, some(events))
        computed = time.process_time() - computed
    p50, p99 = np.percentile(alone, [50, 99])
    bare50, bare99 = np.percentile(commits, [50, 99])
    print(f"{len(alone)} events one by one, durable: {_milliseconds(alone)} = {p99 / AIM_MS:.2f} x the aim of {AIM_MS:.0f} ms;"
          f" {1000 / alone.mean():,.0f} a second; {sent[0] / len(alone):.0f} statements each; this process computes"
          f" {1000 * computed / len(alone):.1f} ms of it; {p50 / bare50:.1f} x a bare commit at p50, {p99 / bare99:.1f} x at p99")  # fmt: skip
    for size in together:
        happen(hub, some(2 * size), together=size)
        shared = happen(hub, some(events - events % size), together=size)
        rate = 1000 * size / shared.mean()
        print(f"{size} that wait together, durable: {rate:,.0f} a second for one process = {rate / AIM_A_SECOND:.2f} x the aim of"
              f" {AIM_A_SECOND:,.0f}; each time {_milliseconds(shared)}; {size * bare50 / shared.mean():.1f} events for a bare commit's time")  # fmt: skip


def _milliseconds(took: np.ndarray) -> str:
    p50, p95, p99 = np.percentile(took, [50, 95, 99])
    return f"p50 {p50:.2f} ms  p95 {p95:.2f} ms  p99 {p99:.2f} ms"


if __name__ == "__main__":
    main()
