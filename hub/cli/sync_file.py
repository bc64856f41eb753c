"""``hub sync-file``: for a département's own developers: check what they receive, certify what imports it."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, print_json, print_table, say

app = typer.Typer(
    help="Sync files: check one that was received, certify the tool that imports them.", no_args_is_help=True
)


@app.command("check")
def check_file(
    file: Annotated[Path, typer.Argument(help="The manifest, or any file of the same sending.")],
    *,
    previous: Annotated[
        Path | None, typer.Option(help="The sync file received before: the chain is checked too.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a sync file: manifest, hashes, counts, lines, and the chain with the one before. Needs no store and no key.

    Exits 1 when there is a fault; faults are told in French, by a code, a file and a line.
    """
    from hub.sharing.sync_check import check

    found = check(file, previous=previous)
    if json:
        print_json(asdict(found) | {"faults": [asdict(each) for each in found.faults]})
    else:
        for each in found.faults:
            say(f"{each.file}{f', ligne {each.line}' if each.line else ''} : {each.code} : {each.message}")
        if not found.faults:
            say(f"Fichier {found.sequence} ({found.nature}) : {found.records} enregistrements, aucune faute.")
    if found.faults:
        raise typer.Exit(NEEDS_ATTENTION)


@app.command("certify")
def certify_tool(
    command: Annotated[str, typer.Option(help="How the tool is run on a folder, as in 'import.sh {dossier}'.")],
    *,
    flow: Annotated[str, typer.Option(help="The outgoing flow whose layout is used.")] = "departement_08_retour",
    folder: Annotated[Path | None, typer.Option(help="An empty folder to play in; default: a temporary one.")] = None,
    json: Json = False,
) -> None:
    """Leave an import tool the sync files of a difficult month, and report what it passes.

    The folder holds retour (what is left), accuses (what the tool answers) and personnes.csv (who it follows).
    Exits 1 unless every step passes.
    """
    from hub.opening import open_hub
    from hub.sandbox.certify import certify
    from hub.sandbox.certify import command as run_by

    hub = open_hub()
    with tempfile.TemporaryDirectory(prefix="certification-") as temporary:
        place = folder or Path(temporary)
        found = certify(place, hub.flow(flow), hub.out_mapping(flow), run_by(command, place.absolute()))
    passed = all(each.passed for each in found)
    if json:
        print_json({"passed": passed, "steps": [asdict(each) for each in found]})
    else:
        print_table(
            "Certification",
            ("étape", "réussie", "vu"),
            [(each.step, "oui" if each.passed else "NON", each.seen) for each in found],
        )
        say("Certifié." if passed else "Non certifié.")
    if not passed:
        raise typer.Exit(NEEDS_ATTENTION)
