"""``hub demo``, ``hub up``, ``hub sandbox up``: everything running, until stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import NEEDS_ATTENTION, Json, clock, print_json, print_table, say
from hub.cli.stopping import Stopped, until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cli.stopping import Stop
    from hub.one_machine.demo import Demo

sandbox = typer.Typer(help="The pretend partners.", no_args_is_help=True)

Size = Annotated[int, typer.Option(min=10, max=100_000, help="How many adults to invent.")]
Seed = Annotated[int, typer.Option(help="Another seed, other people.")]


def teller() -> Callable[[str], None]:
    """Say what is going on, on standard error, with the seconds passed."""
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    return tell


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="One cycle, then stop everything.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Then send the same deliveries again: nothing may change.")
    ] = False,
    size: Size = 500,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Show one full cycle: embedded stores, sandbox partners, the real DAGs.

    Prints what moved, then plays the next morning, which leaves one of each thing that waits for a person, and leaves the
    screens up until stopped; unless ``--once``.
    """
    from hub.one_machine.demo import Demo
    from hub.settings import load_settings

    with until_stopped() as stop:
        try:
            with Demo(load_settings(), seed=seed, size=size, tell=teller(), pause=stop.pause) as running:
                document = running.cycle()
                if again:
                    document["again"] = running.cycle(again=True)
                if once:
                    show(document, json=json)
                else:
                    document["morning"] = running.morning()
                    leave_up(running, document, stop, json=json)
        except Stopped:
            print("Stopped before the end.", file=sys.stderr)
            raise typer.Exit(NEEDS_ATTENTION) from None
    if document["unbalanced_deliveries"] or document["airflow"]["failed"]:
        raise typer.Exit(NEEDS_ATTENTION)


def leave_up(running: Demo, document: dict[str, Any], stop: Stop, *, json: bool) -> None:
    """Show what moved, then the screens and Airflow for as long as somebody looks."""
    from hub.web.accounts import open_invented
    from hub.web.serving import screens as serving

    with running.at_work(), serving(running.hub) as address:
        show(document | {"screens": {"hub": address, "airflow": running.airflow.address}}, json=json)
        say_addresses(address, running.airflow.address, running.airflow.password)
        say_accounts(open_invented(running.hub, now=clock()))
        stop.wait()


def say_addresses(hub: str, airflow: str, password: str) -> None:
    """Where to look, and how to get in."""
    print(
        f"\n  The hub's screen   {hub}\n  Airflow            {airflow}  (admin / {password})\n  Ctrl-C stops everything.",
        file=sys.stderr,
    )


def say_accounts(password: str | None) -> None:
    """Whom the screens were opened for, if they just were."""
    from hub.web.accounts import INVENTED

    if password is None:
        print("  Accounts: hub users list", file=sys.stderr)
        return
    print(f"\n  Invented accounts, with the password {password}", file=sys.stderr)
    for name, roles in INVENTED.items():
        print(f"    {name:12} {', '.join(roles)}", file=sys.stderr)


def show(document: dict[str, Any], *, json: bool) -> None:
    """Print what a cycle moved."""
    if json:
        print_json(document)
        return
    seconds = document["seconds"]
    flows = [(name, *(row[key] for key in FLOW_COLUMNS[1:])) for name, row in document["flows"].items()]
    print_table(f"What came in, for {document['size']} invented adults", FLOW_COLUMNS, flows)
    known = document["people_known_to"]
    say(
        f"People known to one partner: {known.get('1', 0)}, to two: {known.get('2', 0)}, to three: {known.get('3', 0)}."
    )
    say(f"Doubtful matches left to a person: {document['review_cases']}.\n")
    print_table("What went out", PARTNER_COLUMNS, [_partner(name, document) for name in document["partners"]])
    sandboxed = document["sandbox"].values()
    say(f"Questions nobody has to ask again: {sum(each['questions_not_asked_again'] for each in sandboxed)}.")
    say(
        "Seen from the partners: "
        f"{sum(each['fields_not_allowed'] for each in sandboxed)} fields outside an agreement, "
        f"{sum(each['people_not_followed'] for each in sandboxed)} people they do not follow, "
        f"{sum(each['values_of_somebody_else'] for each in sandboxed)} values of somebody else."
    )
    say("p50 and p95: from the arrival of the newest word about a person to the delivery of the message.")
    say(f"Set up in {seconds['set_up']} s; from the first file to the last acknowledgement: {seconds['cycle']} s.")
    if "again" in document:
        _show_again(document, document["again"])
    if "morning" in document:
        left = document["morning"]
        say(
            f"The next morning left to you: deliveries held {left['held_deliveries']}, records in quarantine "
            f"{left['quarantined_records']}, doubtful matches {left['doubtful_matches']}, messages parked {left['parked_messages']}."
        )


FLOW_COLUMNS = ("flow", "deliveries", "received", "applied", "unchanged", "quarantined", "refused", "balanced")
PARTNER_COLUMNS = (
    "partner",
    "messages",
    "acknowledged",
    "rejected",
    "waiting",
    "p50 s",
    "p95 s",
    "answers gained",
)


