"""What the hub logs: numbers and names of flows, one JSON document a line, where somebody asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

HUB = (sys.executable, "-c", "from hub.cli import main; main()")


def run(hub, *words, **more):
    environment = os.environ | {
        "HUB_HOME": str(hub.settings.home),
        "HUB_DATABASE_URL": hub.settings.database_url,
        **more,
    }
    return subprocess.run([*HUB, *words], capture_output=True, text=True, env=environment, check=True)


def test_each_delivery_is_one_line_with_its_number(hub, partners):
    partners.deposit_day(0)
    quiet = run(hub, "receive", "departement_pivot", "--json")
    told = run(hub, "receive", "caf_rsa", "--json", HUB_LOG="info")

    lines = [json.loads(line) for line in told.stderr.splitlines() if line.startswith("{")]
    settled = [line for line in lines if line["event"] == "delivery settled"]
    shown = json.loads(told.stdout)["deliveries"]
    assert [(line["delivery"], line["applied"], line["flow"], line["level"]) for line in settled] == [
        (each["id"], each["applied"], "caf_rsa", "info") for each in shown
    ]
    assert "delivery settled" not in quiet.stderr
    for adult in partners.population.adults:
        assert adult.nir not in told.stderr
        assert adult.birth_name not in told.stderr
