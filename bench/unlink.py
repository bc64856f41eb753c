"""How long undoing a link takes: dossiers made again, partners corrected, all in one durable transaction.

    python bench/unlink.py [PEOPLE]        default 2,000 invented people, 100 links undone

Prints percentiles, and the ratio of the slowest hundredth to the aim of 100 ms.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.identity.store import fill, invented, opened
from hub.people.reconcile import reconcile
from hub.people.unlink import unlink

AIM = 100.0
UNDONE = 100

MET = """
select person_id, max(source_record_id) as record from link where superseded_at is null
group by person_id having count(*) > 1 order by person_id limit :undone
"""


def clock() -> datetime:
    return datetime.now(tz=UTC)  # noqa: TID251 - a benchmark meets the world


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        with opened(Path(name)) as hub:
            fill(hub, invented(Path(name) / "files", people=people, seed=105))
            reconcile(hub, clock=clock)
            with hub.engine.connect() as connection:
                met = connection.execute(text(MET), {"undone": UNDONE}).all()
            took = []
            for row in met:
                began = time.perf_counter()
                unlink(hub, row.person_id, row.record, author="bench", reason="bench", clock=clock, dry_run=False)
                took.append((time.perf_counter() - began) * 1000)
    p50, p95, p99 = np.percentile(took, [50, 95, 99])
    print(f"{len(took)} links undone among {people:,} people: p50 {p50:.0f} ms  p95 {p95:.0f} ms  p99 {p99:.0f} ms"
          f"  = {p99 / AIM:.2f} x the aim of {AIM:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
