"""Qualité: what the suites measured, delivery after delivery, and flows beside each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from hub.sharing.meter import load_forms, meter
from hub.web import french
from hub.web.charts import Chart, Series
from hub.web.gate import Staff
from hub.web.pages.documents import composed_at
from hub.web.queries import flows as flow_queries
from hub.web.queries import quality as queries
from hub.web.rendering import render
from hub.web.screens import Screens, here
from hub.web.seeing import incoming, seen
from quality.declaration import Quality
from quality.wording import figure, promise, subject

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
COMPARED_OVER = timedelta(days=30)
LOOKED_AT = 5


@router.get("/qualite", name="qualite")
def quality(request: Request, screens: Here, me: Staff) -> Response:
    """Every flow over thirty days, beside the others."""
    flows = {flow.flow: flow for flow in incoming(screens.hub, me)}
    with screens.hub.engine.connect() as connection:
        found = queries.compared(connection, list(flows), since=screens.clock() - COMPARED_OVER)
        last = {name: flow_queries.history(connection, name, limit=LOOKED_AT) for name in flows}
    chart = Chart(
        id="refus",
        title="Part des enregistrements refusés sur trente jours",
        labels=[french.short_flow(flows[row.flow].label) for row in found],
        series=[
            Series(name="refusés", values=[row.quarantined / row.received if row.received else None for row in found])
        ],
        unit=french.percent,
        bars=True,
        what="Flux",
    )
    verdicts = {name: latest(screens.hub.qualities[name], past) for name, past in last.items()}
    return render(request, "qualite.html", rows=found, flows=flows, chart=chart, verdicts=verdicts,
                  composed_at=composed_at(screens.hub))  # fmt: skip


@router.get("/qualite/{name}", name="qualite_un")
def flow(request: Request, screens: Here, me: Staff, name: str) -> Response:
    """What is promised of a flow, and what its last deliveries kept of it."""
    declared = screens.hub.flow(name)
    seen(me, declared.partner if declared.direction == "in" else None)
    promised = screens.hub.qualities[name]
    with screens.hub.engine.connect() as connection:
        past = flow_queries.history(connection, name)
    drawings = [verdicts_chart(promised, past), *trends(promised, past)]
    return render(request, "qualite_un.html", flow=declared, lines=lines(promised, past), charts=drawings)


@router.post("/qualite", name="compteur")
def count(request: Request, screens: Here, me: Staff) -> Response:  # noqa: ARG001 - it guards
    """Count the questions nobody has to ask again; it reads the whole journal, so somebody has to ask for it."""
    with screens.hub.engine.connect() as connection:
        found = meter(connection, load_forms(), now=screens.clock())
    return render(request, "qualite_compteur.html", lines=found)


def kept_and_broken(promised: Quality, row: Any) -> tuple[int, int]:
    """How many expectations a delivery kept, and how many it did not."""
    judged = [each for each in promised.suite if each.kind in {None, row.kind} and _measure(row, each) is not None]
    kept = sum(_kept(each, row.measures[each.measured]) for each in judged)
    return kept, len(judged) - kept


def _measure(row: Any, expected: Any) -> float | None:
    return (row.measures or {}).get(expected.measured)


def latest(promised: Quality, past: list[Any]) -> dict[str, Any] | None:
    """What the last judged delivery kept; None when none was."""
    for row in reversed(past):
        kept, broken = kept_and_broken(promised, row)
        if kept + broken:
            return {"id": row.id, "kept": kept, "judged": kept + broken}
    return None


def verdicts_chart(promised: Quality, past: list[Any]) -> Chart:
    """Expectations kept and broken, delivery after delivery."""
    verdicts = [kept_and_broken(promised, row) for row in past]
    return Chart(
        id="verdicts",
        title="Attentes tenues et non tenues par chaque livraison",
        labels=[f"{row.day:%d/%m}" for row in past],
        bars=True,
        series=[
            Series(name="tenues", values=[kept for kept, _ in verdicts]),
            Series(name="non tenues", values=[broken for _, broken in verdicts]),
        ],
    )


def lines(promised: Quality, past: list[Any]) -> list[dict[str, Any]]:
    """Each promise, and the measure of each of the last deliveries it was held against."""
    found = []
    for expected in promised.suite:
        judged = [
            row for row in past if expected.kind in {None, row.kind} and expected.measured in (row.measures or {})
        ]
        values = [(row, row.measures[expected.measured]) for row in judged[-8:]]
        cells = [
            {"id": row.id, "day": row.day, "value": figure(expected, value), "kept": _kept(expected, value)}
            for row, value in values
            if value is not None
        ]
        found.append({"promise": promise(expected), "cells": cells})
    return found


def _kept(expected: Any, value: float) -> bool:
    low = expected.at_least is None or value >= expected.at_least
    return low and (expected.at_most is None or value <= expected.at_most)


def trends(promised: Quality, past: list[Any]) -> list[Chart]:
    """The shares among the measures, over time, one chart."""
    shares = {each.measured: each for each in promised.suite if each.expect in {"fill_rate", "quarantined_share"}}
    series = [
        Series(name=_named(expected), values=[(row.measures or {}).get(name) for row in past])
        for name, expected in shares.items()
    ]
    labels = [f"{row.day:%d/%m}" for row in past]
    return [Chart(id="mesures", title="Ce qui a été mesuré, livraison après livraison", labels=labels, series=series,
                  unit=french.percent, whole=True)]  # fmt: skip


def _named(expected: Any) -> str:
    return f"Remplissage : {french.field_name(expected.field)}" if expected.field else subject(expected)
