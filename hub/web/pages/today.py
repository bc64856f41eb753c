"""Aujourd'hui: what arrived, what is late, what waits, and the one thing to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from hub.alarms import acknowledge, open_alarms
from hub.web.gate import Anybody, Operator
from hub.web.queries.counting import backlog
from hub.web.queries.outbox import counts
from hub.web.queries.today import flows_today
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.seeing import incoming, outgoing_partners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
SHOWN_ALARMS = 20


@router.get("/", name="aujourdhui")
def today(request: Request, screens: Here, me: Anybody) -> Response:
    """The first page."""
    hub = screens.hub
    with hub.engine.connect() as connection:
        flows = flows_today(connection, incoming(hub, me), now=screens.clock())
        alarms = open_alarms(connection, limit=SHOWN_ALARMS + 1)
        waiting = backlog(connection)
        outbox = counts(connection, outgoing_partners(hub, me))
    ours = {flow["flow"] for flow in flows}
    seen = [alarm for alarm in alarms if me.partner is None or alarm["flow"] in ours]
    shown: dict[str, Any] = {"flows": flows, "alarms": seen[:SHOWN_ALARMS], "more_alarms": len(seen) > SHOWN_ALARMS}
    parked = {partner: states["parked"] for partner, states in outbox.items() if states["parked"][0]}
    task = None if me.partner else next_task(waiting, alarms, parked)
    return render(request, "aujourdhui.html", **shown, waiting=waiting, outbox=outbox, task=task)


def next_task(
    waiting: Mapping[str, Any], alarms: Sequence[Mapping[str, Any]], parked: Mapping[str, tuple[int, bool]]
) -> dict[str, Any] | None:
    """The one thing to do next: what stops people's data from reaching anybody comes first."""
    by_kind = {alarm["kind"]: alarm for alarm in reversed(alarms) if alarm["acknowledged_by"] is None}
    for kind, page in (
        ("livraison_retenue", "livraison"),
        ("livraison_manquante", "flux_un"),
        ("livraison_refusee", "livraison"),
    ):
        if kind in by_kind:
            return {"kind": kind, "page": page, "alarm": by_kind[kind]}
    if parked:
        return {"kind": "messages", "page": "partage", "partner": next(iter(parked))}
    for name, page in (("quarantined", "quarantaine"), ("review_cases", "rapprochements")):
        if waiting[name]:
            return {"kind": name, "page": page, "count": waiting[name]}
    return None


@router.post("/alertes/{number}", name="alerte")
def see_alarm(
    request: Request,
    screens: Here,
    me: Operator,
    number: int,
    close: Annotated[bool, Form(alias="clore")] = False,  # noqa: FBT002 - a form's field
) -> Response:
    """Somebody looks after an alarm, or has dealt with it."""
    acknowledge(screens.hub, number, author=me.name, now=screens.clock(), close=close)
    return go(request, "aujourdhui", said="alerte_close" if close else "prise_en_charge")
