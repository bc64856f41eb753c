"""The DAGs: generated from YAML, thin, quick to read, and one real cycle through a real Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dags
from connectors.declaration import load_flows
from hub.one_machine.demo import OF_NO_PARTNER

pytestmark = pytest.mark.airflow

HEAVY = (
    "pandas",
    "great_expectations",
    "paramiko",
    "lxml",
    "connectors.france_travail",
)
READ = """
import json, sys, time
import airflow.sdk, airflow.triggers.base, airflow.timetables.assets, airflow.timetables.trigger
began = time.perf_counter()
import dags.receive, dags.reconcile, dags.retain, dags.share, dags.acknowledge, dags.oversee
took = time.perf_counter() - began
from airflow.sdk import DAG
found = [value for module in (dags.receive, dags.reconcile, dags.retain, dags.share, dags.acknowledge, dags.oversee) for value in vars(module).values() if isinstance(value, DAG)]
print(json.dumps({"dags": sorted({dag.dag_id for dag in found}), "tasks": {dag.dag_id: sorted(dag.task_ids) for dag in found}, "seconds": took, "modules": sorted(sys.modules)}))
"""


def python(code: str, home: Path) -> str:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What reading the DAG files gives, in a process of its own."""
    return json.loads(python(READ, tmp_path_factory.mktemp("airflow")))


def test_every_flow_and_every_partner_has_its_dag(read):
    flows = load_flows().values()
    expected = {f"receive_{flow.flow}" for flow in flows if flow.direction == "in"}
    expected |= {f"share_{flow.partner}" for flow in flows if flow.direction == "out"}
    expected |= {f"acknowledge_{flow.partner}" for flow in flows if flow.deliver}

    assert set(read["dags"]) == expected | set(OF_NO_PARTNER)
    assert read["tasks"]["retain"] == ["count", "retain"]
    assert read["tasks"]["receive_caf_rsa"] == ["normalise_check_apply", "receive"]


def test_reading_the_dags_is_quick_and_imports_nothing_heavy(read):
    assert [module for module in HEAVY if module in read["modules"]] == []


def test_dag_files_read_no_variable_no_database_and_no_network():
    for path in Path(dags.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("Variable", "create_engine", "httpx", "paramiko", "requests"))


def test_one_cycle_through_a_real_airflow(tmp_path):
    """The demonstration itself: every DAG runs, every line balances, every file partner acknowledges, nothing leaks."""
    environment = os.environ | {"HUB_HOME": str(tmp_path / "hub"), "PYTHONWARNINGS": "ignore"}
    command = [
        sys.executable,
        "-c",
        "from hub.cli import main; main()",
        "demo",
        "--once",
        "--again",
        "--json",
        "--size",
        "120",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=560)

    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    assert seen["unbalanced_deliveries"] == []
    assert seen["airflow"]["failed"] == []
    for partner, counts in seen["partners"].items():
        assert counts["messages"] > 0
        assert counts["waiting"] == counts["parked"] == 0
        assert partner == "pole_emploi" or counts["acknowledged"] == counts["messages"]
    for side in seen["sandbox"].values():
        assert (side["fields_not_allowed"], side["people_not_followed"], side["values_of_somebody_else"]) == (0, 0, 0)
    assert {name: row["applied"] for name, row in seen["again"]["flows"].items()} == {
        name: row["applied"] for name, row in seen["flows"].items()
    }
    assert seen["again"]["partners"] == seen["partners"]


def test_nobody_is_in_what_airflow_keeps(tmp_path):
    """People who cannot be missed go through it, failures included: not in its tables, logs, file names or processes."""
    lineage = tmp_path / "hub" / "lineage.log"
    transport = json.dumps({"type": "file", "log_file_path": str(lineage), "append": True})
    environment = os.environ | {
        "HUB_HOME": str(tmp_path / "hub"),
        "PYTHONWARNINGS": "ignore",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": transport,
    }
    command = [sys.executable, str(Path(__file__).parent / "marked_demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=560)

    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    assert (seen["failed_dags"], seen["turned_away"], seen["place_said"]) == ([], 3, True)
    assert seen["acknowledged"] > 0
    assert min(seen["searched"].values()) > 2_000, seen["searched"]
    assert seen["found"] == {"tables": [], "processes": [], "logs": [], "names": []}
    assert "zorglub" not in done.stderr.lower()
    assert edges(lineage) >= {
        ("receive_caf_rsa.receive", "in", "arrivals/caf_rsa"),
        ("receive_caf_rsa.normalise_check_apply", "out", "deliveries/caf_rsa"),
        ("reconcile.reconcile", "in", "deliveries/caf_rsa"),
        ("reconcile.reconcile", "out", "dossiers"),
        ("share_departement_08.share", "in", "dossiers"),
        ("share_departement_08.share", "out", "messages/departement_08"),
    }


def edges(lineage):
    """Which task read and wrote what, as OpenLineage was told of tasks that completed."""
    found = set()
    for line in lineage.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["eventType"] == "COMPLETE":
            found |= {(event["job"]["name"], "in", each["name"]) for each in event.get("inputs", ())}
            found |= {(event["job"]["name"], "out", each["name"]) for each in event.get("outputs", ())}
    return found
