"""An import tool is certified by what it answers: a careful one passes, each careless one fails at its own step."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from connectors.declaration import load_flows
from hub.sandbox.certify import certify, command
from hub.sandbox.import_tool import load
from hub.sandbox.partners import FilePartner
from mappings.declaration import load_mappings

pytestmark = pytest.mark.integration


def certified(folder, run):
    flow = "departement_08_retour"
    return {each.step: each.passed for each in certify(folder, load_flows()[flow], load_mappings()[flow], run)}


def failed(found):
    return [step for step, passed in found.items() if not passed]


def test_a_careful_tool_passes_every_step(tmp_path):
    found = certified(tmp_path, lambda: load(tmp_path))

    assert failed(found) == []
    assert len(found) == 13


def test_a_tool_is_run_by_its_own_command(tmp_path):
    run = command(f"{sys.executable} -m hub.sandbox.import_tool {{dossier}}", tmp_path)
    (tmp_path / "retour").mkdir()
    (tmp_path / "personnes.csv").write_text("identifiant\n")

    run()

    with pytest.raises(subprocess.CalledProcessError):
        command(f"{sys.executable} -c 1/0", tmp_path)()


def test_a_tool_that_does_not_look_at_the_chain_fails_there(tmp_path):
    partner = FilePartner(name="d", folder=tmp_path, own={"D-1": [], "D-2": [], "D-3": []})

    wrong = failed(certified(tmp_path, partner.load))

    assert any("jour manque" in step for step in wrong)
    assert any("altéré" in step for step in wrong)
    assert not any("premier fichier" in step for step in wrong)


def test_a_tool_that_does_nothing_or_breaks_is_not_certified(tmp_path):
    assert len(failed(certified(tmp_path / "rien", lambda: None))) >= 8

    def breaks():
        raise OSError

    assert len(failed(certified(tmp_path / "casse", breaks))) == 13


def test_the_command_reports_and_exits_by_the_verdict(tmp_path):
    hub = [sys.executable, "-c", "from hub.cli import main; main()", "sync-file", "certify", "--json", "--command"]

    done = subprocess.run(
        [*hub, f"{sys.executable} -m hub.sandbox.import_tool {{dossier}}"], capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"] is True
    checked = subprocess.run(
        [*hub[:4], "check", str(tmp_path / "rien.csv"), "--json"], capture_output=True, check=False
    )
    assert checked.returncode == 1
    assert json.loads(checked.stdout)["faults"][0]["code"] == "MANIFESTE_ABSENT"
