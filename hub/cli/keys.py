"""``hub keys``: draw the keys, replace the master key or the signing key."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.output import Json, clock, print_json, print_table, say

app = typer.Typer(help="The master key and the signing key.", no_args_is_help=True)


@app.command("create")
def create(*, json: Json = False) -> None:
    """Draw the keys that are not there yet (mode 0600); print the public half of the signing key."""
    from hub.keys import create as draw
    from hub.opening import open_hub

    document = draw(open_hub())
    if json:
        print_json(document)
    else:
        say(f"Public key of the journal: {document['public_key']}")


@app.command("rotate")
def rotate(*, json: Json = False) -> None:
    """Draw a new master key and seal everything again under it; the old one stays readable until it is retired."""
    from hub.keys import rotate as replace
    from hub.opening import open_hub

    _print(replace(open_hub()), json=json)


@app.command("rotate-search")
def rotate_search(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, say what it would do.")] = False,
    json: Json = False,
) -> None:
    """Lay another key over all hashes, tombstones included. The hub is stopped meanwhile; killed anywhere, run it again."""
    from hub.search_key import rotate_search as lay_over
    from hub.settings import load_settings

    document = lay_over(load_settings(), dry_run=not yes)
    if json:
        print_json(document)
    else:
        print_table("Search key", ("what", "is"), [(name, str(value)) for name, value in document.items()])


@app.command("rotate-signing")
def rotate_signing(*, json: Json = False) -> None:
    """Draw another key to sign the journal with; print its public half. What the old one signed can still be verified."""
    from hub.opening import open_hub
    from hub.proof.handovers import rotate_signing as hand_over

    document = hand_over(open_hub(), now=clock())
    if json:
        print_json(document)
    else:
        say(f"Public key of the journal: {document['public_key']}")
        say("Hand it to whoever verifies the journal; the keys before it lead to it, and it leads to them.")


@app.command("retire")
def retire(*, json: Json = False) -> None:
    """Forget the old master key, once every process that ran during the rotation has ended."""
    from hub.keys import retire as forget
    from hub.opening import open_hub

    _print(forget(open_hub()), json=json)


def _print(done: dict[str, int], *, json: bool) -> None:
    if json:
        print_json({"sealed_again": done})
    else:
        print_table("Sealed again", ("what", "how many"), list(done.items()))
