"""``hub quarantine``: refused records: list, show, replay, drop, and send back to their partner."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say
from hub.cli.proof import OPERATORS, Author, who_acts

app = typer.Typer(help="Refused records and their reasons.", no_args_is_help=True)

Flow = Annotated[str | None, typer.Argument(help="A flow; every one when left out.")]
Record = Annotated[str, typer.Argument(help="The record's reference (L12-E345) or id.")]
Rule = Annotated[str | None, typer.Option(help="Only those this rule refused.")]


@app.command("list")
def list_quarantine(
    flow: Flow = None,
    *,
    delivery: Annotated[int | None, typer.Option(help="Only those of this delivery.")] = None,
    rule: Rule = None,
    limit: Annotated[int, typer.Option(help="How many records at most.")] = 50,
    json: Json = False,
) -> None:
    """List refused records: reference, field, rule, and what to correct."""
    from hub.intake.quarantined import quarantined
    from hub.opening import open_hub

    found = quarantined(open_hub(), flow=flow, delivery=delivery, rule=rule, limit=limit)
    if json:
        print_json({"quarantine": found})
    elif found:
        columns = ("reference", "flow", "field", "rule", "hint")
        print_table("Quarantine", columns, [[row[name] for name in columns] for row in found])
    else:
        say("Nothing in quarantine.")


@app.command("show")
def show_quarantine(record: Record, *, json: Json = False) -> None:
    """Show one refused record: which fields were read, never their values."""
    from hub.intake.quarantined import show
    from hub.opening import open_hub

    document = show(open_hub(), record)
    if json:
        print_json(document)
    else:
        print_table(f"Quarantine {record}", ("what", "is"), [(key, str(value)) for key, value in document.items()])


@app.command("replay")
def replay_quarantine(
    flow: Flow = None,
    *,
    record: Annotated[list[str] | None, typer.Option(help="Only this record (L12-E345); may be said again.")] = None,
    rule: Rule = None,
    json: Json = False,
) -> None:
    """Read refused records again from the stored deliveries, with the mappings and rules of today.

    Exits 1 when some are still refused. Replaying twice equals replaying once.
    """
    from hub.intake.quarantined import number_of
    from hub.intake.replay import replay
    from hub.opening import open_hub

    hub = open_hub()
    if flow:
        hub.flow(flow)
    ids = [number_of(hub, each) for each in record] if record else None
    done = replay(hub, clock=clock, flow=flow, ids=ids, rule=rule)
    if json:
        print_json(asdict(done))
    else:
        print_table("Replayed", ("what", "how many"), list(asdict(done).items()))
        if done.passed:
            say("Run hub reconcile to link what passed.")
    if done.still_refused:
        raise typer.Exit(NEEDS_ATTENTION)


@app.command("drop")
def drop_quarantine(
    record: Record,
    *,
    reason: Annotated[str, typer.Option(help="Why it may be dropped.")],
    author: Author = None,
    json: Json = False,
) -> None:
    """Close a refused record for good, with who and why."""
    from hub.intake.quarantined import drop
    from hub.opening import open_hub

    hub = open_hub()
    me = who_acts(hub, author, roles=OPERATORS)
    drop(hub, record, reason=f"{me} : {reason}", now=clock())
    if json:
        print_json({"reference": record, "state": "dropped"})
    else:
        say(f"Record {record} is dropped.")


@app.command("export")
def export(
    delivery: Annotated[int, typer.Argument(help="The delivery's id.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Write the reject file here.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Leave it in the partner's folder.")] = False,
    json: Json = False,
) -> None:
    """Write the refused records of a delivery in the partner's own layout, with the reason beside each.

    The file holds the partner's own personal data: keep it where such data may be.
    """
    from hub.intake.reject_file import send_rejects, write_rejects
    from hub.opening import open_hub

    if not send and out is None:
        raise typer.BadParameter("say where to write it (--out FILE) or --send it to the partner")
    hub = open_hub()
    document: dict[str, object] = {"delivery": delivery}
    if out is not None:
        with out.open("wb") as sink:
            document["records"] = write_rejects(hub, delivery, sink)
    if send:
        document["sent_as"] = send_rejects(hub, delivery)
    if json:
        print_json(document)
    else:
        print_table("Reject file", ("what", "is"), [(key, str(value)) for key, value in document.items()])
