"""``hub flows``: the declared flows, and whether every declaration is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import Json, print_json, print_table, say

app = typer.Typer(help="The declared flows.", invoke_without_command=True)


@app.callback()
def list_flows(context: typer.Context, *, json: Json = False) -> None:
    """List the declared flows."""
    if context.invoked_subcommand:
        return
    from hub.opening import open_hub

    flows = sorted(open_hub().flows.values(), key=lambda flow: (flow.direction, flow.flow))
    if json:
        print_json([
            {"flow": flow.flow, "partner": flow.partner, "direction": flow.direction, "protocol": flow.protocol, "label": flow.label}
            for flow in flows
        ])  # fmt: skip
        return
    rows = [(flow.flow, flow.partner, flow.direction, flow.protocol, flow.label) for flow in flows]
    print_table("Flows", ("flow", "partner", "direction", "protocol", "label"), rows)


@app.command("check")
def check(*, json: Json = False) -> None:
    """Validate every YAML of every flow and agreement; prints all faults at once."""
    from hub.declarations import faults

    found = faults()
    if json:
        print_json({"faults": found})
    elif found:
        for fault in found:
            say(fault)
    else:
        say("Every declaration is right.")
    if found:
        raise typer.Exit(1)


@app.command("docs")
def docs(
    flow: Annotated[str | None, typer.Argument(help="A flow; every incoming flow when left out.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder to write the pages in.")],
    latest: Annotated[int, typer.Option(min=1, help="How many past deliveries of each flow.")] = 30,
    json: Json = False,
) -> None:
    """Write Great Expectations' Data Docs: what each flow promises, and what its past deliveries kept of it.

    The pages need no network, call nobody, and hold counts and rates only.
    """
    from hub.opening import open_hub
    from hub.web.suite_docs import write_suite_docs

    pages = write_suite_docs(open_hub(), out, flow=flow, latest=latest)
    index = out / "index.html"
    if json:
        print_json({"index": str(index), "pages": pages})
    else:
        say(f"{pages} pages: open {index}")
