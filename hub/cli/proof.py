"""Who acts: an account shown by its password or its token; a name that is typed counts only where no account was ever opened."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.output import clock
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.opening import Hub
    from hub.web.accounts import Account

# Who may do what, as on the screens.
OPERATORS = frozenset({"operator"})
REVIEWERS = frozenset({"reviewer"})
GUARDIANS = frozenset({"operator", "dpo"})
OVERSEERS = frozenset({"dpo", "administrator"})

Author = Annotated[
    str | None,
    typer.Option(help="The account that acts: HUB_TOKEN or its password shows it. Any name while there is no account."),
]

SIGN_IN = (
    "Whoever does this shows who they are: export HUB_TOKEN=$(hub users sign-in NAME), or type it at a terminal with "
    "--author NAME, which asks for the password. hub users add NAME opens an account."
)
NOBODY = "Say who does this: --author NAME. Once an account is open (hub users add NAME), it is shown instead of typed."
OVER = "HUB_TOKEN stands for no account any more: export HUB_TOKEN=$(hub users sign-in NAME) again."
ANOTHER = "HUB_TOKEN is {name}'s, and --author says {author}: nobody acts under another name."
NOT_THEIRS = "{name} may not do this: it takes the role {roles}."
TYPED = "{author} (nom saisi)"  # no account can have such a name, so that it is never taken for one


def who_acts(hub: Hub, author: str | None, *, roles: Collection[str], tries: bool = False) -> str:
    """The name of the account that acts; raises ``FixTheDeclaration`` when nobody showed it, or its roles do not let it.

    In a store without any account, the name that was typed, marked as such. What is only tried (``tries``) is nobody's.
    """
    if tries:
        return ""
    account = proven(hub, author)
    return _named(hub, author) if account is None else _let(account, roles)


def who_decides(hub: Hub, author: str | None, *, roles: Collection[str]) -> str:
    """The same where two people are needed: an account, whether the store has one or not."""
    account = proven(hub, author)
    if account is None:
        raise FixTheDeclaration(SIGN_IN)
    return _let(account, roles)


def _let(account: Account, roles: Collection[str]) -> str:
    if account.roles.isdisjoint(roles):
        raise FixTheDeclaration(NOT_THEIRS.format(name=account.name, roles=" or ".join(sorted(roles))))
    return account.name


def _named(hub: Hub, author: str | None) -> str:
    from hub.web.accounts import listed

    if listed(hub):  # closed ones too: closing the last one gives nobody's name back
        raise FixTheDeclaration(SIGN_IN)
    name = " ".join((author or "").split())
    if not name:
        raise FixTheDeclaration(NOBODY)
    return TYPED.format(author=name)


def proven(hub: Hub, author: str | None) -> Account | None:
    """The account of ``HUB_TOKEN``; else that of ``author``, whose password is asked for where there is a terminal."""
    from hub.web.accounts import listed
    from hub.web.tokens import shown, sign_in

    token = hub.settings.token
    if token is None and author is not None and sys.stdin.isatty() and listed(hub):
        token = sign_in(hub, author, typer.prompt(f"Password of {author}", hide_input=True, err=True), now=clock())
    if token is None:
        return None
    account = shown(hub, token, now=clock())
    if account is None:
        raise FixTheDeclaration(OVER)
    if author is not None and author != account.name:
        raise FixTheDeclaration(ANOTHER.format(name=account.name, author=author))
    return account
