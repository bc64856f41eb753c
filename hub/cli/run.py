"""``hub receive``, ``reconcile``, ``share``, ``acknowledge``: the cycle, one step at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from hub.ledger import Line

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
    from hub import pipeline
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
    json: Json = False,
) -> None:
    """Link new and changed records to persons, rebuild their dossiers, queue what partners may now know."""
    from hub.opening import open_hub
    from hub.reconcile import reconcile as run

    print_document("Reconciled", run(open_hub(), clock=clock, full=full), json=json)


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
