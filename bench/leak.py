"""Does the time a partner waits tell it that a person is known elsewhere? By the clock, and a rank test.

    python bench/leak.py [TRIALS]          default 300

A département leaves files of two people it never named before: one of whom it may be told, whose arrival in its sync file it can
time, and a probe, who is either known to the CAF and has objected, or known to nobody. The two kinds come in turn, in an order drawn
for each pair, and what is timed is all the hub does between the file and the sync file. Printed: the medians, their ratio, the chance
(Mann-Whitney) that one draw shows the difference seen if there is none, and how often one timing alone tells the kinds apart
(a coin: 0.50).
"""

from __future__ import annotations

import io
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flood import SETTLE_SETUP, whole
from scipy.stats import mannwhitneyu
from sqlalchemy import text

from hub.intake import pipeline
from hub.logs import to_standard_error
from hub.people.reconcile import reconcile
from hub.rights.rights import place
from hub.sandbox.alone import write_connections
from hub.sandbox.cnaf_file import write_cnaf
from hub.sandbox.departement_files import write_pivot
from hub.sandbox.population import FIRST_DAY, words
from hub.sandbox.sandbox import Sandbox
from hub.share import share_with
from hub.storage.store import create_database, embedded_server

if TYPE_CHECKING:
    from hub.opening import Hub
    from hub.sandbox.population import Adult

DEPARTEMENT, PARTNER = "08", "departement_08"
WARMING = 10  # pairs nobody counts: plans, caches and imports are made meanwhile
KNOWN = """
select l.person_id from link l join source_record r on r.id = l.source_record_id
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.superseded_at is null and v.content ->> 'identifiers.claim_number' = any(:claims)
"""


def now() -> datetime:
    return datetime.now(tz=UTC)  # noqa: TID251


def take(hub: Hub, flow: str, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    (line,) = pipeline.receive_path(hub, hub.flow(flow), path, clock=now)
    assert line.state == "applied", line
    reconcile(hub, clock=now)


def caf(adults: list[Adult]) -> bytes:
    content = io.BytesIO()
    write_cnaf(content, adults, departement=DEPARTEMENT, when=FIRST_DAY, seed=1, full=True)
    return content.getvalue()


def pivot(adults: list[Adult]) -> bytes:
    content = io.BytesIO()
    write_pivot(content, adults, seed=1)
    return content.getvalue()


def everybody(sandbox: Sandbox) -> list[Adult]:
    """One adult of each household, all in one département."""
    communes = [tuple(each) for each in words()["communes"][DEPARTEMENT]]
    alone = {adult.household: adult for adult in reversed(sandbox.population.adults)}
    return [
        replace(adult, departement=DEPARTEMENT, commune=communes[adult.number % len(communes)], in_departement=True)
        for adult in alone.values()
    ]


def deny(hub: Hub, denied: list[Adult]) -> None:
    with hub.engine.connect() as connection:
        claims = [adult.claim_number for adult in denied]
        persons = list(connection.execute(text(KNOWN), {"claims": claims}).scalars())
    assert len(persons) == len(denied)
    for person in persons:
        place(hub, person, kind="objection", author="bench", reason="opposition", now=now())


def timed(hub: Hub, folder: Path, number: int, people: list[Adult]) -> float:
    """Seconds from a file to the sync file that answers it."""
    path = folder / f"pivot_{number:06d}.csv"
    content = pivot(people)
    began = time.perf_counter()
    take(hub, "departement_pivot", path, content)
    sent = share_with(hub, PARTNER, clock=now)["sent"]
    seconds = time.perf_counter() - began
    assert sent == 1, f"{sent} people were told of, not one"
    return seconds


def trials(hub: Hub, folder: Path, kinds: dict[str, list[Adult]], told: list[Adult]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    order, told = random.Random(1), list(told)
    for number, pair in enumerate(zip(*kinds.values(), strict=True)):
        turns = list(zip(kinds, pair, strict=True))
        order.shuffle(turns)
        for place_, (kind, probe) in enumerate(turns):
            seconds = timed(hub, folder, 2 * number + place_, [probe, told.pop()])
            if number >= WARMING:
                found[kind].append(seconds)
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    to_standard_error()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        folder, pairs = Path(name), count + WARMING
        create_database(embedded_server(folder / "hub" / "postgres"), "hub")
        hub = whole(folder / "hub")
        with Sandbox(folder / "partners", seed=1, size=9 * pairs) as sandbox:
            write_connections(hub.settings.secrets, sandbox)
            people = everybody(sandbox)
            assert len(people) >= 4 * pairs, f"only {len(people)} households were invented"
            denied, unknown, told = people[:pairs], people[pairs : 2 * pairs], people[2 * pairs : 4 * pairs]
            take(hub, "caf_rsa", folder / "RSABEM08_20261031_000.xml", caf(denied + told))
            deny(hub, denied)
            with hub.engine.begin() as connection:
                connection.execute(text(SETTLE_SETUP))
                connection.execute(text("analyze"))
            found = trials(hub, folder, {"denied": denied, "unknown": unknown}, told)
        hub.engine.dispose()
    report(found["denied"], found["unknown"])


def report(denied: list[float], unknown: list[float]) -> None:
    test = mannwhitneyu(denied, unknown)
    medians = statistics.median(denied), statistics.median(unknown)
    print(
        f"{len(denied)} files each, in turn: denied {1000 * medians[0]:.1f} ms, unknown {1000 * medians[1]:.1f} ms (medians)"
    )
    print(f"  ratio {medians[0] / medians[1]:.3f} (aim: 1), chance of such a difference by luck {test.pvalue:.3f}")
    print(
        f"  one timing tells them apart {max(test.statistic / len(denied) / len(unknown), 1 - test.statistic / len(denied) / len(unknown)):.2f} of the time (a coin: 0.50)"
    )


if __name__ == "__main__":
    main()
