"""How long a large VRSB0801 delivery takes to receive, beside a bare XML pass over the same file and a bare COPY.

    python bench/receive.py [HOUSEHOLDS]        default 100,000 households of about 8 kB, 760 MB

Prints the time and peak memory of ``hub receive`` (fetch, seal, normalise, check, stage, apply), as a ratio to
``lxml.iterparse`` reading and dropping the same households in the same run, with COPY of the same rows as the floor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text

from hub.sandbox.cnaf_file import write_cnaf
from hub.sandbox.population import FIRST_DAY, Population
from hub.storage.store import embedded_server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from hub.sandbox.population import Adult

HUB = (sys.executable, "-c", "from hub.cli import main; main()")

BARE = """
import sys
from lxml import etree
for _, element in etree.iterparse(sys.argv[1], tag="InfosFoyerRSA", resolve_entities=False, no_network=True):
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
"""


# A process inherits the peak of whoever started it: a small one stands between, so that the peak is the command's own.
WATCH = """
import os, sys, time
began = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - began, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measured(*command: str, **environment: str) -> tuple[float, float, str]:
    """Seconds, peak megabytes and output of a command run as a user would."""
    watched = [sys.executable, "-c", WATCH, *command]
    done = subprocess.run(watched, capture_output=True, text=True, check=False, env={**os.environ, **environment})  # noqa: TID251
    if done.returncode:
        raise SystemExit(f"{command[:4]} failed: {done.stdout[-500:]!r}")
    seconds, memory = map(float, done.stderr.split()[-2:])
    return seconds, memory, done.stdout


def invent(households: int) -> list[list[Adult]]:
    """That many households, invented."""
    adults = sorted(
        Population(seed=1, size=int(households * 1.6)).adults, key=lambda adult: (adult.household, adult.number)
    )
    homes = (list(group) for _, group in groupby(adults, key=lambda adult: adult.household))
    chosen = list(islice(homes, households))
    assert len(chosen) == households, f"only {len(chosen)} households were invented"
    return chosen


def make_delivery(path: Path, homes: Iterable[list[Adult]], *, when: date = FIRST_DAY) -> None:
    """A month of one CAF."""
    with path.open("wb") as sink:
        write_cnaf(sink, [adult for home in homes for adult in home], departement="08", when=when, seed=1, full=True)


def copy_floor(home: Path) -> float:
    """Seconds that PostgreSQL takes to COPY the same rows into a table with no index."""
    engine = create_engine(embedded_server(home / "postgres").set(database="hub"))
    columns = "source_record_id, version, content, nir_encrypted, content_hash, as_of, delivery_id, recorded_at"
    with engine.begin() as connection, tempfile.TemporaryFile() as rows:
        cursor = connection.connection.cursor()
        with cursor.copy(f"copy source_version ({columns}) to stdout") as copy:
            for block in copy:
                rows.write(block)
        connection.execute(text("create temporary table floor (like source_version) on commit drop"))
        rows.seek(0)
        began = time.perf_counter()
        with cursor.copy(f"copy floor ({columns}) from stdin") as copy:
            while block := rows.read(1 << 20):
                copy.write(block)
        seconds = time.perf_counter() - began
    engine.dispose()
    return seconds


def main() -> None:
    households = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "hub", Path(folder) / "RSABEM_bench.xml"
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        make_delivery(file, invent(households))
        measured(*HUB, "status", "--json", HUB_HOME=str(home))  # the store is there before the clock starts
        bare, bare_memory, _ = measured(sys.executable, "-c", BARE, str(file))
        took, memory, said = measured(*HUB, "receive", "caf_rsa", "--file", str(file), "--json", HUB_HOME=str(home))
        line = json.loads(said)["deliveries"][0]
        floor = copy_floor(home)
        size = file.stat().st_size / 1e6
    print(
        f"{households:,} households, {size:,.0f} MB, {line['received']:,} adults; {line['applied']:,} applied, balanced: {line['balanced']}"
    )
    print(f"  bare lxml.iterparse   {bare:7.1f} s  {bare_memory:6.0f} MB")
    print(
        f"  hub receive           {took:7.1f} s  {memory:6.0f} MB  = {took / bare:.2f} x the bare pass (aim: under 4)"
    )
    print(f"  COPY of the same rows {floor:7.1f} s             = {took / floor:.1f} x the floor")


if __name__ == "__main__":
    main()