def _partner(name: str, document: dict[str, Any]) -> tuple[Any, ...]:
    row = document["partners"][name]
    numbers = [row[key] for key in ("messages", "acknowledged", "rejected", "waiting", "p50_seconds", "p95_seconds")]
    return (name, *numbers, document["sandbox"][name]["questions_not_asked_again"])


def _show_again(first: dict[str, Any], second: dict[str, Any]) -> None:
    applied = sum(row["applied"] for row in second["flows"].values()) - sum(
        row["applied"] for row in first["flows"].values()
    )
    messages = sum(row["messages"] for row in second["partners"].values()) - sum(
        row["messages"] for row in first["partners"].values()
    )
    say(f"The same deliveries again: {applied} applied, {messages} messages.")


def screens(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8090,
) -> None:
    """Serve the hub's screens alone, until stopped."""
    import uvicorn

    from hub.opening import open_hub
    from hub.web.accounts import listed
    from hub.web.app import create_app

    hub = open_hub()
    hint = "" if listed(hub) else "; nobody may sign in yet: hub users add NAME --role operator"
    print(f"The hub's screens: http://{host}:{port}{hint}", file=sys.stderr)
    uvicorn.run(create_app(hub), host=host, port=port, log_level="warning", access_log=False)


def up() -> None:
    """Run Airflow, the hub's screens and the embedded stores, until stopped."""
    from hub.fast_lane import FastLane
    from hub.one_machine.running import running
    from hub.opening import open_hub
    from hub.web.accounts import open_invented
    from hub.web.serving import screens as serving

    hub = open_hub()
    with (
        until_stopped() as stop,
        running(hub, tell=teller()) as airflow,
        serving(hub) as address,
        FastLane(hub, clock=clock),
    ):
        say_addresses(address, airflow.address, airflow.password)
        if hub.settings.database_url is None:
            say_accounts(open_invented(hub, now=clock()))
        stop.wait()


def watch() -> None:
    """Take small deliveries at once, and send what partners may now know, until stopped; Airflow does the rest."""
    from hub.fast_lane import FastLane
    from hub.opening import open_hub

    with until_stopped() as stop, FastLane(open_hub(), clock=clock):
        stop.wait()


@sandbox.command("up")
def sandbox_up(
    folder: Annotated[
        Path | None, typer.Option(help="Where partners keep their files; default: under the hub's home.")
    ] = None,
    *,
    size: Size = 500,
    seed: Seed = 1,
    every: Annotated[float, typer.Option(help="Seconds between two of the partners' days; 0: day 0 only.")] = 0,
    faults: Annotated[
        str | None, typer.Option(help="Faults of the API, as in rate_limit_every=10,slow_every=5.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    known_as: Annotated[
        str | None, typer.Option(help="The name the hub reaches it by, where it is not the address.")
    ] = None,
    json: Json = False,
) -> None:
    """Start the pretend partners alone; write their connections where the hub finds them."""
    from hub.sandbox.alone import alone, read_faults
    from hub.sandbox.sandbox import Sandbox
    from hub.settings import load_settings

    settings = load_settings()
    place = folder or settings.home / "partners"
    invented = Sandbox(place, seed=seed, size=size, faults=read_faults(faults), bind=host, known_as=known_as or host)
    with until_stopped() as stop, alone(settings, invented) as partners:
        document = {
            "partners": sorted(partners.report()),
            "connections": str(settings.secrets),
            "files": partners.deposit_day(0),
        }
        if json:
            print_json(document)
        else:
            say(
                f"Partners are up: {', '.join(document['partners'])}. Connections written in {document['connections']}."
            )
        sys.stdout.flush()
        day = 0
        while not stop.wait(every or None):
            day += 1
            say(f"Day {day}: {', '.join(partners.deposit_day(day))}")
        print_json(partners.report()) if json else say("Partners stopped.")


@sandbox.command("month")
def sandbox_month(
    *,
    size: Size = 600,
    seed: Seed = 1,
    unattended: Annotated[bool, typer.Option("--unattended", help="Leave held deliveries to you.")] = False,
    json: Json = False,
) -> None:
    """Play a month of a CAF's deliveries, with a missing, repeated, late, truncated, collapsed and changed one.

    Needs an empty store: give it a HUB_HOME of its own. Exits 1 if the ledger does not close or an incident had no alarm.
    """
    from hub.cli.look import print_months
    from hub.sandbox.month import Month
    from hub.sandbox.playing import lone_caf, play
    from hub.settings import load_settings

    with lone_caf(load_settings()) as (hub, folder):
        document = play(hub, folder, Month(seed=seed, size=size).drops(), attended=not unattended, tell=teller())
    if json:
        print_json(document)
    else:
        rows = [(name, each["alarm"], each["raised"]) for name, each in document["incidents"].items()]
        print_table("Incidents of the month", ("incident", "alarm", "raised"), rows)
        print_months(document["ledger"])
    if not document["closes"] or not all(each["raised"] for each in document["incidents"].values()):
        raise typer.Exit(NEEDS_ATTENTION)
