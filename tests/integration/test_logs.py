"""What the hub logs: numbers and names of flows, one JSON document a line, where somebody asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import text

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


def test_each_message_is_one_line_with_its_id_when_it_leaves_and_when_it_is_answered(hub, partners):
    partners.deposit_day(0)
    for flow in ("caf_rsa", "departement_pivot", "pole_emploi_extrait"):
        run(hub, "receive", flow, "--json")
    run(hub, "reconcile", "--json")
    left = run(hub, "share", "departement_08", "--json", HUB_LOG="debug")
    partners.partners_work()
    answered = run(hub, "acknowledge", "departement_08", "--json", HUB_LOG="debug")
    quiet = run(hub, "share", "departement_08", "--json", HUB_LOG="info")

    with hub.engine.connect() as connection:
        known = {
            str(each)
            for each in connection.execute(text("select id from message where partner = 'departement_08'")).scalars()
        }
    told = {step: lines_of(done.stderr) for step, done in {"share": left, "acknowledge": answered}.items()}
    assert known
    for step, fate in (("share", "sent"), ("acknowledge", "acknowledged")):
        assert {line["message"] for line in told[step]} == known
        assert {(line["step"], line["partner"], line["fate"], line["level"]) for line in told[step]} == {
            (step, "departement_08", fate, "debug")
        }
    assert lines_of(quiet.stderr) == [], "what goes well is told to whoever asks for all"
    for adult in partners.population.adults:
        for value in (adult.nir, adult.birth_name, adult.email):
            assert value not in left.stderr + answered.stderr


def lines_of(told):
    """The lines about messages."""
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "message"]
