"""``make crash``: every point of every step, then random instants; prints the report, ends with 1 when anything differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from crash_steps import STEPS
from crash_trials import every_name, every_point, kill_at, name_of, random_trials
from crash_world import World
from sqlalchemy import create_engine, text

from hub.storage.store import create_database, embedded_server, upgrade

if TYPE_CHECKING:
    from crash_trials import Trial
    from sqlalchemy import URL

SHOWN = 20


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--names", action="store_true", help="each different name once, not every time it is passed")
    asked.add_argument("--random", type=int, default=120, help="how many random instants")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--to-the-end", action="store_true", help="play the rest of the scenario after each kill")
    given = asked.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        server = embedded_server(Path(folder) / "postgres")
        create_database(server, "hub_template")
        engine = create_engine(server.set(database="hub_template"))
        upgrade(engine)
        engine.dispose()
        hurry(server)
        with World(Path(folder) / "world", server) as world:
            places = every_name(world, seed=given.seed) if given.names else every_point(world)
            named = [_told(kill_at(world, *place, to_the_end=given.to_the_end)) for place in places]
            drawn = [_told(trial) for trial in random_trials(world, number=given.random, seed=given.seed)]
    print(report(named, drawn, seconds=time.monotonic() - started))
    return int(any(trial.difference for trial in (*named, *drawn)))


def hurry(server: URL) -> None:
    """Only the hub's processes are killed here, never the server nor the machine: it need not wait for the disk."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("alter system set fsync = off"))
        connection.execute(text("select pg_reload_conf()"))
    engine.dispose()


def _told(trial: Trial) -> Trial:
    mark = "DIFFERS" if trial.difference else "identical"
    print(f"{mark} {trial.seconds:5.2f} s  {STEPS[trial.step].name} | {trial.point}", file=sys.stderr, flush=True)
    if trial.difference:
        print(trial.difference, file=sys.stderr, flush=True)
    return trial


def report(named: list[Trial], drawn: list[Trial], *, seconds: float) -> str:
    """A page of Markdown: what was tried, how much of it ended as if nothing had happened."""
    names = {name_of(trial.point) for trial in named}
    lines = [
        f"{len(named)} points tried ({len(names)} different names), {_identical(named)} identical.",
        f"{len(drawn)} trials at random instants ({sum(trial.kills for trial in drawn)} kills), {_identical(drawn)} identical.",
        f"{seconds:.0f} s in all, {seconds / max(len(named) + len(drawn), 1):.2f} s a trial.",
        "",
        "| step | points | identical |",
        "|---|---:|---:|",
    ]
    of_step: defaultdict[int, list[Trial]] = defaultdict(list)
    for trial in named:
        of_step[trial.step].append(trial)
    lines += [
        f"| {STEPS[each].name} | {len(of_step[each])} | {_identical(of_step[each])} |" for each in sorted(of_step)
    ]
    lines += ["", "| phase | different names |", "|---|---:|"]
    phases: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        phases[name.partition(":")[0]].add(name)
    lines += [f"| {phase} | {len(found)} |" for phase, found in sorted(phases.items())]
    wrong = [trial for trial in (*named, *drawn) if trial.difference]
    lines += [f"- DIFFERS: {STEPS[each.step].name}, {each.point}\n{each.difference}" for each in wrong[:SHOWN]]
    return "\n".join(lines)


def _identical(trials: list[Trial]) -> int:
    return sum(not trial.difference for trial in trials)


if __name__ == "__main__":
    sys.exit(main())
