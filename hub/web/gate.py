"""The gate: who asks, by which way of knowing people, and what their roles let them see and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from hub.web.accounts import Account
from hub.web.screens import Screens, here

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_SECONDS = 12 * 3600
TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a form's field

STAFF = frozenset({"operator", "reviewer", "dpo", "administrator"})
EVERYBODY = STAFF | {"partner"}


class Unknown(HTTPException):
    """Nobody we know asks: they are shown where to sign in."""

    def __init__(self) -> None:
        super().__init__(401)


class Refused(HTTPException):
    """Somebody we know asks for what their roles do not let them see or do."""

    def __init__(self) -> None:
        super().__init__(403)


class TooOld(Refused):
    """A form does not prove that its page was ours, or its page was left open too long."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a form carries to prove that the page it stands on was ours and its reader's."""

    secret: bytes

    def make(self, account: str) -> str:
        return self._serializer.dumps(account)

    def holds(self, token: str, account: str) -> bool:
        try:
            return bool(self._serializer.loads(token, max_age=TOKEN_SECONDS) == account)
        except BadSignature:
            return False

    @property
    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="form")


def allowed(*roles: str) -> Callable[..., object]:
    """A dependency that gives the account that asks, if it has one of the roles; a form must carry its page's token."""

    async def account(request: Request, screens: Annotated[Screens, Depends(here)]) -> Account:
        found = await screens.who(request)
        if found is None:
            raise Unknown
        request.state.account = found  # the page that refuses shows where else to go
        if not found.roles & set(roles):
            raise Refused
        if request.method not in {"GET", "HEAD"}:
            await _from_our_page(request, screens, found)
        return found

    account.roles = frozenset(roles)  # type: ignore[attr-defined] # what the tests' matrix is checked against
    return account


async def _from_our_page(request: Request, screens: Screens, account: Account) -> None:
    form = await request.form()
    token = form.get(TOKEN_FIELD)
    if not isinstance(token, str) or not Tokens(secret=screens.secret).holds(token, account.name):
        raise TooOld


Anybody = Annotated[Account, Depends(allowed(*EVERYBODY))]
Staff = Annotated[Account, Depends(allowed(*STAFF))]
Operator = Annotated[Account, Depends(allowed("operator"))]
Reviewer = Annotated[Account, Depends(allowed("reviewer"))]
Guardian = Annotated[Account, Depends(allowed("operator", "dpo"))]
Insider = Annotated[Account, Depends(allowed("reviewer", "dpo"))]
Officer = Annotated[Account, Depends(allowed("dpo"))]
Overseer = Annotated[Account, Depends(allowed("dpo", "administrator"))]
Administrator = Annotated[Account, Depends(allowed("administrator"))]
