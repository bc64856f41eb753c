"""``hub backup``: the store and the deliveries, each person sealed with a key that stays out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.output import Json, print_json, print_table, say

app = typer.Typer(
    help="Backups in which whoever is erased later can be read no more, once the file of keys is the newest.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(help="The folder of the backup.", file_okay=False)]


@app.command("take")
def take(folder: Folder, *, json: Json = False) -> None:
    """Back the store and the deliveries up; taken again into the same folder, only new deliveries are copied.

    The keys are written to backup.keys beside the master key: keep the newest of that file alone, apart from the backups.
    """
    from hub.backups.taking import take as back_up
    from hub.opening import open_hub

    _print("Backup", back_up(open_hub(), folder), json=json)


@app.command("restore")
def restore(
    folder: Folder,
    *,
    keys: Annotated[
        Path | None, typer.Option(help="The newest file of keys; backup.keys beside the master key when left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring a backup back into an empty database; whoever was erased since does not come back.

    Then: hub person erase-again, hub journal verify, hub reconcile --full.
    """
    from hub.backups.taking import bring_back
    from hub.opening import open_hub

    done = bring_back(open_hub(), folder, keys=keys)
    _print("Restored", done, json=json)
    if not json:
        say("Now: hub person erase-again, hub journal verify, hub reconcile --full.")


def _print(title: str, document: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print_table(title, ("what", "is"), list(document.items()))
