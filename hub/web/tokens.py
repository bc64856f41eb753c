"""Tokens: what somebody who signed in shows at a terminal, for as long as the longest session lasts on the screens.

It is signed, never kept: another password, the end of the account or of its sessions ends it at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, URLSafeSerializer

from hub.web.accounts import check, find
from hub.web.sessions import LONGEST
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from hub.opening import Hub
    from hub.web.accounts import Account

WRONG = (
    "No account has that name and that password, or it is locked for some minutes: hub users list shows the accounts."
)


def sign_in(hub: Hub, name: str, password: str, *, now: datetime) -> str:
    """A token for whoever knows the password of an account; raises ``FixTheDeclaration`` for anybody else."""
    if check(hub, name, password, now=now) is None:
        raise FixTheDeclaration(WRONG)
    return _serializer(hub).dumps({"n": name, "o": now.timestamp()})


def shown(hub: Hub, token: str, *, now: datetime) -> Account | None:
    """The account a token stands for; None when it is not ours, or over."""
    try:
        said = _serializer(hub).loads(token)
        name, opened = said["n"], datetime.fromtimestamp(said["o"], UTC)
    except (BadSignature, KeyError, TypeError):
        return None
    account = find(hub, name)
    if account is None or now - opened > LONGEST:
        return None
    return None if account.sessions_from is not None and opened <= account.sessions_from else account


def _serializer(hub: Hub) -> URLSafeSerializer:
    return URLSafeSerializer(hub.vault.hash("terminal", b"tokens", size=64), salt="terminal")
