"""How long Airflow takes to read our DAG files, beside importing Airflow's own SDK in the same process.

    python bench/dag_import.py

The aim is under a second: DAG files read YAML and nothing else.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import time

AIRFLOW = ("airflow.sdk", "airflow.triggers.base", "airflow.timetables.assets", "airflow.timetables.trigger")
OURS = ("dags.receive", "dags.reconcile", "dags.share", "dags.acknowledge")


def seconds(modules: tuple[str, ...]) -> float:
    began = time.perf_counter()
    for module in modules:
        importlib.import_module(module)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}  # noqa: TID251
        theirs, ours = seconds(AIRFLOW), seconds(OURS)
    print(f"airflow itself {theirs:5.2f} s, our DAG files {ours:5.2f} s = {ours / theirs:.2f} x (aim: under a second)")


if __name__ == "__main__":
    main()
