"""``hub status``, ``ledger``: what came in, what became of it, what is missing."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterable

Flow = Annotated[str | None, typer.Argument(help="A flow; every one when left out.")]


def status(*, json: Json = False) -> None:
    """Show deliveries, backlog and what needs attention."""
    from hub.monitoring.overview import overview
    from hub.opening import open_hub

    document = overview(open_hub())
    if json:
        print_json(document)
        return
    columns = ("flow", "last_delivery", "state", "people", "quarantined", "reason")
    print_table("Flows", columns, [[row[name] for name in columns] for row in document["flows"]])
    print_table("Store", ("what", "how many"), list(document["store"].items()))
    rows = [(partner, *counts.values()) for partner, counts in document["outbox"].items()]
    if rows:
        print_table("Outbox", ("partner", *next(iter(document["outbox"].values()))), rows)
    if document["alarms"]:
        print_table("Alarms", ("id", "message"), [(each["id"], each["message"]) for each in document["alarms"]])


MONTH_COLUMNS = ("month", "opening", "entered", "left", "closing", "units", "their total", "closes")
# What the ledger calls by a long name, in a table that fits a terminal.
DELIVERY_COLUMNS = {"id": "id", "reference_date": "reference", "state": "state", "units": "units", "control_total": "theirs",
                    "received": "read", "applied": "new", "unchanged": "same", "superseded": "older",
                    "quarantined": "aside", "refused": "refused"}  # fmt: skip


def ledger(
    flow: Flow = None,
    *,
    month: Annotated[str | None, typer.Option(help="A month, YYYY-MM.")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Draft the request for what is missing.")] = False,
    json: Json = False,
) -> None:
    """Show, per flow and month, opening + entered - left = closing, each delivery, and what is missing.

    Exits 1 when a line does not close or a delivery is missing.
    """
    from hub.intake.running_ledger import delivery_lines, running_ledger
    from hub.monitoring.calendar import resend_request
    from hub.monitoring.oversight import gaps
    from hub.opening import open_hub

    first, last = month_bounds(month)
    hub = open_hub()
    if flow:
        hub.flow(flow)
    with hub.engine.connect() as connection:
        months = running_ledger(connection, flow=flow, month=month)
        deliveries = delivery_lines(connection, flow=flow, first=first, last=last)
    missing = gaps(hub, now=clock(), flow=flow)
    requests = {name: resend_request(hub.flow(name), each) for name, each in missing.items()}
    if json:
        print_json({
            "months": months, "deliveries": deliveries, "missing": [gap.to_dict() for each in missing.values() for gap in each],
            "resend": requests,
        })  # fmt: skip
    elif resend:
        for request in requests.values():
            say(request)
    else:
        _print_ledger(months, deliveries)
        for gap in (gap for each in missing.values() for gap in each):
            say(f"{gap.flow}: {gap.message}")
    if missing or not all(line["closes"] for line in months):
        raise typer.Exit(NEEDS_ATTENTION)


def _print_ledger(months: list[dict[str, Any]], deliveries: list[dict[str, Any]]) -> None:
    if not months:
        say("No delivery in that period.")
        return
    print_months(months)
    for flow, lines in groupby(deliveries, key=lambda line: line["flow"]):
        shown = list(lines)
        print_table(f"{flow}: deliveries", tuple(DELIVERY_COLUMNS.values()), _cells(shown, DELIVERY_COLUMNS))
        for line in shown:
            if line["reason"]:
                say(f"Delivery {line['id']}: {line['reason']}")


def print_months(months: list[dict[str, Any]]) -> None:
    """The running ledger, a table per flow and a line per month; what does not close is said."""
    names = [name.replace("their total", "control_total") for name in MONTH_COLUMNS]
    for flow, lines in groupby(months, key=lambda line: line["flow"]):
        shown = list(lines)
        print_table(f"{flow}: opening + entered - left = closing", MONTH_COLUMNS, _cells(shown, names))
        for line in shown:
            if not line["closes"]:
                stands = "" if line["in_store"] is None else f", {line['in_store']} stand in the store"
                say(
                    f"{line['month']} does not close: {line['closing']} by movements, {line['counted']} by rows{stands}."
                )


def _cells(rows: list[dict[str, Any]], columns: Iterable[str]) -> list[list[Any]]:
    return [[row[name] for name in columns] for row in rows]


def month_bounds(month: str | None) -> tuple[date | None, date | None]:
    """The first day of a month and of the next one; raises a usage error on anything but ``YYYY-MM``."""
    if month is None:
        return None, None
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise typer.BadParameter("write the month as YYYY-MM, for instance 2026-11") from None
    return first, date(first.year + first.month // 12, first.month % 12 + 1, 1)
