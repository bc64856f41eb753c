"""``hub meter``: the questions nobody has to ask again, and those asked again although the answer was known."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.output import Json, clock, print_json, print_table, say

SHOWN = ("month", "partner", "form", "answered", "fresh", "hours_saved", "asked_again", "hours_lost")


def meter(
    partner: Annotated[str | None, typer.Argument(help="A partner; every one when left out.")] = None,
    *,
    month: Annotated[str | None, typer.Option(help="A month, YYYY-MM.")] = None,
    json: Json = False,
) -> None:
    """Count, per partner and month, the form's questions the hub answered, and those asked again; in hours."""
    from hub.opening import open_hub
    from hub.sharing.meter import load_forms
    from hub.sharing.meter import meter as measure

    with open_hub().engine.connect() as connection:
        lines = measure(connection, load_forms(), now=clock())
    lines = [line for line in lines if partner in {None, line["partner"]} and (month is None or line["month"] == month)]
    if json:
        print_json({"lines": lines})
    elif lines:
        print_table("Asked once", SHOWN, [[line[name] for name in SHOWN] for line in lines])
    else:
        say("No question was answered in that period.")
