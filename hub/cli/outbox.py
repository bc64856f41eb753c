"""``hub outbox``: what waits, what was set aside and why, sent again one by one or by reason, and the partners' off switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say
from hub.cli.proof import OPERATORS, Author, who_acts

if TYPE_CHECKING:
    from hub.opening import Hub

app = typer.Typer(
    help="The outbox: what waits, what was set aside, the off switch of each partner.", no_args_is_help=True
)

Partner = Annotated[str | None, typer.Argument(help="A partner; every one when left out.")]
OnePartner = Annotated[str, typer.Argument(help="The partner.")]
Code = Annotated[str | None, typer.Option(help="Only those set aside for this reason, as in R997 or HTTP_503.")]
State = Annotated[str | None, typer.Option(help="Only those parked, unfound or rejected.")]


@app.command("list")
def list_outbox(
    partner: Partner = None,
    *,
    code: Code = None,
    state: State = None,
    limit: Annotated[int, typer.Option(min=1, help="How many messages at most.")] = 50,
    json: Json = False,
) -> None:
    """List messages set aside: their reason and which fields they carry. No value of anybody's."""
    from hub.opening import open_hub
    from hub.sharing.aside import aside

    with open_hub().engine.connect() as connection:
        found = aside(connection, partner=partner, code=code, states=_states(state), limit=limit)
    if json:
        print_json({"messages": found})
    elif found:
        columns = ("id", "partner", "state", "attempts", "reason")
        print_table("Set aside", columns, [[str(row[name]) for name in columns] for row in found])
    else:
        say("Nothing is set aside.")


@app.command("reasons")
def reasons(partner: Partner = None, *, json: Json = False) -> None:
    """Count messages set aside, by partner and reason."""
    from hub.opening import open_hub

    print_by_reason(open_hub(), partner, json=json)


@app.command("show")
def show_message(message: Annotated[UUID, typer.Argument(help="The message's id.")], *, json: Json = False) -> None:
    """Show one message: where it stands, why, which fields it carries."""
    from hub.opening import open_hub
    from hub.sharing.aside import show

    with open_hub().engine.connect() as connection:
        document = show(connection, message)
    if json:
        print_json(document)
    else:
        print_table(f"Message {message}", ("what", "is"), [(key, str(value)) for key, value in document.items()])


@app.command("replay")
def replay_messages(
    message: Annotated[list[UUID] | None, typer.Argument(help="Messages, by their ids.")] = None,
    *,
    partner: Annotated[str | None, typer.Option(help="Every one set aside of this partner.")] = None,
    code: Code = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Put messages set aside in line again: those named, or those of a partner and a reason.

    What a later message told since is taken out of them: an older word never overwrites a newer one.
    """
    from hub.opening import open_hub
    from hub.sharing.aside import replay

    if not message and partner is None and code is None:
        raise typer.BadParameter("name messages, a --partner or a --code")
    with open_hub().engine.begin() as connection:
        done = replay(connection, now=clock(), ids=message, partner=partner, code=code, states=_states(state))
    if json:
        print_json(done)
    else:
        say(f"{done['replayed']} messages are in line again; {done['overtaken']} had nothing left to say.")


@app.command("off")
def off(
    partner: OnePartner,
    *,
    reason: Annotated[str, typer.Option(help="Why: it is shown to whoever wonders.")],
    author: Author = None,
    json: Json = False,
) -> None:
    """Send nothing more to a partner, what is queued and what is under way included, until ``hub outbox on``."""
    from hub.opening import open_hub
    from hub.sharing.switches import switch_off

    hub = open_hub()
    _known(hub, partner)
    me = who_acts(hub, author, roles=OPERATORS)
    with hub.engine.begin() as connection:
        switch_off(connection, partner, reason=reason, author=me, now=clock())
    if json:
        print_json({"partner": partner, "sends": False, "reason": reason})
    else:
        say(f"Nothing is sent to {partner} any more. What it is to be told waits.")


@app.command("on")
def on(partner: OnePartner, *, json: Json = False) -> None:
    """Send to a partner again what waited for it."""
    from hub.monitoring.standing import resume
    from hub.opening import open_hub

    hub = open_hub()
    _known(hub, partner)
    was_off = resume(hub.engine, hub.flow(hub.agreements[partner].out_flow), now=clock())
    if json:
        print_json({"partner": partner, "sends": True, "was_off": was_off})
    else:
        say(f"{partner} is sent to again." if was_off else f"{partner} was not off.")


@app.command("status")
def status(*, json: Json = False) -> None:
    """Show, per partner: messages in each state, whether it is off, and how its API is. Exits 1 when one is off or open."""
    from hub.monitoring.standing import standing
    from hub.opening import open_hub

    found = standing(open_hub())
    if json:
        print_json({"partners": found})
    else:
        columns = ("partner", "pending", "sent", "acknowledged", "rejected", "unfound", "parked", "off", "circuit")
        print_table("Outbox", columns, [[row.get(name) for name in columns] for row in found])
    if any(row["off"] or row["circuit"] == "open" for row in found):
        raise typer.Exit(NEEDS_ATTENTION)


def print_by_reason(hub: Hub, partner: str | None, *, json: bool) -> None:
    """How many messages were set aside, by partner and reason."""
    from hub.sharing.aside import by_reason

    with hub.engine.connect() as connection:
        found: list[dict[str, Any]] = by_reason(connection, partner=partner)
    if json:
        print_json({"set_aside": found})
    elif found:
        columns = ("partner", "state", "code", "messages", "reason")
        print_table("Set aside", columns, [[row[name] for name in columns] for row in found])
    else:
        say("Nothing is set aside.")


def _states(state: str | None) -> tuple[str, ...]:
    from hub.sharing.aside import STATES

    if state is None:
        return STATES
    if state not in STATES:
        raise typer.BadParameter(f"one of {', '.join(STATES)}")
    return (state,)


def _known(hub: Hub, partner: str) -> None:
    if partner not in hub.agreements:
        raise typer.BadParameter(f"no agreement with {partner}; partners: {', '.join(sorted(hub.agreements))}")
