"""Who acts, where two people are needed: an account shown by its password or its token, not a name that was typed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from hub.cli.output import clock
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.opening import Hub
    from hub.web.accounts import Account

OVERSEERS = frozenset({"dpo", "administrator"})
REVIEWERS = frozenset({"reviewer"})

SIGN_IN = (
    "Two people decide this, and each shows who they are: export HUB_TOKEN=$(hub users sign-in NAME), or type it at a "
    "terminal with --author NAME, which asks for the password. hub users add NAME opens an account."
)
OVER = "HUB_TOKEN stands for no account any more: export HUB_TOKEN=$(hub users sign-in NAME) again."
ANOTHER = "HUB_TOKEN is {name}'s, and --author says {author}: nobody acts under another name."
NOT_THEIRS = "{name} may not do this: it takes the role {roles}."


def who_acts(hub: Hub, author: str | None, *, roles: Collection[str]) -> str:
    """The name of the account that acts; raises ``FixTheDeclaration`` when nobody showed it, or its roles do not let it."""
    account = proven(hub, author)
    if account is None:
        raise FixTheDeclaration(SIGN_IN)
    if account.roles.isdisjoint(roles):
        raise FixTheDeclaration(NOT_THEIRS.format(name=account.name, roles=" or ".join(sorted(roles))))
    return account.name


def proven(hub: Hub, author: str | None) -> Account | None:
    """The account of ``HUB_TOKEN``; else that of ``author``, whose password is asked for where there is a terminal."""
    from hub.web.tokens import shown, sign_in

    token = hub.settings.token
    if token is None and author is not None and sys.stdin.isatty():
        token = sign_in(hub, author, typer.prompt(f"Password of {author}", hide_input=True, err=True), now=clock())
    if token is None:
        return None
    account = shown(hub, token, now=clock())
    if account is None:
        raise FixTheDeclaration(OVER)
    if author is not None and author != account.name:
        raise FixTheDeclaration(ANOTHER.format(name=account.name, author=author))
    return account
