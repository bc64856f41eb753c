"""The demonstration with people who cannot be missed: a cycle, bad deliveries, a store that fails; says what was kept of them.

Run in a process of its own, with ``HUB_HOME`` set; prints one JSON document.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "integration"))

from marked_files import delivery, household, household_file, without_header
from marks import MarkedSandbox, row_of
from sqlalchemy import text
from traces import processes_below

from hub.one_machine import demo as demonstration
from hub.settings import load_settings

TABLES = "select table_name from information_schema.tables where table_schema = 'public'"
TURNED_AWAY = "select count(*) from delivery where state in ('refused', 'held')"
FAILED = "select count(*) from task_instance where state in ('up_for_retry', 'failed')"


def main():
    demonstration.Sandbox = MarkedSandbox
    with demonstration.Demo(load_settings(), seed=1, size=40, tell=lambda _: None, pause=time.sleep) as demo:
        bad_deliveries(demo)
        cycle = demo.cycle()
        with demo.hub.engine.connect() as connection:
            turned_away = connection.execute(text(TURNED_AWAY)).scalar_one()
        failing_store(demo)
        kept = {"tables": airflows_tables(demo), "processes": processes_below(os.getpid())}
    home = load_settings().home
    kept["logs"] = "\n".join(path.read_text(errors="replace") for path in logs(home))
    kept["names"] = "\n".join(str(path.relative_to(home)) for path in home.rglob("*") if "partners" not in path.parts)
    marks = demo.sandbox.marks
    said = json.dumps({
        "turned_away": turned_away,
        "failed_dags": cycle["airflow"]["failed"],
        "acknowledged": sum(each["acknowledged"] for each in cycle["partners"].values()),
        "searched": {place: len(words) for place, words in kept.items()},
        "found": {place: marks.found(words)[:20] for place, words in kept.items()},
        "place_said": "The database refused what the hub wrote" in kept["logs"],
    })  # fmt: skip
    sys.stdout.write(said)


def bad_deliveries(demo):
    """Refused, held and quarantined: each flow's own, under names that name somebody."""
    mapping, pivot = demo.hub.in_mapping("caf_rsa"), demo.hub.in_mapping("departement_pivot")
    whole = household_file([household(mapping, row_of(mapping, each)) for each in range(5)])
    leave(demo, "caf", "RSABE_ZORGLUB.xml", whole[:-300])
    leave(demo, "caf", "RSABE_1.xml", whole)
    leave(demo, "departement_08", "Zorglub 0699887123.csv", delivery("departement_pivot", pivot))
    leave(demo, "departement_08", "pivot_77.csv", without_header(delivery("departement_pivot", pivot, first=30)))


def failing_store(demo):
    """The database refuses a person's row and quotes it: the task fails, and Airflow writes why."""
    with demo.hub.engine.begin() as connection:
        connection.execute(
            text("alter table source_version add constraint boom check (source_record_id < 0) not valid")
        )
    mapping = demo.hub.in_mapping("caf_rsa")
    units = [household(mapping, row_of(mapping, each)) for each in range(60, 64)]
    leave(demo, "caf", "RSABE_2.xml", household_file(units, day="2026-11-09"))
    until(demo._watched, FAILED, 1)
    time.sleep(1)  # the task's log is written to its end


def leave(demo, partner, name, content):
    folder = demo.sandbox.folder / partner / "depot"
    (folder / f".{name}").write_bytes(content)
    (folder / f".{name}").rename(folder / name)


def until(engine, statement, number):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.execute(text(statement)).scalar_one() >= number:
                return
        time.sleep(0.3)
    raise TimeoutError(statement)


def airflows_tables(demo):
    """Every row of every table of Airflow's: runs, XCom, events, rendered fields, and its own log."""
    with demo._watched.connect() as connection:
        tables = connection.execute(text(TABLES)).scalars().all()
        return "\n".join(
            row for table in tables for row in connection.execute(text(f'select t::text from "{table}" t')).scalars()
        )


def logs(home):
    """Airflow's logs, its components' output, and the database server's."""
    return [path for path in home.rglob("*") if path.is_file() and (path.suffix == ".log" or path.name == "log")]


if __name__ == "__main__":
    main()
