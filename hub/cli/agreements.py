"""``hub agreements``: what each partner may receive, by what right, until when, and what a change would mean for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say
from hub.cli.proof import OVERSEERS, Author, who_decides
from hub.days import day_of

if TYPE_CHECKING:
    from hub.opening import Hub
    from hub.sharing.agreements import Agreement

app = typer.Typer(help="What each partner may receive, by what right, until when.", no_args_is_help=True)

Title = Annotated[str, typer.Argument(help="An agreement: its partner, or the name of a further purpose.")]
Partner = Annotated[str, typer.Argument(help="A partner.")]
IN_FORCE, WAITS, OVER, REDUCED = "in force", "waits for approval", "not in its dates", "in force, wider version waits"
STATES_FR = {
    IN_FORCE: "Cette version est en vigueur.",
    WAITS: "Cette version n'est pas en vigueur : elle attend l'approbation d'une seconde personne.",
    REDUCED: "Cette version n'est pas encore en vigueur en entier : ce qu'elle ajoute attend l'approbation d'une seconde personne.",
    OVER: "Cette version n'est pas en vigueur à cette date.",
}


def _declared(hub: Hub, partner: str) -> Agreement:
    from schemas.errors import FixTheDeclaration

    found = hub.declared_agreements.get(partner)
    if found is None:
        raise FixTheDeclaration(f"No agreement with {partner!r}. Known: {', '.join(sorted(hub.declared_agreements))}.")
    return found


def _of_partner(hub: Hub, partner: str) -> Agreement:
    from hub.sharing.agreements import by_partner
    from schemas.errors import FixTheDeclaration

    found = by_partner(hub.declared_agreements)
    if partner not in found:
        raise FixTheDeclaration(f"No agreement with {partner!r}. Known: {', '.join(sorted(found))}.")
    return found[partner]


def _state(hub: Hub, agreement: Agreement) -> str:
    held = hub.approved_agreements.get(agreement.title)
    if held is None:
        return WAITS
    if held != agreement:
        return REDUCED
    return IN_FORCE if agreement.in_force(day_of(clock())) else OVER


@app.command("list")
def list_agreements(*, json: Json = False) -> None:
    """List the agreements, whether each is in force, and when it ends; exits 1 when one waits for approval."""
    from hub.opening import open_hub
    from hub.sharing.approval import waiting

    hub = open_hub()
    with hub.engine.connect() as connection:
        proposed = waiting(connection)
    rows = [
        {
            "agreement": name, "partner": each.partner, "state": _state(hub, each), "fields": len(each.fields), "sensitive": len(each.sensitive),
            "valid_from": each.valid_from, "valid_until": each.valid_until, "days_left": (each.valid_until - day_of(clock())).days,
            "proposed_by": proposed.get(name, {}).get("proposed_by"), "purpose": each.purpose,
        }
        for name, each in sorted(hub.declared_agreements.items())
    ]  # fmt: skip
    if json:
        print_json({"agreements": rows})
    else:
        shown = ("agreement", "state", "fields", "sensitive", "valid_until", "days_left", "proposed_by", "purpose")
        print_table("Agreements", shown, [[row[name] for name in shown] for row in rows])
    if any(row["state"] in {WAITS, REDUCED} for row in rows):
        raise typer.Exit(NEEDS_ATTENTION)


@app.command("show")
def show(name: Title, *, json: Json = False) -> None:
    """Show an agreement as declared, and whether it is in force."""
    from hub.opening import open_hub
    from hub.sharing.widening import content_of, sha256_of

    hub = open_hub()
    agreement = _declared(hub, name)
    document = content_of(agreement) | {"state": _state(hub, agreement), "sha256": sha256_of(agreement)}
    if json:
        print_json(document)
    else:
        shown = {what: "\n".join(each) if isinstance(each, list) else each for what, each in document.items()}
        print_table(f"Agreement with {name}", ("what", "is"), [(what, str(each)) for what, each in shown.items()])


@app.command("schema")
def schema(
    partner: Partner,
    *,
    columns: Annotated[
        bool, typer.Option("--columns", help="The columns of the file, or the fields of the API bodies.")
    ] = False,
    json: Json = False,
) -> None:
    """Print what the partner's developers need: the JSON Schema of a message, or the columns of its files."""
    from hub.opening import open_hub
    from hub.sharing.contract import columns as columns_of
    from hub.sharing.contract import line_schema

    hub = open_hub()
    agreement = _of_partner(hub, partner)
    flow = hub.flow(agreement.out_flow)
    if not columns:
        print_json(line_schema(agreement, flow))
        return
    listed = columns_of(flow, hub.out_mapping(flow.flow))
    if json:
        print_json({"partner": partner, "columns": listed})
    else:
        for column in listed:
            say(";".join(column.values()))


