"""``make crash-out``: every named fault and every kind of point on the way out; prints the report, ends with 1 when anything differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from crash_out_trials import KILLS, named_faults, points_of, try_fault, try_kill
from crash_out_world import OutWorld
from crash_trials import name_of
from report import hurry
from sqlalchemy import create_engine

from hub.storage.store import create_database, embedded_server, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--only", default="", help="faults and points whose name holds these words")
    given = asked.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-out-") as folder:
        Path(folder).chmod(0o755)
        server = embedded_server(Path(folder) / "postgres")
        create_database(server, "hub_template")
        engine = create_engine(server.set(database="hub_template"))
        upgrade(engine)
        engine.dispose()
        hurry(server)
        with OutWorld(Path(folder) / "world", server) as out:
            faults = {name: _tried(name, try_fault, out, name) for name in named_faults() if given.only in name}
            points = [each for each in KILLS(points_of(out)) if given.only in each[1]]
            kills = {point: _tried(f"killed: {point}", try_kill, out, step, point) for step, point in points}
    print(report(faults, kills, seconds=time.monotonic() - began))
    return int(any((*faults.values(), *kills.values())))


def _tried(name: str, attempt: Callable[..., str], *words: object) -> str:
    began = time.monotonic()
    different = attempt(*words)
    mark = "DIFFERS" if different else "as expected"
    print(f"{mark} {time.monotonic() - began:5.1f} s  {name}", file=sys.stderr, flush=True)
    if different:
        print(different, file=sys.stderr, flush=True)
    return different


def report(faults: dict[str, str], kills: dict[str, str], *, seconds: float) -> str:
    """A page of Markdown: what was tried, and how much of it ended as if nothing had happened."""
    names = {name_of(point) for point in kills}
    wrong = {name: different for name, different in (faults | kills).items() if different}
    lines = [
        f"{len(faults)} named faults, {sum(not each for each in faults.values())} as expected at the end.",
        f"Killed at {len(kills)} points ({len(names)} different names), {sum(not each for each in kills.values())} as expected.",
        f"{seconds:.0f} s in all, {seconds / max(len(faults) + len(kills), 1):.2f} s a trial.",
        "",
        *(f"- {name}" for name in faults),
        *(f"- DIFFERS: {name}\n{different}" for name, different in wrong.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
