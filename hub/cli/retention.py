"""``hub retention``: what the clocks have run out for."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.output import Json, clock, print_json, print_table

SHOWN = {
    "archive": "people to archive: nobody spoke of them for the active period",
    "unfollowed": "people to destroy: nobody follows them any more",
    "destroy": "people to destroy: both periods are over",
    "litigation": "people due and kept: litigation hold",
    "raw": "deliveries as received to destroy",
}


def retention(
    *,
    yes: Annotated[bool, typer.Option("--yes/--dry-run", help="Do it; without --yes, only count.")] = False,
    json: Json = False,
) -> None:
    """Archive and destroy whom the law says is kept no longer; partners are not told, for it was true."""
    from hub.opening import open_hub
    from hub.rights.retention import retain

    document = retain(open_hub(), clock=clock, dry_run=not yes)
    if json:
        print_json(document)
    else:
        title = "Retention" if yes else "Retention, dry run: --yes does it"
        print_table(title, ("what", "how many"), [(label, document[name]) for name, label in SHOWN.items()])
