"""``hub delivery`` and ``hub alarms``: what an operator does about a delivery, and what wants looking at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say
from hub.cli.proof import OPERATORS, Author, who_acts

app = typer.Typer(
    help="Deliveries: show one, release or refuse a held one, revert an applied one.", no_args_is_help=True
)
alarms = typer.Typer(help="What wants an operator.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The delivery's id.")]


@app.command("show")
def show(number: Number, *, json: Json = False) -> None:
    """Show one delivery: its line in the ledger, and what was said of it as a whole."""
    from hub.intake.deliveries import show as read
    from hub.opening import open_hub

    document = read(open_hub(), number)
    if json:
        print_json(document)
        return
    shown = [(key, str(value)) for key, value in document.items() if key not in {"findings", "measures"}]
    print_table(f"Delivery {number}", ("what", "is"), [*shown, *document["measures"].items()])
    for finding in document["findings"]:
        say(f"{finding['severity']}: {finding['message']}")


@app.command("release")
def release(
    number: Number,
    *,
    author: Author = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do; do nothing.")] = False,
    json: Json = False,
) -> None:
    """Let a held delivery through, and apply it; with ``--dry-run`` say whom that would touch and what would be told."""
    from hub.cli.run import print_document, print_lines
    from hub.intake import pipeline
    from hub.intake.held import release as let_through
    from hub.intake.preview import what_releasing_does
    from hub.opening import open_hub

    hub = open_hub()
    me = who_acts(hub, author, roles=OPERATORS, tries=dry_run)
    if dry_run:
        would = what_releasing_does(hub, number, author=me, now=clock())
        print_document(f"Delivery {number}: what releasing would do", would, json=json)
        return
    let_through(hub, number, author=me, now=clock())
    print_lines(pipeline.settle(hub, [number], clock=clock), json=json)


@app.command("refuse")
def refuse(
    number: Number, *, author: Author = None, reason: Annotated[str, typer.Option(help="Why.")], json: Json = False
) -> None:
    """Refuse a held delivery: it applies nothing."""
    from hub.intake.held import refuse as turn_away
    from hub.opening import open_hub

    hub = open_hub()
    turn_away(hub, number, author=who_acts(hub, author, roles=OPERATORS), reason=reason, now=clock())
    if json:
        print_json({"id": number, "state": "refused"})
    else:
        say(f"Delivery {number} is refused.")


@app.command("revert")
def revert(
    number: Number,
    *,
    author: Author = None,
    reason: Annotated[str, typer.Option(help="Why.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what it would do.")] = False,
    json: Json = False,
) -> None:
    """Undo one delivery: records, links and dossiers as they were, and corrections to whoever was told.

    Without ``--yes`` nothing moves: it says how many people and messages it would touch.
    """
    from hub.intake.revert import revert as undo
    from hub.opening import open_hub

    hub = open_hub()
    me = who_acts(hub, author, roles=OPERATORS, tries=not yes)
    document = undo(hub, number, author=me, reason=reason, clock=clock, dry_run=not yes)
    if json:
        print_json(document)
        return
    rows = [(key, value if isinstance(value, int) else str(value)) for key, value in document.items()]
    print_table(f"Delivery {number}: {'reverted' if yes else 'what reverting would do'}", ("what", "how many"), rows)
    if not yes:
        say("Nothing was changed. Say --yes to revert.")


@alarms.command("list")
def list_alarms(*, json: Json = False) -> None:
    """List the open alarms, latest first; exits 1 when there is one."""
    from hub.alarms import open_alarms
    from hub.monitoring.oversight import look
    from hub.opening import open_hub

    hub = open_hub()
    look(hub, now=clock())
    with hub.engine.connect() as connection:
        found = open_alarms(connection)
    if json:
        print_json({"alarms": found})
    elif found:
        rows = [
            (each["id"], each["kind"], each["times"], each["acknowledged_by"] or "", each["message"]) for each in found
        ]
        print_table("Alarms", ("id", "kind", "times", "seen by", "message"), rows)
    else:
        say("No alarm.")
    if found:
        raise typer.Exit(NEEDS_ATTENTION)


@alarms.command("runbook")
def show_runbook(
    kind: Annotated[str | None, typer.Argument(help="The kind of alarm; all of them when left out.")] = None,
    *,
    json: Json = False,
) -> None:
    """Say what an alarm means, what to look at and what to do."""
    from hub.monitoring.runbook import runbook

    known = runbook()
    shown = {kind: known.entry(kind)} if kind else known.root
    if json:
        print_json({name: entry.model_dump() for name, entry in shown.items()})
        return
    for name, entry in shown.items():
        say(f"{name}: {entry.title}. {entry.means}\n  Regarder : {entry.look}\n  Faire : {entry.do}")


@alarms.command("publish")
def publish_runbook(
    root: Annotated[Path, typer.Option(help="The root of the repository.")] = Path(), *, json: Json = False
) -> None:
    """Write the runbook into the repository's docs."""
    from hub.monitoring.runbook import publish

    written = str(publish(root))
    if json:
        print_json({"written": [written]})
    else:
        say(written)


@alarms.command("ack")
def acknowledge(
    number: Annotated[int, typer.Argument(help="The alarm's id.")],
    *,
    author: Author = None,
    close: Annotated[bool, typer.Option("--close", help="It is dealt with.")] = False,
    json: Json = False,
) -> None:
    """Say that somebody looks after an alarm, or, with ``--close``, that it is dealt with."""
    from hub.alarms import acknowledge as see
    from hub.opening import open_hub

    hub = open_hub()
    me = who_acts(hub, author, roles=OPERATORS)
    see(hub, number, author=me, close=close, now=clock())
    if json:
        print_json({"id": number, "acknowledged_by": me, "closed": close})
    else:
        say(f"Alarm {number}: {'closed' if close else 'seen'}.")
