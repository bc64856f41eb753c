"""A hub after the month of incidents, its other partners heard, and one of each thing left for an operator to do."""

from __future__ import annotations

import dataclasses
import re
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from cycle import new_hub
from intake import caf

from connectors.formats import Complete
from hub.intake import pipeline
from hub.people.reconcile import reconcile
from hub.sandbox.alone import write_connections
from hub.sandbox.month import Month
from hub.sandbox.playing import FLOW, lone_caf, play
from hub.sandbox.sandbox import Sandbox
from hub.share import acknowledge_from, share_with
from hub.sharing import outbox
from hub.sharing.outbox import LAST_TRY, Failure
from hub.web import accounts

SEED, SIZE = 1, 200
SPOILT = 4
PASSWORD = "mot de passe d'essai"
ACCOUNTS = {
    "olivia": {"roles": ["operator"]},
    "rachid": {"roles": ["reviewer"]},
    "delphine": {"roles": ["dpo"]},
    "adele": {"roles": ["administrator"]},
    "camille": {"roles": ["partner"], "partner": "caf"},
    "tous": {"roles": ["operator", "reviewer", "dpo", "administrator"]},
}
OTHERS = ("departement_pivot", "departement_webrsa", "pole_emploi_extrait", "pole_emploi_usagers")


@contextmanager
def month_of_incidents(folder, database_url):
    """The hub, and the hour it is there."""
    with lone_caf(new_hub(folder / "hub", database_url).settings) as (hub, depot):
        hub.flows[FLOW] = hub.flow(FLOW).model_copy(update={"complete": Complete(stable_for=0)})
        drops = list(Month(seed=SEED, size=SIZE).drops())
        corrected = corrected_again(drops[-1])
        drops[-1] = spoilt(drops[-1])
        play(hub, depot, drops)
        hour = drops[-1].at + timedelta(hours=14)
        with Sandbox(folder / "partners", seed=SEED, size=SIZE) as sandbox:
            write_connections(hub.settings.secrets, sandbox)
            hear_the_others(hub, sandbox, hour)
            leave_work(hub, folder, hour, corrected)
            yield hub, hour


def hear_the_others(hub, sandbox, hour):
    """The départements and Pôle emploi speak once; everybody is told, but Pôle emploi and the 52, which still wait."""
    sandbox.deposit_day(0)
    for flow in OTHERS:
        pipeline.receive(hub, hub.flow(flow), clock=lambda: hour)
        reconcile(hub, clock=lambda: hour)
    for partner in ("caf", "departement_08"):
        share_with(hub, partner, clock=lambda: hour)
    sandbox.partners_work()
    for partner in ("caf", "departement_08"):
        acknowledge_from(hub, partner, clock=lambda: hour)


def leave_work(hub, folder, hour, corrected):
    """Records in quarantine, two held deliveries, messages set aside, and the accounts of those who will deal with them.

    One is what it should not be; the other is the last day's file, corrected: the same header, other bytes.
    """
    path = folder / corrected.name
    path.write_bytes(corrected.content)
    pipeline.receive_path(hub, hub.flow(FLOW), path, clock=lambda: hour)
    few = [(900 + number, "SOPHIE", "08000") for number in range(5)]
    path = folder / "RSABEM08_20261201.xml"
    path.write_bytes(caf("2026-12-01", few, kind="M"))
    pipeline.receive_path(hub, hub.flow(FLOW), path, clock=lambda: hour)
    with hub.engine.begin() as connection:
        waiting = connection.execute(
            text("select id from message where partner = 'pole_emploi' and state = 'pending' order by id limit 3")
        ).scalars()
        failures = [Failure(message=each, attempts=0, reason="Le partenaire ne répond pas.") for each in waiting]
        for _ in range(LAST_TRY):
            outbox.retry_later(connection, failures, now=hour)
    for name, given in ACCOUNTS.items():
        accounts.add(hub, name, password=PASSWORD, now=hour - timedelta(days=1), **given)


def spoilt(drop):
    """The same file, with figures for the first names of its first people."""
    return dataclasses.replace(drop, content=re.sub(rb"<PRENOM>[^<]*<", b"<PRENOM>12<", drop.content, count=SPOILT))


def corrected_again(drop):
    """The same file sent again with what changed meanwhile: everybody's right is suspended."""
    content = re.sub(rb"<ETATDOSRSA>[0-9]<", b"<ETATDOSRSA>3<", drop.content)
    return dataclasses.replace(drop, name=drop.name.replace(".xml", "_corrige.xml"), content=content)
