"""``hub status``, ``ledger``, ``quarantine``: what came in, what became of it, what waits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from hub.cli.output import Json, print_json, print_table, say

quarantine = typer.Typer(help="Refused records and their reasons.", no_args_is_help=True)

Flow = Annotated[str | None, typer.Argument(help="A flow; every one when left out.")]


def status(*, json: Json = False) -> None:
    """Show deliveries, backlog and what needs attention."""
    from hub.opening import open_hub
    from hub.overview import overview

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


def ledger(
    flow: Flow = None,
    *,
    month: Annotated[str | None, typer.Option(help="A month, YYYY-MM.")] = None,
    json: Json = False,
) -> None:
    """Show, per flow and month, what was received and what became of it."""
    from hub.ledger import month_lines
    from hub.opening import open_hub

    first, last = month_bounds(month)
    hub = open_hub()
    if flow:
        hub.flow(flow)
    with hub.engine.connect() as connection:
        rows = [dict(row._mapping) for row in month_lines(connection, flow, first, last)]  # noqa: SLF001 - public name
    for row in rows:
        parts = ("applied", "unchanged", "superseded", "quarantined", "refused")
        row["balanced"] = row["received"] == sum(row[part] for part in parts)
    if json:
        print_json({"months": rows})
    elif rows:
        print_table("Ledger", list(rows[0]), [[_yes(value) for value in row.values()] for row in rows])
    else:
        say("No delivery in that period.")


def month_bounds(month: str | None) -> tuple[date | None, date | None]:
    """The first day of a month and of the next one; raises a usage error on anything but ``YYYY-MM``."""
    if month is None:
        return None, None
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise typer.BadParameter("write the month as YYYY-MM, for instance 2026-11") from None
    return first, date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _yes(value: Any) -> Any:
    return ("yes" if value else "NO") if isinstance(value, bool) else value


@quarantine.command("list")
def list_quarantine(
    flow: Flow = None,
    *,
    limit: Annotated[int, typer.Option(help="How many records at most.")] = 50,
    json: Json = False,
) -> None:
    """List refused records: delivery, record, field, rule, and what to correct."""
    from hub.opening import open_hub
    from hub.quarantined import quarantined

    found = quarantined(open_hub(), flow=flow, limit=limit)
    if json:
        print_json({"quarantine": found})
    elif found:
        columns = ("id", "flow", "delivery_id", "record", "field", "rule", "hint")
        print_table("Quarantine", columns, [[row[name] for name in columns] for row in found])
    else:
        say("Nothing in quarantine.")


@quarantine.command("show")
def show_quarantine(number: Annotated[int, typer.Argument(help="The record's id.")], *, json: Json = False) -> None:
    """Show one refused record: which fields were read, never their values."""
    from hub.opening import open_hub
    from hub.quarantined import show

    document = show(open_hub(), number)
    if json:
        print_json(document)
    else:
        print_table(f"Quarantine {number}", ("what", "is"), [(key, str(value)) for key, value in document.items()])


@quarantine.command("drop")
def drop_quarantine(
    number: Annotated[int, typer.Argument(help="The record's id.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it may be dropped.")],
    json: Json = False,
) -> None:
    """Close a refused record for good, with a reason."""
    from hub.cli.output import clock
    from hub.opening import open_hub
    from hub.quarantined import drop

    drop(open_hub(), number, reason=reason, now=clock())
    if json:
        print_json({"id": number, "state": "dropped"})
    else:
        say(f"Record {number} is dropped.")
