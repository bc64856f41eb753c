"""A month of a CAF's deliveries, with one of each incident: nothing is lost, and each incident says so."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from connectors.formats import Complete
from hub.monitoring.calendar import PARIS, missing, resend_request
from hub.monitoring.oversight import gaps
from hub.sandbox.month import MISSING, Month
from hub.sandbox.playing import FLOW, lone_caf, play
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def month(postgres, tmp_path_factory):
    """A hub after the month, what playing it said, and the hour it ended."""
    from cycle import new_hub

    from hub.storage.store import create_database, drop_database

    create_database(postgres, "month", template="hub_template")
    opened = new_hub(tmp_path_factory.mktemp("month") / "hub", postgres.set(database="month"))
    opened.engine.dispose()
    with lone_caf(opened.settings) as (hub, folder):
        flow = hub.flow(FLOW)
        hub.flows[FLOW] = flow.model_copy(update={"complete": Complete(stable_for=0)})
        drops = list(Month(seed=1, size=600).drops())
        yield hub, play(hub, folder, drops), drops[-1].at + timedelta(hours=14)
    drop_database(postgres, "month")


def test_the_ledger_closes_to_the_unit_every_month(month):
    _, played, _ = month

    assert [line["month"] for line in played["ledger"]] == ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"]
    assert all(line["closes"] and line["opening"] + line["entered"] - line["left"] == line["closing"] == line["counted"]
               for line in played["ledger"])  # fmt: skip
    assert all(line["units"] == line["control_total"] for line in played["ledger"])
    assert played["ledger"][3]["left"] > 0
    assert played["ledger"][4]["entered"] > 0


def test_every_incident_raised_its_alarm(month):
    _, played, _ = month

    assert {name: each["raised"] for name, each in played["incidents"].items()} == dict.fromkeys(
        played["incidents"], True
    )
    assert len(played["incidents"]) == 7


def test_no_other_delivery_raised_any(month):
    hub, played, _ = month
    struck = {f"livraison {line['id']}" for line in played["deliveries"] if line["incident"]}
    with hub.engine.connect() as connection:
        subjects = set(connection.execute(text("select subject from alarm where kind like 'livraison%'")).scalars())

    assert {subject for subject in subjects if subject.startswith("livraison")} <= struck
    assert sum(subject.startswith(FLOW) for subject in subjects) == 1


def test_every_line_balances(month):
    _, played, _ = month

    assert all(line["balanced"] for line in played["deliveries"])
    states = {line["incident"]: line["state"] for line in played["deliveries"] if line["incident"]}
    assert states == {
        "volume_effondre": "held", "jour_repete": "repeated", "ancien_fichier_redate": "redated",
        "jours_inverses": "applied", "fichier_tronque": "refused", "colonne_renommee": "held",
    }  # fmt: skip


def test_the_request_for_a_new_delivery_says_which_and_what_was_seen_last(month):
    hub, _, now = month

    found = gaps(hub, now=now)[FLOW]
    letter = resend_request(hub.flow(FLOW), found)

    assert [(gap.what, gap.due.date()) for gap in found] == [("quotidienne 08", MISSING)]
    assert "attendue le 10/11/2026 à 08h00" in letter
    assert "RSABEI08_20261109.xml (date de référence 09/11/2026)" in letter


def test_a_day_that_comes_late_is_missing_until_it_comes(month):
    hub, _, _ = month
    with hub.engine.connect() as connection:
        alarms = connection.execute(
            text("select subject, closed_at is not null from alarm where kind = 'livraison_manquante' order by 1")
        ).all()
        before = missing(connection, hub.flow(FLOW), now=datetime(2026, 11, 10, 13, 0, tzinfo=PARIS))
        after = missing(connection, hub.flow(FLOW), now=datetime(2026, 11, 10, 15, 0, tzinfo=PARIS))

    assert [tuple(row) for row in alarms] == [("caf_rsa/quotidienne 08/2026-11-10", False)]
    assert before == []
    assert [gap.due.date() for gap in after] == [MISSING]


def test_a_store_in_use_is_not_played_into(month):
    hub, _, _ = month
    settings = dataclasses.replace(hub).settings

    with pytest.raises(FixTheDeclaration, match="another HUB_HOME"), lone_caf(settings):
        pass
