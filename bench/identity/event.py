"""One event, durable: a record arrives and is matched in the transaction that keeps it; how long, on a large base.

    python -m bench.identity.event [--people 400000] [--events 500] [--together 50] [--match-base]

The base is what three partners hold of that many people (2.1 records each), read and indexed; ``--match-base`` matches it too. Each event
is one more record: kept, compared, judged, linked and committed to disk. Prints how long one alone takes and how many statements, the
ratio to one row inserted and committed by itself on the same server, and how many a process does when that many wait ``--together`` and
share a commit. Aim: p99 under 5 ms, 1,000 a second for each process.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from psycopg import Cursor
from sqlalchemy import text

from bench.identity.store import NOW, fill, hear, invented, opened
from hub.identity.rarity import count_again
from hub.identity.reconcile import reconcile
from hub.identity.records import refresh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.opening import Hub

Event = tuple[str, tuple[str, dict[str, object], str | None]]
ALONE = 500  # bare commits to compare with
MADE = "create table alone (id bigint generated always as identity primary key, said text)"


def index(hub: Hub, *, match: bool) -> float:
    """Seconds to make the base ready, its values counted."""
    began = time.perf_counter()
    with hub.engine.begin() as connection:
        if match:
            reconcile(connection, hub.vault, hub.matching, now=NOW)
        else:
            refresh(connection, hub.vault, full=False)
            connection.execute(text("update source_record set to_match = false"))
        count_again(connection, model=hub.matching.model.version, now=NOW)
    with hub.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    return time.perf_counter() - began


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
    parser.add_argument("--people", type=int, default=400_000)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--together", type=int, default=50)
    parser.add_argument("--match-base", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        said = invented(Path(name) / "files", people=chosen.people, seed=104)
        random.Random(1).shuffle(said)
        warm, one, many = (said[part * chosen.events : (part + 1) * chosen.events] for part in range(3))
        base = said[3 * chosen.events :]
        with opened(Path(name)) as hub:
            fill(hub, base)
            size = len(base)
            del base, said
            gc.collect()
            gc.freeze()  # what the benchmark itself holds is not looked at again while it measures
            seconds = index(hub, match=chosen.match_base)
            print(f"{size:,} records {'matched' if chosen.match_base else 'read and indexed'} in {seconds:.0f} s"
                  f" ({size / seconds:,.0f} a second)", flush=True)  # fmt: skip
            happen(hub, warm)
            commits = np.percentile(bare(hub), [50, 99])
            with counted() as sent:
                alone = happen(hub, one)
            happen(hub, many[: len(many) // 2], together=chosen.together)
            shared = happen(hub, many[len(many) // 2 :], together=chosen.together)
    report(alone, commits, statements=sent[0] / len(one))
    rate = 1000 * len(many[len(many) // 2 :]) / shared.sum()
    print(
        f"{chosen.together} that wait together: {rate:,.0f} a second for one process = {rate / 1000:.2f} x the aim of 1,000"
    )


def report(alone: np.ndarray, commits: np.ndarray, *, statements: float) -> None:
    p50, p95, p99 = np.percentile(alone, [50, 95, 99])
    print(f"{len(alone)} events one by one, durable: p50 {p50:.1f} ms  p95 {p95:.1f} ms  p99 {p99:.1f} ms = {p99 / 5:.2f} x the aim"
          f" of 5 ms; {statements:.0f} statements each; {1000 / alone.mean():,.0f} a second for one process")  # fmt: skip
    print(f"one row alone, inserted and committed: p50 {commits[0]:.2f} ms  p99 {commits[1]:.2f} ms;"
          f" an event is {p50 / commits[0]:.1f} x that at p50, {p99 / commits[1]:.1f} x at p99")  # fmt: skip


if __name__ == "__main__":
    main()
