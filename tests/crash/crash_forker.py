"""A warm process that forks a child for each trial: what takes seconds to import is imported once.

One JSON job a line on standard input; two lines back: the child's process id, then how it ended.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from crash_judge import RememberingJudge
from crash_points import Points, install, wait_for
from crash_steps import STEPS, clock_of

from hub.intake.judging import Judge
from hub.monitoring.logs import to_standard_error

WARM = (
    "alembic.command", "alembic.runtime.migration", "connectors.readers.csv_rows", "connectors.readers.xml_households",
    "connectors.sftp", "hub.intake.held", "hub.intake.normalise", "hub.intake.pipeline", "hub.opening", "hub.people.reconcile", "hub.people.reviews", "hub.steps",
    "psycopg", "sqlalchemy.dialects.postgresql.psycopg",
)  # fmt: skip


def run(job: dict, teacher: Judge) -> None:
    """One step, in the environment a command or a task finds."""
    from hub import steps
    from hub.intake import normalise

    os.environ.update(job["environment"])
    number = job["step"]
    steps.clock = clock_of(number, timedelta(hours=job.get("skew", 0)))
    points = Points(aim=job.get("aim"))
    if "told" in job:
        points.do = wait_for(Path(job["told"]), Path(job["go"]))
    if job["judge"]:
        judge = RememberingJudge(Path(job["judge"]), points, teacher=teacher if job.get("undisturbed") else None)
        normalise.the_judge = lambda: judge
    install(points)
    STEPS[number].do()
    Path(job["passed"]).write_bytes(orjson.dumps(points.passed))


def child(job: dict, teacher: Judge) -> int:
    try:
        run(job, teacher)
    except BaseException:  # noqa: BLE001 - whatever it is, the trial must say it
        Path(job["error"]).write_text(traceback.format_exc(), encoding="utf-8")
        return 1
    return 0


def main() -> None:
    to_standard_error()  # as every command does: standard output is for the two lines
    teacher = Judge()
    for name in WARM:
        importlib.import_module(name)
    importlib.import_module(
        "hub.intake.remembered"
    )._readers()  # read once: a file edited meanwhile would look like new declarations
    for line in sys.stdin.buffer:
        job = orjson.loads(line)
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            os._exit(child(job, teacher))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    teacher.close()


if __name__ == "__main__":
    main()
