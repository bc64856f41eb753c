"""What the next month costs when little has changed, and whether memory depends on the size of a delivery.

    python bench/again.py [HOUSEHOLDS]          default 100,000 households of about 8 kB
    python bench/again.py --memory [SMALL] [LARGE]   default 10,000 and 300,000 households

The first form receives a month, then the next one in which one household in a hundred has moved, and prints the second as a
ratio to the first; the store is a server that runs, given by ``HUB_DATABASE_URL``. The second form prints the peak memory of
``hub receive`` for a small and a large delivery.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from receive import HUB, invent, make_delivery, measured

from hub.sandbox.population import FIRST_DAY
from hub.storage.store import create_database, embedded_server

if TYPE_CHECKING:
    from hub.sandbox.population import Adult

MOVED_EVERY = 100


def server_of(home: Path) -> dict[str, str]:
    """A PostgreSQL server that is there before and after each command, as where a hub is run for real; the setting that names it."""
    server = embedded_server(home / "postgres")
    create_database(server, "hub")
    return {"HUB_DATABASE_URL": server.set(database="hub").render_as_string(hide_password=False)}


def receive(home: Path, file: Path, **environment: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds, peak megabytes and ledger line of one delivery."""
    command = (*HUB, "receive", "caf_rsa", "--file", str(file), "--json")
    seconds, memory, said = measured(*command, HUB_HOME=str(home), **environment)
    return seconds, memory, json.loads(said)["deliveries"][0]


def a_month_later(homes: list[list[Adult]]) -> list[list[Adult]]:
    """The same households; one in a hundred has moved."""
    return [
        [replace(adult, address=("99", "rue", "Neuve")) for adult in home] if number % MOVED_EVERY == 0 else home
        for number, home in enumerate(homes)
    ]


def again(folder: Path, households: int) -> None:
    """Print what the second month costs beside the first."""
    home, homes = folder / "hub", invent(households)
    first, second = folder / "RSABEM_first.xml", folder / "RSABEM_second.xml"
    make_delivery(first, homes)
    make_delivery(second, a_month_later(homes), when=FIRST_DAY + timedelta(days=30))
    store = server_of(home)
    measured(*HUB, "keys", "create", HUB_HOME=str(home), **store)
    took, memory, line = receive(home, first, **store)
    took_again, memory_again, line_again = receive(home, second, **store)
    print(f"{households:,} households; first month: {line['applied']:,} applied, balanced: {line['balanced']}")
    print(f"  first month  {took:7.1f} s  {memory:6.0f} MB")
    print(
        f"  next month   {took_again:7.1f} s  {memory_again:6.0f} MB  = {took_again / took:.2f} x the first (aim: under 0.20); "
        f"{line_again['applied']:,} applied, {line_again['unchanged']:,} unchanged, balanced: {line_again['balanced']}"
    )


def memory_of(folder: Path, households: int) -> float:
    """Peak megabytes of one delivery in a store of its own."""
    home, file = folder / f"hub{households}", folder / f"RSABEM_{households}.xml"
    make_delivery(file, invent(households))
    measured(*HUB, "status", "--json", HUB_HOME=str(home))
    seconds, memory, line = receive(home, file)
    print(f"  {households:>9,} households  {file.stat().st_size / 1e6:6,.0f} MB  {seconds:6.1f} s  {memory:6.0f} MB at peak; "
          f"balanced: {line['balanced']}")  # fmt: skip
    file.unlink()
    return memory


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "--memory"]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        if "--memory" not in sys.argv:
            again(Path(folder), int(words[0]) if words else 100_000)
            return
        small, large = (int(word) for word in (words or ["10000", "300000"]))
        print("peak memory of the process that receives")
        print(f"  ratio {1 / (memory_of(Path(folder), small) / memory_of(Path(folder), large)):.2f} (flat: 1)")


if __name__ == "__main__":
    main()
