"""Oversight: turn what happened, and what did not, into alarms an operator sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from hub.alarms import Alarm, close_alarms, open_alarms, raise_alarms
from hub.monitoring.calendar import Missing, missing
from hub.monitoring.watch import JOURNAL_BROKEN, STANDING, certificates, journal_alarms, standing
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

MISSING = "livraison_manquante"
STATES = {
    "refused": "livraison_refusee",
    "held": "livraison_retenue",
    "repeated": "livraison_repetee",
    "redated": "livraison_redatee",
    "outdated": "livraison_depassee",
}
# Said on the delivery itself, not worth waking anybody.
NOTICES_ONLY = {"colonne_inconnue", "colonne_absente", "colonnes_deplacees", "code_inconnu", "dossier_repete"}


def subject_of(delivery_id: int) -> str:
    """How alarms name a delivery."""
    return f"livraison {delivery_id}"


def alarm_delivery(connection: Connection, delivery_id: int, *, now: datetime) -> None:
    """Raise what a delivery calls for, in the transaction that put it in its state: neither stands without the other."""
    row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
    raise_alarms(connection, _of_delivery(row), now=now)


def _of_delivery(row: Row[Any]) -> Iterator[Alarm]:
    subject = subject_of(row.id)
    if row.state in STATES:
        hint = f" hub delivery release {row.id} ou refuse {row.id}." if row.state == "held" else ""
        message = f"{row.flow}, livraison {row.id} ({row.name}) : {row.reason}{hint}"
        yield Alarm(kind=STATES[row.state], subject=subject, flow=row.flow, message=message)
    for finding in row.findings or ():
        if finding["severity"] == "warn" and finding["rule"] not in NOTICES_ONLY:
            kind = finding["rule"].partition(":")[0]
            message = f"{row.flow}, livraison {row.id} : {finding['message']}"
            yield Alarm(kind=kind, subject=subject, flow=row.flow, message=message)


def gaps(hub: Hub, *, now: datetime, flow: str | None = None) -> dict[str, list[Missing]]:
    """The deliveries that were due and did not come, per flow; flows with none are left out."""
    watched = [hub.flow(flow)] if flow else [each for each in hub.flows.values() if each.direction == "in"]
    with hub.engine.connect() as connection:
        found = {each.flow: missing(connection, each, now=now) for each in watched if each.expected}
    return {name: each for name, each in found.items() if each}


def look(hub: Hub, *, now: datetime) -> dict[str, int]:
    """Look at the calendar and at what stands: raise what is wrong, close what is over; returns counts."""
    found = [
        Alarm(kind=MISSING, subject=gap.subject, flow=gap.flow, message=gap.message)
        for each in gaps(hub, now=now).values()
        for gap in each
    ]
    found += certificates(hub, now=now)
    with hub.engine.begin() as connection:
        found += standing(hub, connection, now=now)
        over = _settle(connection, found, {MISSING, *STANDING}, now=now)
    return {"missing": sum(each.kind == MISSING for each in found), "standing": len(found), "over": over}


def look_at_journal(hub: Hub, *, now: datetime) -> dict[str, int]:
    """Recompute the journal's chain, raise or close its alarm; returns counts."""
    with hub.engine.begin() as connection:
        found = list(journal_alarms(hub, connection))
        over = _settle(connection, found, {JOURNAL_BROKEN}, now=now)
    return {"standing": len(found), "over": over}


def _settle(connection: Connection, found: list[Alarm], kinds: set[str], *, now: datetime) -> int:
    """Raise what was found and not said yet, close what was said and is no more; returns how many are over."""
    still = {(each.kind, each.subject) for each in found}
    said = {(each["kind"], each["subject"]) for each in open_alarms(connection, limit=10_000) if each["kind"] in kinds}
    for kind, subject in said - still:
        close_alarms(connection, subject, now=now, kind=kind)
    raise_alarms(connection, [each for each in found if (each.kind, each.subject) not in said], now=now)
    return len(said - still)
