"""``hub schema``: the published contract and the data dictionary, made from the common record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import Json, print_json, say

app = typer.Typer(help="The common beneficiary schema.", no_args_is_help=True)


@app.command("show")
def show(*, json: Json = False) -> None:
    """Print the JSON Schema, or the data dictionary for a person."""
    from schemas.publish import data_dictionary, json_schema

    if json:
        print_json(json_schema())
    else:
        say(data_dictionary())


@app.command("publish")
def publish(
    root: Annotated[Path, typer.Option(help="The root of the repository.")] = Path(), *, json: Json = False
) -> None:
    """Write the JSON Schema and the data dictionary into the repository."""
    from schemas.publish import write_published

    written = [str(path) for path in write_published(root)]
    if json:
        print_json({"written": written})
    else:
        for path in written:
            say(path)
