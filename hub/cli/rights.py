"""``hub person object|protect|hold|readmit|erase``, ``hub recall``: what people are owed, and whether it was done."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say
from hub.cli.people import person
from hub.cli.proof import GUARDIANS, OVERSEERS, Author, who_acts

recall = typer.Typer(
    help="Corrections sent because something was undone, followed until acknowledged.", no_args_is_help=True
)

Person = Annotated[UUID, typer.Argument(help="The person's id in the hub.")]
Reason = Annotated[str, typer.Option(help="Why; never a person's data.")]
Lift = Annotated[bool, typer.Option("--lift", help="End it instead.")]


def _place(
    number: UUID, kind: str, *, author: str | None, reason: str, lift: bool, json: bool, until: datetime | None = None
) -> None:
    from hub.opening import open_hub
    from hub.rights.rights import end, place

    hub = open_hub()
    me = who_acts(hub, author, roles=GUARDIANS)
    if lift:
        document = end(hub, number, kind=kind, author=me, now=clock())
    else:
        document = place(hub, number, kind=kind, author=me, reason=reason, now=clock(), until=until)
    _print(document, json=json)


def _print(document: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print_table("Done", ("what", "is"), [(name, str(value)) for name, value in document.items()])


@person.command("object")
def objects(
    number: Person, *, author: Author = None, reason: Reason = "opposition", lift: Lift = False, json: Json = False
) -> None:
    """Note that the person objects: nothing about it leaves any more, what waits is withdrawn, its dossier is hidden."""
    _place(number, "objection", author=author, reason=reason, lift=lift, json=json)


@person.command("protect")
def protect(
    number: Person, *, author: Author = None, reason: Reason = "menace", lift: Lift = False, json: Json = False
) -> None:
    """Shelter a person under threat: where it lives never leaves, what waits is written again without it."""
    _place(number, "threat", author=author, reason=reason, lift=lift, json=json)


@person.command("hold")
def hold(
    number: Person, *, author: Author = None, reason: Reason = "contentieux", lift: Lift = False, json: Json = False
) -> None:
    """Put a person under a litigation hold: neither retention nor a request erases anything about it."""
    _place(number, "litigation", author=author, reason=reason, lift=lift, json=json)


@person.command("wait")
def wait(
    number: Person,
    *,
    author: Author = None,
    hours: Annotated[float, typer.Option(help="For how long.", min=0)],
    json: Json = False,
) -> None:
    """Hold back everything about a person for some hours."""
    until = clock() + timedelta(hours=hours)
    _place(number, "new", author=author, reason="attente", lift=False, json=json, until=until)


@person.command("readmit")
def readmit(number: Person, *, author: Author = None, json: Json = False) -> None:
    """Decide that a person who came back after an erasure may be here: it is told about again."""
    _place(number, "returned", author=author, reason="", lift=True, json=json)


@person.command("protections")
def protections(
    *,
    kind: Annotated[str | None, typer.Option(help="objection, threat, new, returned, archived or litigation.")] = None,
    json: Json = False,
) -> None:
    """List who is under which protection, by opaque id; exits 1 when somebody erased came back and waits for a decision."""
    from hub.dossiers.protections import listed
    from hub.opening import open_hub

    with open_hub().engine.connect() as connection:
        rows = listed(connection, kind=kind)
    if json:
        print_json({"protections": rows})
    else:
        shown = ("id", "kind", "opened_at", "until", "author", "people")
        print_table("Protections", shown, [[str(row[name]) for name in shown] for row in rows])
    if any(row["kind"] == "returned" for row in rows):
        raise typer.Exit(NEEDS_ATTENTION)


@person.command("erase")
def erase(
    number: Person,
    *,
    author: Author = None,
    reason: Reason = "demande de la personne",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would be done.")] = False,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="Print the certificate of an erasure that was done.")
    ] = False,
    json: Json = False,
) -> None:
    """Erase a person everywhere, partners included; without --yes, say what would go. The certificate comes once partners answered."""
    from hub.opening import open_hub
    from hub.rights.certificates import certificate_of
    from hub.rights.erasure import erase as take_away

    hub = open_hub()
    if certificate:
        _print(certificate_of(hub, number), json=json)
        return
    me = who_acts(hub, author, roles=OVERSEERS, tries=not yes)
    _print(take_away(hub, number, author=me, reason=reason, clock=clock, dry_run=not yes), json=json)


@person.command("erase-again")
def erase_again(*, author: Author = None, json: Json = False) -> None:
    """After a backup was restored, erase again whoever was erased since it was taken."""
    from hub.opening import open_hub
    from hub.rights.erasure import erase_again as take_away_again

    hub = open_hub()
    me = who_acts(hub, author, roles=OVERSEERS)
    _print(take_away_again(hub, author=me, clock=clock), json=json)


@recall.command("status")
def status(
    *,
    number: Annotated[int | None, typer.Argument(help="A recall; every one when left out.")] = None,
    json: Json = False,
) -> None:
    """Follow each correction until its partner has answered; exits 1 while one is outstanding."""
    from hub.opening import open_hub
    from hub.sharing.recalls import recalls

    with open_hub().engine.connect() as connection:
        found = recalls(connection, recall=number)
    if json:
        print_json({"recalls": found})
    else:
        rows = [
            (each["id"], each["cause"], each["subject"], partner, ", ".join(seen["fields"]),
             ", ".join(f"{state} {count}" for state, count in seen["states"].items()))
            for each in found
            for partner, seen in each["partners"].items()
        ]  # fmt: skip
        print_table("Recalls", ("id", "cause", "subject", "partner", "fields", "corrections"), rows)
        say(f"{sum(each['outstanding'] for each in found)} corrections are outstanding.")
    if any(each["outstanding"] for each in found):
        raise typer.Exit(NEEDS_ATTENTION)


@person.command("access-report")
def report(
    number: Person,
    *,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the page, the document, the proof and its verifier.")
    ] = None,
    json: Json = False,
) -> None:
    """Give a person everything: what is known, from whom, who was told what, with a proof that stands alone."""
    import json as plain

    from hub.cli.journal import offline_verifier
    from hub.opening import open_hub
    from hub.rights.access_report import access_report, as_page

    document = access_report(open_hub(), number, now=clock())
    if out is not None:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        (out / "rapport.html").write_text(as_page(document), encoding="utf-8")
        (out / "rapport.json").write_text(plain.dumps(document, ensure_ascii=False, indent=2), encoding="utf-8")
        (out / "preuve.json").write_text(plain.dumps(document["proof"], ensure_ascii=False), encoding="utf-8")
        (out / "verify_journal.py").write_text(offline_verifier(), encoding="utf-8")
    if json:
        print_json(document)
    elif out is not None:
        say(f"{out}: rapport.html, rapport.json, preuve.json, verify_journal.py.")
    else:
        say(f"{len(document['known'])} facts known, {len(document['told'])} disclosures. --out DIR writes the report.")
