"""One request to France Travail: taken from the budget, sent, and told apart as answered or unavailable."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from connectors.budget import NotNow
from connectors.france_travail.cleaning import parse
from connectors.france_travail.errors import Unavailable, Unsent
from connectors.france_travail.patience import ASSUMED_WAIT, Patience
from connectors.waiting import read_retry_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.budget import Budget

FINAL_CODES = frozenset({"R001", "R002", "R997", "R998"})  # sent with a 4xx or a 5xx: insisting never helps
LONGEST_ANSWER = 60.0  # seconds
LONGEST_PAUSE = 3600.0  # seconds: whatever was asked, somebody looks again within the hour
LARGEST_ANSWER = 8 << 20  # bytes
CODE = re.compile(r"[A-Z]{1,2}[0-9]{1,4}|ID_NON_RECONNU")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A final answer. ``readable`` is false when there was a body and it is not JSON."""

    status: int
    code: str
    body: Any = field(repr=False)
    readable: bool = True
    repairs: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def text(self, name: str) -> str | None:
        """One text of the body, or ``None``."""
        value = self.body.get(name) if isinstance(self.body, dict) else None
        return str(value) if isinstance(value, str | int) else None


@dataclass(frozen=True, kw_only=True)
class Line:
    """The open connection pool and the rules of conversation."""

    connection: str
    http: httpx.Client
    budget: Budget
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    patience: Patience

    def insist(self, call: Callable[[], Reply]) -> Reply:
        return self.patience.insist(call, sleep=self.sleep)

    def send(self, request: httpx.Request) -> Reply:
        """Send once; raises ``Unavailable`` on silence, 429 and 5xx, except where the code says it is final.

        Raises ``Unsent`` when the budget says that nothing may leave now.
        """
        try:
            self.budget.acquire()
        except NotNow as error:
            raise Unsent(self.connection, error.code, retry_after=error.after) from error
        try:
            response = self._whole(request)
        except (httpx.TransportError, httpx.DecodingError) as error:
            self.budget.heard(answered=False)
            raise self.unavailable("UNREACHABLE") from error
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise self._slowed_down(response)
        reply = _read(response)
        failed = response.is_server_error and reply.code not in FINAL_CODES
        self.budget.heard(answered=not failed)
        if failed:
            raise self.unavailable(reply.code, retry_after=self._wait_asked(response))
        return reply

    def _whole(self, request: httpx.Request) -> httpx.Response:
        """The whole answer within one deadline: a partner that drips bytes never lets a read time out."""
        began = time.monotonic()
        response = self.http.send(request, stream=True)
        try:
            body = bytearray()
            for block in response.iter_bytes():
                body += block
                if time.monotonic() - began > LONGEST_ANSWER or len(body) > LARGEST_ANSWER:
                    raise httpx.ReadTimeout("the answer does not end", request=request)
        finally:
            response.close()
        return httpx.Response(response.status_code, headers=_plain(response.headers), content=bytes(body))

    def unavailable(self, code: str, *, retry_after: float | None = None) -> Unavailable:
        return Unavailable(self.connection, code, retry_after=retry_after)

    def _slowed_down(self, response: httpx.Response) -> Unavailable:
        asked = self._wait_asked(response)
        wait = ASSUMED_WAIT if asked is None else asked
        self.budget.slow_down(min(wait, LONGEST_PAUSE))
        return self.unavailable("HTTP_429", retry_after=wait)

    def _wait_asked(self, response: httpx.Response) -> float | None:
        return read_retry_after(response.headers.get("Retry-After"), now=self.clock())


def _plain(headers: httpx.Headers) -> list[tuple[bytes, bytes]]:
    """The headers that are read, of a body that is no longer packed; as they came, whatever letters they hold."""
    return [(name, value) for name, value in headers.raw if name.lower() in {b"retry-after", b"content-type"}]


def _read(response: httpx.Response) -> Reply:
    status = response.status_code
    try:
        body, repairs = parse(response.content) if response.content.strip() else (None, Counter())
    except ValueError:
        return Reply(status=status, code=f"HTTP_{status}", body=None, readable=False)
    return Reply(status=status, code=_code(body) or f"HTTP_{status}", body=body, repairs=repairs)


def _code(body: Any) -> str | None:
    """The provider's return code, when it looks like one: free text is not repeated."""
    if not isinstance(body, dict):
        return None
    code = body.get("codeRetour") or body.get("codeErreur")
    return code if isinstance(code, str) and CODE.fullmatch(code) else None
