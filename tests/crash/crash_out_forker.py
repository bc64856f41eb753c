"""A warm process that forks a child for each run on the way out: share, or read acknowledgements, with the functions of the DAGs.

One JSON job a line on standard input; two lines back: the child's process id, then how it ended.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from crash_out_points import install_out
from crash_points import Points, wait_for

from hub.logs import to_standard_error

WARM = (
    "connectors.sftp",
    "hub.share",
    "hub.steps",
    "httpx",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "alembic.command",
)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def run(job: dict) -> None:
    from hub import steps

    os.environ.update(job["environment"])
    now = START + timedelta(hours=12 * job["turn"])  # so that whatever waits is due
    steps.clock = lambda: now
    points = Points(aim=job.get("aim"))
    if "told" in job:
        points.do = wait_for(Path(job["told"]), Path(job["go"]))
    install_out(points)
    done = {}
    for verb, partner in job["steps"]:
        with points.during(verb):
            done[partner] = getattr(steps, f"{verb}_step")(partner)
    Path(job["passed"]).write_bytes(orjson.dumps({"points": points.passed, "done": done}))


def child(job: dict) -> int:
    try:
        run(job)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the trial must say it
        Path(job["error"]).write_text(f"{type(error).__name__}\n{traceback.format_exc()}", encoding="utf-8")
        return 1
    return 0


def main() -> None:
    to_standard_error()  # as every command does: standard output is for the two lines
    for name in WARM:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        job = orjson.loads(line)
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            os._exit(child(job))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
