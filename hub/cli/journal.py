"""``hub journal``: verify who was told what, sign it, take it out."""

from __future__ import annotations

import json as plain
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, say

app = typer.Typer(help="The journal of disclosures.", no_args_is_help=True)


@app.command("verify")
def verify(*, json: Json = False) -> None:
    """Recompute every seal and every signed checkpoint; name what was changed, deleted, added or swapped."""
    from time import perf_counter

    from hub.opening import open_hub
    from hub.proof.checkpoints import all_checkpoints, verify_signed

    hub, began = open_hub(), perf_counter()
    with hub.engine.connect() as connection:
        verified = verify_signed(hub, connection)
        signed = all_checkpoints(connection)
    seconds = round(perf_counter() - began, 2)
    if json:
        faults = [{"position": fault.position, "what": fault.what} for fault in verified.faults]
        print_json({
            "entries": verified.entries, "first_bad": verified.first_bad, "reason": verified.reason, "faults": faults,
            "signed_to": verified.signed_to, "checkpoints": len(signed), "seconds": seconds,
        })  # fmt: skip
    elif verified.faults:
        say(f"The journal is broken at entry {verified.first_bad}:")
        for fault in verified.faults:
            say(f"  {fault.what}")
    else:
        say(
            f"The journal holds: {verified.entries} entries verified in {seconds} s, signed up to entry {verified.signed_to}."
        )
    if verified.faults:
        raise typer.Exit(NEEDS_ATTENTION)


@app.command("checkpoint")
def checkpoint(*, json: Json = False) -> None:
    """Sign the entries no checkpoint covers yet; oversee does it every quarter of an hour."""
    from hub.opening import open_hub
    from hub.proof.checkpoints import sign_journal

    hub = open_hub()
    made = sign_journal(hub, now=clock())
    document = {"checkpoints": made, "public_key": hub.signer.public.hex()}
    if json:
        print_json(document)
    elif made:
        say(f"Signed up to entry {made[-1]['last_position']}. Public key: {document['public_key']}")
    else:
        say("Every entry is signed already.")


@app.command("export")
def export(
    *,
    out: Annotated[Path, typer.Option(help="The file to write, one JSON document a line.", dir_okay=False)],
    verifier: Annotated[
        Path | None, typer.Option(help="Also write the offline verifier there.", dir_okay=False)
    ] = None,
    json: Json = False,
) -> None:
    """Write the whole journal and its checkpoints, for whoever verifies it without the hub."""
    from hub.opening import open_hub
    from hub.proof.journal_export import export as lines_of

    hub, counted = open_hub(), {"entry": 0, "checkpoint": 0}
    with hub.engine.connect() as connection, out.open("w", encoding="utf-8") as file:
        for line in lines_of(connection):
            counted[line["kind"]] += 1
            file.write(plain.dumps(line, ensure_ascii=False) + "\n")
    if verifier is not None:
        verifier.write_text(offline_verifier(), encoding="utf-8")
    document = {
        "file": out.name,
        "entries": counted["entry"],
        "checkpoints": counted["checkpoint"],
        "public_key": hub.signer.public.hex(),
    }
    if json:
        print_json(document)
    else:
        say(
            f"{out.name}: {counted['entry']} entries, {counted['checkpoint']} checkpoints. Public key: {document['public_key']}"
        )


def offline_verifier() -> str:
    """The text of the one-file verifier."""
    from importlib.resources import files

    return files("hub.offline").joinpath("verify_journal.py").read_text(encoding="utf-8")
