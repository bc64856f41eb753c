"""Sessions: a signed cookie that says who signed in and when; over after half an hour without use, and after ten hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool
from itsdangerous import BadSignature, URLSafeSerializer

from hub.web.accounts import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request
    from starlette.responses import Response

    from hub.opening import Hub
    from hub.web.accounts import Account

COOKIE = "hub_session"
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
REFRESH = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who signed in, when, and when they were last seen."""

    name: str
    opened: datetime
    seen: datetime

    def over(self, now: datetime) -> bool:
        return now - self.seen > IDLE or now - self.opened > LONGEST


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Opens, recognises and ends sessions. A password change, a sign-out or a closed account ends them at once."""

    hub: Hub
    secret: bytes
    clock: Callable[[], datetime]

    async def who(self, request: Request) -> Account | None:
        """The account a request's cookie stands for; None when there is none, or its session is over."""
        session = self._read(request.cookies.get(COOKIE, ""))
        now = self.clock()
        if session is None or session.over(now):
            return None
        account = await run_in_threadpool(find, self.hub, session.name)
        if account is None or (account.sessions_from is not None and session.opened <= account.sessions_from):
            return None
        if now - session.seen > REFRESH:
            request.state.session = Session(name=session.name, opened=session.opened, seen=now)
        return account

    def start(self, response: Response, request: Request, name: str) -> None:
        """Open a session and give its cookie."""
        now = self.clock()
        self.give(response, request, Session(name=name, opened=now, seen=now))

    def give(self, response: Response, request: Request, session: Session) -> None:
        """Give the cookie of a session: for this site alone, out of the reach of scripts, secure where the site is."""
        value = {"n": session.name, "o": session.opened.timestamp(), "s": session.seen.timestamp()}
        response.set_cookie(
            COOKIE,
            self._serializer.dumps(value),
            path=request.scope.get("root_path") or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )

    def _read(self, cookie: str) -> Session | None:
        try:
            value = self._serializer.loads(cookie)
            return Session(
                name=value["n"],
                opened=datetime.fromtimestamp(value["o"], UTC),
                seen=datetime.fromtimestamp(value["s"], UTC),
            )
        except (BadSignature, KeyError, TypeError):
            return None

    @property
    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret, salt="session")
