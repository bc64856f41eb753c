"""One event, durable: a record arrives and is matched in the transaction that keeps it; how long, on a large base.

    python -m bench.identity.event [--people 400000] [--events 500] [--match-base]

The base is what three partners hold of that many people (2.1 records each), read and indexed; ``--match-base`` matches it too. Each event
is one more record: kept, compared, judged, linked and committed to disk. Aim: p99 under 5 ms, 1,000 a second for each process.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import text

from bench.identity.store import NOW, fill, hear, invented, opened
from hub.identity.reconcile import reconcile
from hub.identity.records import refresh

if TYPE_CHECKING:
    from hub.opening import Hub


def index(hub: Hub, *, match: bool) -> float:
    """Seconds to make the base ready."""
    began = time.perf_counter()
    with hub.engine.begin() as connection:
        if match:
            reconcile(connection, hub.vault, hub.matching, now=NOW)
        else:
            refresh(connection, hub.vault, full=False)
            connection.execute(text("update source_record set to_match = false"))
    with hub.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    return time.perf_counter() - began


def happen(hub: Hub, events: list[tuple[str, tuple[str, dict[str, object], str | None]]]) -> np.ndarray:
    """Milliseconds of each event, kept and matched in one durable transaction."""
    took = []
    with hub.engine.connect() as connection:
        delivery = connection.execute(text("select min(id) from delivery")).scalar_one()
    for source, row in events:
        began = time.perf_counter()
        with hub.engine.begin() as connection:
            hear(hub, connection, source, row, delivery=delivery)
            reconcile(connection, hub.vault, hub.matching, now=NOW)
        took.append((time.perf_counter() - began) * 1000)
    return np.array(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=400_000)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--match-base", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        said = invented(Path(name) / "files", people=chosen.people, seed=104)
        random.Random(1).shuffle(said)
        events, base = said[: chosen.events], said[chosen.events :]
        with opened(Path(name)) as hub:
            fill(hub, base)
            seconds = index(hub, match=chosen.match_base)
            print(f"{len(base):,} records {'matched' if chosen.match_base else 'read and indexed'} in {seconds:.0f} s"
                  f" ({len(base) / seconds:,.0f} a second)", flush=True)  # fmt: skip
            took = happen(hub, events)
    quick = np.percentile(took[len(took) // 10 :], [50, 95, 99])  # the first tenth warms the caches
    print(f"{len(events)} events, durable: p50 {quick[0]:.1f} ms  p95 {quick[1]:.1f} ms  p99 {quick[2]:.1f} ms (aim: 5), "
          f"{1000 / took.mean():,.0f} a second for one process (aim: 1,000)")  # fmt: skip


if __name__ == "__main__":
    main()
