"""``hub receive``, ``reconcile``, ``share``, ``acknowledge``: the cycle, one step at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from hub.intake.ledger import Line

LEDGER_COLUMNS = (
    "id", "flow", "name", "state", "received", "applied", "unchanged", "superseded", "quarantined", "refused", "left",
)  # fmt: skip


def receive(
    flow: Annotated[str | None, typer.Argument(help="A flow; every incoming flow when left out.")] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="Take this file as if it had just arrived.")] = None,
    json: Json = False,
) -> None:
    """Receive, normalise, check and apply; print the ledger line of each delivery.

    Exits 1 when a delivery was refused or held, or when records went to quarantine.
    """
    from hub.intake import pipeline
    from hub.opening import open_hub

    hub = open_hub()
    if file is not None and flow is None:
        raise typer.BadParameter("say which flow the file belongs to: hub receive FLOW --file PATH")
    chosen = [hub.flow(flow)] if flow else [known for known in hub.flows.values() if known.direction == "in"]
    lines: list[Line] = []
    for each in chosen:
        with progress_bar(each.flow) as progress:
            if file is not None:
                lines += pipeline.receive_path(hub, each, file, clock=clock, progress=progress)
            else:
                lines += pipeline.receive(hub, each, clock=clock, progress=progress)
    print_lines(lines, json=json)
    if any(line.state in {"refused", "held"} or line.quarantined for line in lines):
        raise typer.Exit(NEEDS_ATTENTION)


def print_lines(lines: list[Line], *, json: bool) -> None:
    """Print ledger lines, with why when nothing was applied."""
    if json:
        print_json({"deliveries": [line.to_dict() for line in lines]})
        return
    if not lines:
        say("Nothing new has arrived.")
        return
    print_table("Deliveries", LEDGER_COLUMNS, [[getattr(line, name) for name in LEDGER_COLUMNS] for line in lines])
    for line in lines:
        if line.reason:
            say(f"Delivery {line.id}: {line.reason}")


def reconcile(
    *,
    full: Annotated[bool, typer.Option("--full", help="Match everything again, not only what is new.")] = False,
    candidate: Annotated[
        Path | None,
        typer.Option("--what-if", help="Say what a candidate model or other costs would change; change nothing."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Let a full match change more persons than the limit.")] = False,
    json: Json = False,
) -> None:
    """Link new and changed records to persons, rebuild their dossiers, queue what partners may now know.

    A full match checks for drift: it is to change nobody. Above HUB_REMATCH_LIMIT it changes nothing and exits 1, unless --yes.
    """
    from hub.opening import open_hub
    from hub.people.reconcile import reconcile as run
    from hub.people.reconcile import what_if

    if candidate:
        document = what_if(open_hub(), candidate, clock=clock)
        _print_effect("What it would change", document, json=json)
    else:
        document = run(open_hub(), clock=clock, full=full, anyhow=yes)
        if document.get("blocked"):
            _print_effect("Blocked: more persons would change than the limit allows", document, json=json)
        else:
            print_document("Reconciled", document, json=json)
    if document.get("blocked"):
        raise typer.Exit(NEEDS_ATTENTION)


def _print_effect(title: str, document: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
        return
    print_document(title, {name: value for name, value in document.items() if name != "worst"}, json=False)
    columns = ("kind", "records", "partners_told", "persons")
    rows = [
        [each["kind"], each["records"], each["partners_told"], " ".join(map(str, each["persons"]))]
        for each in document["worst"]
    ]
    if rows:
        print_table("Worst first", columns, rows)


def share(
    partner: Annotated[str | None, typer.Argument(help="A partner; every one when left out.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    full: Annotated[bool, typer.Option("--full", help="A full picture of what the partner was told.")] = False,
    parked: Annotated[bool, typer.Option("--parked", help="Only say what was set aside, and why.")] = False,
    json: Json = False,
) -> None:
    """Deliver the outbox: sync files to départements, calls to Pôle emploi, a deposit to CAF.

    Exits 1 when messages were parked; ``--parked`` lists those set aside: see hub outbox.
    """
    from hub.cli.outbox import print_by_reason
    from hub.opening import open_hub
    from hub.share import partners, share_with

    hub = open_hub()
    if parked:
        print_by_reason(hub, partner, json=json)
        return
    chosen = [partner] if partner else partners(hub)
    shared = {name: share_with(hub, name, clock=clock, dry_run=dry_run, full=full) for name in chosen}
    print_per_partner("Would be shared" if dry_run else "Shared", shared, json=json)
    if any(counts.get("parked") for counts in shared.values()):
        raise typer.Exit(NEEDS_ATTENTION)


def acknowledge(
    partner: Annotated[str | None, typer.Argument(help="A partner; every one when left out.")] = None,
    *,
    json: Json = False,
) -> None:
    """Read the acknowledgements partners left, record by record."""
    from hub.opening import open_hub
    from hub.share import acknowledge_from, file_partners

    hub = open_hub()
    chosen = [partner] if partner else file_partners(hub)
    read = {name: acknowledge_from(hub, name, clock=clock) for name in chosen}
    print_per_partner("Acknowledgements", read, json=json)


def print_document(title: str, document: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print_table(
            title,
            ("what", "how many"),
            [(key, value if isinstance(value, int) else str(value)) for key, value in document.items()],
        )


def print_per_partner(title: str, documents: dict[str, dict[str, Any]], *, json: bool) -> None:
    if json:
        print_json(documents)
        return
    names = list(dict.fromkeys(name for document in documents.values() for name in document))
    rows = [(partner, *(document.get(name) for name in names)) for partner, document in documents.items()]
    print_table(title, ("partner", *names), rows)
