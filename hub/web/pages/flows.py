"""Flux: the declared flows, and the history of each."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from connectors.declaration import Flow
from hub.alarms import open_alarms
from hub.intake.counted_ledger import count_ledger, ledger_to_show
from hub.monitoring.calendar import resend_request
from hub.monitoring.oversight import MISSING, gaps
from hub.web import french
from hub.web.charts import Chart, Series
from hub.web.gate import Anybody, Operator
from hub.web.pages.today import SHOWN_ALARMS, grouped
from hub.web.queries import flows as queries
from hub.web.queries.today import flows_today, next_due
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.seeing import incoming, seen

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
DELIVERIES = 25
LEAST_FILLED = 3
GROUPS = 5
MONTHS = 24


@router.get("/flux", name="flux")
def flows(request: Request, screens: Here, me: Anybody) -> Response:
    """Every incoming flow, with its last delivery and when the next is due."""
    with screens.hub.engine.connect() as connection:
        found = flows_today(connection, incoming(screens.hub, me), now=screens.clock())
    return render(request, "flux.html", flows=found)


@router.get("/flux/{name}", name="flux_un")
def flow(request: Request, screens: Here, me: Anybody, name: str, avant: int | None = None) -> Response:
    """One flow: volumes, fill rates, refusals, latency, ledger by month, and its deliveries."""
    declared = screens.hub.flow(name)
    seen(me, declared.partner if declared.direction == "in" else None)
    ledger = ledger_to_show(screens.hub.engine, name, now=screens.clock())
    if ledger.stale:
        _count_again(screens, name)
    with screens.hub.engine.connect() as connection:
        past = queries.history(connection, name)
        refused = queries.refused_by_rule(connection, name)
        listed = queries.deliveries(connection, name, before=avant, limit=DELIVERIES + 1)
        alarms = open_alarms(connection, flow=name, limit=SHOWN_ALARMS)
    groups = grouped(alarms)
    shown: dict[str, Any] = {
        "charts": charts(past),
        "counted": ledger,
        "ledger": ledger_chart(ledger.lines),
        "refused": refused,
    }
    more = listed[DELIVERIES - 1]["id"] if len(listed) > DELIVERIES else None
    return render(
        request,
        "flux_un.html",
        flow=declared,
        due=next_due(declared, screens.clock()),
        groups=groups[:GROUPS],
        more_alarms=len(groups) - GROUPS,
        letter=request_for(screens, declared, alarms),
        deliveries=listed[:DELIVERIES],
        more=more,
        first=avant is None,
        **shown,
    )


@router.post("/flux/{name}/recompter", name="flux_recompter")
def count_again(request: Request, screens: Here, _me: Operator, name: str) -> Response:
    """Count the ledger again, row by row, without waiting for what moves it."""
    _count_again(screens, screens.hub.flow(name).flow)
    return go(request, "flux_un", name=name, said="recompte")


def _count_again(screens: Screens, flow: str) -> None:
    screens.afterwards.do(f"registre {flow}", lambda: count_ledger(screens.hub.engine, flow, now=screens.clock()))


def request_for(screens: Screens, flow: Flow, alarms: list[dict[str, Any]]) -> str | None:
    """A letter that asks the partner for what is missing, while something is."""
    if not any(alarm["kind"] == MISSING for alarm in alarms):
        return None
    found = gaps(screens.hub, now=screens.clock(), flow=flow.flow).get(flow.flow)
    return resend_request(flow, found) if found else None


def charts(past: list[Any]) -> list[Chart]:
    """What the last deliveries show, oldest first."""
    labels = [f"{row.day:%d/%m}" for row in past]
    accepted = [(row.received or 0) - (row.quarantined or 0) for row in past]
    refused = [row.quarantined or 0 for row in past]
    return [
        Chart(
            id="volumes",
            title="Enregistrements par livraison",
            labels=labels,
            bars=True,
            series=[Series(name="acceptés", values=accepted), Series(name="en quarantaine", values=refused)],
        ),
        Chart(
            id="remplissage",
            title="Part des enregistrements où le champ est rempli (les moins remplis)",
            labels=labels,
            unit=french.percent,
            whole=True,
            series=fills(past),
        ),
        Chart(
            id="delais",
            title="Délai entre l'arrivée et l'application",
            labels=labels,
            unit=french.seconds,
            series=[Series(name="délai", values=[_seconds(row) for row in past])],
        ),
    ]


def _seconds(row: Any) -> float | None:
    return float(row.seconds) if row.seconds is not None else None


def fills(past: list[Any]) -> list[Series]:
    """The fields a flow fills least among those it usually fills: where a fall shows first."""
    shares = [{path: count / row.records for path, count in row.filled.items()} if row.records else {} for row in past if row.filled is not None]  # fmt: skip
    usual = {path for share in shares for path, value in share.items() if value >= 0.5}
    mean = {path: sum(share.get(path, 0) for share in shares) / len(shares) for path in usual}
    least = sorted(usual, key=lambda path: (mean[path], path))[:LEAST_FILLED]
    return [
        Series(
            name=french.field_name(path),
            values=[(row.filled.get(path, 0) / row.records if row.filled and row.records else None) for row in past],
        )
        for path in least
    ]


def ledger_chart(months: list[dict[str, Any]]) -> Chart:
    """People followed at the end of each month, as the running ledger has it."""
    return Chart(
        id="registre",
        title="Personnes suivies à la fin de chaque mois",
        labels=[french.short_month(line["month"]) for line in months[-MONTHS:]],
        series=[Series(name="personnes suivies", values=[line["closing"] for line in months[-MONTHS:]])],
        bars=True,
        what="Mois",
    )
