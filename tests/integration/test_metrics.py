"""What a monitor reads, and the dashboard that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from hub.monitoring.metrics import StoreCollector, exposition
from hub.web.serving import screens

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
LABELS = {"flow", "kind", "measure", "outcome", "partner", "rule", "state"}
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "hub.json"


def samples(said):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(said)
        for sample in family.samples
    }


def test_the_monitor_reads_what_the_ledger_says(finished):
    with finished.engine.connect() as connection:
        applied = connection.execute(text("select sum(applied) from delivery where flow = 'caf_rsa'")).scalar_one()
        messages = connection.execute(
            text("select count(*) from message where partner = 'departement_08' and state = 'acknowledged'")
        ).scalar_one()
        entries = connection.execute(text("select count(*) from disclosure")).scalar_one()

    read = samples(exposition(StoreCollector(finished.engine)).decode())

    assert applied > 0
    assert messages > 0
    assert read["hub_records_total", "applied", "caf_rsa"] == applied
    assert read["hub_messages", "acknowledged", "departement_08"] == messages
    assert read["hub_journal_entries",] == entries
    assert read["hub_records_to_reconcile",] == 0


def test_no_metric_holds_anybody(finished, sandbox):
    said = exposition(StoreCollector(finished.engine)).decode()

    for adult in sandbox.population.adults:
        assert adult.nir not in said
        assert adult.email not in said
    labels = {
        (name, value) for family in text_string_to_metric_families(said)
        for sample in family.samples for name, value in sample.labels.items()
    }  # fmt: skip
    assert {name for name, _ in labels} <= LABELS, "a label that could be a person's is looked at before it is let in"
    assert not any(re.search(r"\d{5}|[A-Z]{3}|@", value) for _, value in labels)


def test_every_metric_of_the_dashboard_exists(finished):
    known = {
        name for family in text_string_to_metric_families(exposition(StoreCollector(finished.engine)).decode())
        for name in (family.name, f"{family.name}_total" if family.type == "counter" else family.name)
    }  # fmt: skip
    asked = {
        name
        for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
        for name in re.findall(r"hub_\w+", target["expr"])
    }

    assert len(asked) > 10
    assert asked - known == set()


def test_only_the_token_opens_the_metrics(finished):
    object.__setattr__(finished, "settings", finished.settings.model_copy(update={"metrics_token": "jeton"}))
    with screens(finished) as address:
        refused = httpx.get(f"{address}/metrics")
        wrong = httpx.get(f"{address}/metrics", headers={"Authorization": "Bearer autre"})
        right = httpx.get(f"{address}/metrics", headers={"Authorization": "Bearer jeton"})
    object.__setattr__(finished, "settings", finished.settings.model_copy(update={"metrics_token": None}))
    with screens(finished) as address:
        unset = httpx.get(f"{address}/metrics", headers={"Authorization": "Bearer None"})

    assert [refused.status_code, wrong.status_code, right.status_code, unset.status_code] == [401, 401, 200, 401]
    assert "hub_deliveries_total" in right.text
