"""``hub users``: who may use the screens, and with which roles."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hub.cli.output import Json, clock, print_json, print_table, say

app = typer.Typer(help="Who may use the screens, and with which roles.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name, as in prenom.nom.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")]


@app.command("add")
def add(
    name: Name,
    *,
    role: Annotated[
        list[str],
        typer.Option(help="operator, reviewer, dpo, administrator or partner; may be said again, except partner."),
    ],
    partner: Annotated[str | None, typer.Option(help="The partner a read-only account sees.")] = None,
    password_stdin: Stdin = False,
    json: Json = False,
) -> None:
    """Open an account. Its password is drawn and printed once, unless it is given on standard input."""
    from hub.opening import open_hub
    from hub.web.accounts import add as open_account

    password = _password(given=password_stdin)
    open_account(open_hub(), name, roles=role, password=password, partner=partner, now=clock())
    _tell({"name": name, "roles": sorted(role), "partner": partner}, password, given=password_stdin, json=json)


@app.command("list")
def list_users(*, json: Json = False) -> None:
    """List the accounts and their roles."""
    from hub.opening import open_hub
    from hub.web.accounts import listed

    found = listed(open_hub())
    if json:
        print_json({"users": found})
    elif found:
        rows = [
            (each["name"], ", ".join(each["roles"]), each["partner"], str(each["disabled_at"] or "")) for each in found
        ]
        print_table("Users", ("name", "roles", "partner", "disabled"), rows)
    else:
        say("No account: hub users add NAME --role operator opens one.")


@app.command("disable")
def disable(name: Name, *, json: Json = False) -> None:
    """Close an account and its open sessions."""
    from hub.opening import open_hub
    from hub.web.accounts import disable as close

    close(open_hub(), name, now=clock())
    if json:
        print_json({"name": name, "disabled": True})
    else:
        say(f"{name} may no longer use the screens.")


@app.command("password")
def password(name: Name, *, password_stdin: Stdin = False, json: Json = False) -> None:
    """Give another password; open sessions end, and a disabled account may be used again."""
    from hub.opening import open_hub
    from hub.web.accounts import set_password

    new = _password(given=password_stdin)
    set_password(open_hub(), name, new, now=clock())
    _tell({"name": name}, new, given=password_stdin, json=json)


@app.command("sign-in")
def sign_in(name: Name, *, password_stdin: Stdin = False, json: Json = False) -> None:
    """Print a token that shows who acts at this terminal: export HUB_TOKEN=$(hub users sign-in NAME). Over after ten hours."""
    from hub.opening import open_hub
    from hub.web.tokens import sign_in as prove

    typed = _password(given=True) if password_stdin else typer.prompt("Password", hide_input=True, err=True)
    token = prove(open_hub(), name, typed, now=clock())
    if json:
        print_json({"name": name, "token": token})
    else:
        say(token)


def _password(*, given: bool) -> str:
    from hub.web.accounts import drawn_password

    return sys.stdin.readline().rstrip("\r\n") if given else drawn_password()


def _tell(document: dict[str, object], password: str, *, given: bool, json: bool) -> None:
    shown = document if given else document | {"password": password}
    if json:
        print_json(shown)
    else:
        print_table("User", ("what", "is"), [(key, str(value)) for key, value in shown.items() if value is not None])
