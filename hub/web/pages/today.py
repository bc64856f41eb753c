"""Aujourd'hui: what arrived, what is late, what waits, and the one thing to do next."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import Connection
from starlette.responses import Response

from hub.alarms import acknowledge, open_alarms
from hub.monitoring.runbook import runbook
from hub.sharing.switches import switches
from hub.web.gate import Anybody, Operator, Staff
from hub.web.queries.counting import backlog
from hub.web.queries.outbox import counts
from hub.web.queries.today import flows_today, oldest_held
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.seeing import incoming, outgoing_partners
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
SHOWN_ALARMS = 20
URGENT = ("livraison_retenue", "livraison_manquante", "livraison_refusee")


@router.get("/", name="aujourdhui")
def today(request: Request, screens: Here, me: Anybody) -> Response:
    """The first page."""
    hub = screens.hub
    with hub.engine.connect() as connection:
        flows = flows_today(connection, incoming(hub, me), now=screens.clock())
        alarms = seen_alarms(connection, flows, everything=me.partner is None)
        waiting = backlog(connection)
        outbox = counts(connection, outgoing_partners(hub, me))
        off = switches(connection)
        held = oldest_held(connection) if waiting["held"] else None
    groups = grouped(alarms[:SHOWN_ALARMS])
    parked = {partner: states["parked"] for partner, states in outbox.items() if states["parked"][0]}
    aside = (sum(count for count, _ in parked.values()), any(more for _, more in parked.values()))
    shown: dict[str, Any] = {
        "flows": flows,
        "groups": [group for group in groups if not group["notice"]],
        "notices": [group for group in groups if group["notice"]],
        "more_alarms": len(alarms) > SHOWN_ALARMS,
        "began": any(flow["arrived_at"] for flow in flows),
        "aside": aside,
        "aside_at": next(iter(parked), None),
        "held": held,
        "now": screens.clock(),
    }
    task = None if me.partner else next_task(me.roles, waiting, alarms, parked)
    return render(request, "aujourdhui.html", **shown, waiting=waiting, outbox=outbox, off=off, task=task)


def grouped(alarms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The alarms about one thing together, what is most pressing first; a group of mere notices says so."""
    about: dict[str, list[Mapping[str, Any]]] = {}
    for alarm in alarms:
        about.setdefault(alarm["subject"], []).append(alarm)
    groups = [_group(subject, found) for subject, found in about.items()]
    return sorted(groups, key=lambda group: (group["pressing"], -group["latest"]))


def _group(subject: str, alarms: list[Mapping[str, Any]]) -> dict[str, Any]:
    ordered = sorted(alarms, key=lambda alarm: (_pressing(alarm["kind"]), -alarm["id"]))
    seen_by = {alarm["acknowledged_by"] for alarm in alarms}
    return {
        "subject": subject,
        "flow": ordered[0]["flow"],
        "alarms": ordered,
        "since": min(alarm["opened_at"] for alarm in alarms),
        "latest": max(alarm["id"] for alarm in alarms),
        "by": None if None in seen_by else ", ".join(sorted(seen_by)),
        "pressing": _pressing(ordered[0]["kind"]),
        "notice": all(runbook().is_notice(alarm["kind"]) for alarm in alarms),
    }


def _pressing(kind: str) -> int:
    return URGENT.index(kind) if kind in URGENT else len(URGENT)


def seen_alarms(connection: Connection, flows: list[dict[str, Any]], *, everything: bool) -> list[dict[str, Any]]:
    """The latest open alarms: all of them, or those of some flows."""
    if everything:
        return open_alarms(connection, limit=SHOWN_ALARMS + 1)
    found = [alarm for flow in flows for alarm in open_alarms(connection, flow=flow["flow"], limit=SHOWN_ALARMS + 1)]
    return sorted(found, key=lambda alarm: -int(alarm["id"]))


def next_task(
    roles: frozenset[str],
    waiting: Mapping[str, Any],
    alarms: Sequence[Mapping[str, Any]],
    parked: Mapping[str, tuple[int, bool]],
) -> dict[str, Any] | None:
    """The one thing to do next: what stops people's data from reaching anybody comes first; a reviewer's is the cases."""
    if "reviewer" in roles and "operator" not in roles:
        return {"kind": "review_cases", "count": waiting["review_cases"]} if waiting["review_cases"] else None
    by_kind = {alarm["kind"]: alarm for alarm in reversed(alarms) if alarm["acknowledged_by"] is None}
    for kind in URGENT:
        if kind in by_kind:
            return {"kind": kind, "alarm": by_kind[kind]}
    if parked:
        return {"kind": "messages", "partner": next(iter(parked))}
    for name in ("quarantined", "review_cases"):
        if waiting[name]:
            return {"kind": name, "count": waiting[name]}
    return None


@router.get("/aide", name="aide")
def runbook_page(request: Request, me: Staff) -> Response:  # noqa: ARG001 - it guards
    """Each kind of alarm, and what to do about it; nothing is looked up."""
    return render(request, "aide.html", entries=runbook().root)


@router.post("/alertes/{number}", name="alerte")
def see_alarm(
    request: Request,
    screens: Here,
    me: Operator,
    number: int,
    others: Annotated[tuple[int, ...], Form(alias="avec", max_length=SHOWN_ALARMS)] = (),
    close: Annotated[bool, Form(alias="clore")] = False,  # noqa: FBT002 - a form's field
) -> Response:
    """Somebody looks after an alarm and those about the same thing, or has dealt with them."""
    acknowledge(screens.hub, number, author=me.name, now=screens.clock(), close=close)
    for each in others:
        with suppress(FixTheDeclaration):  # over in the meantime
            acknowledge(screens.hub, each, author=me.name, now=screens.clock(), close=close)
    return go(request, "aujourdhui", said="alerte_close" if close else "prise_en_charge")