@app.command("annex")
def annex(
    name: Title,
    *,
    out: Annotated[Path, typer.Option(help="The page to write.", dir_okay=False)],
    json: Json = False,
) -> None:
    """Write the annex to sign, in French, as a page that prints."""
    from hub.opening import open_hub
    from hub.sharing.annex import annex as page
    from hub.sharing.widening import sha256_of

    hub = open_hub()
    agreement = _declared(hub, name)
    flow, state = hub.flow(agreement.out_flow), STATES_FR[_state(hub, agreement)]
    out.write_text(
        page(agreement, flow, hub.out_mapping(flow.flow), today=day_of(clock()), state=state), encoding="utf-8"
    )
    if json:
        print_json({"agreement": name, "file": out.name, "sha256": sha256_of(agreement)})
    else:
        say(f"{out.name} written.")


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="A partner (what is in force with it), or a YAML file.")],
    new: Annotated[str, typer.Argument(help="A partner (what is declared for it), or a YAML file.")],
    *,
    json: Json = False,
) -> None:
    """Say in French what a change of agreement would show of whom; nothing is changed."""
    from hub.opening import open_hub
    from hub.sharing.agreements import read_agreement
    from hub.sharing.effect import effect

    hub = open_hub()
    before = read_agreement(Path(old)) if _is_file(old) else hub.approved_agreements.get(_declared(hub, old).title)
    after = read_agreement(Path(new)) if _is_file(new) else _declared(hub, new)
    with hub.engine.connect() as connection:
        found = effect(connection, before, after, today=day_of(clock()))
    if json:
        print_json(found.to_dict())
    else:
        for sentence in found.sentences:
            say(sentence)


def _is_file(named: str) -> bool:
    return named.endswith((".yml", ".yaml"))


@app.command("propose")
def propose(name: Title, *, author: Author = None, json: Json = False) -> None:
    """Put a wider agreement, as declared, before a second person; what it would show is printed."""
    from hub.opening import open_hub
    from hub.sharing.approval import propose as put_forward
    from hub.sharing.effect import effect

    hub = open_hub()
    agreement = _declared(hub, name)
    with hub.engine.connect() as connection:
        found = effect(connection, hub.approved_agreements.get(name), agreement, today=day_of(clock()))
    me = who_decides(hub, author, roles=OVERSEERS)
    sha256 = put_forward(hub.engine, agreement, author=me, now=clock())
    if json:
        print_json({"agreement": name, "sha256": sha256, "effect": found.to_dict()})
    else:
        for sentence in found.sentences:
            say(sentence)
        say(f"Proposed by {me}: {sha256[:16]}. Another person approves it: hub agreements approve {name}")


@app.command("approve")
def approve(name: Title, *, author: Author = None, json: Json = False) -> None:
    """Put the proposed agreement in force; whoever proposed it cannot."""
    from hub.opening import open_hub
    from hub.sharing.approval import approve as put_in_force

    hub = open_hub()
    agreement = _declared(hub, name)
    me = who_decides(hub, author, roles=OVERSEERS)
    sha256 = put_in_force(hub.engine, agreement, author=me, now=clock())
    if json:
        print_json({"agreement": name, "sha256": sha256, "approved_by": me})
    else:
        say(f"{name}: in force, approved by {me} ({sha256[:16]}).")
