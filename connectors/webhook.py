"""Webhooks: one signed POST a message, as Standard Webhooks describes them (``webhook-id``, ``webhook-timestamp``, ``webhook-signature``).

The id is the message's and stays the same whenever it is sent; the timestamp is that of the attempt; the signature covers
both and the body, so that neither can be changed and an old one cannot be used again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import httpx

from connectors.budget import NotNow
from connectors.outcome import Outcome
from connectors.waiting import read_retry_after
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from types import TracebackType

    from connectors.base import Access
    from connectors.budget import Budget

PREFIX = "whsec_"
SHORTEST_SECRET = 24  # bytes
TIMEOUT = 10.0  # seconds
ASSUMED_WAIT, LONGEST_PAUSE = 60.0, 3600.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONTENT = frozenset({400, 413, 422})  # what is sent is wrong, and will be again

RECEIVED = "Reçu par le partenaire."
REFUSED = "Le partenaire juge le contenu incorrect : à corriger avant de renvoyer."
SLOWED = "Le partenaire demande d'attendre : le message sera renvoyé."
FAILED = "Le partenaire ne prend pas les envois pour le moment : le message sera renvoyé."


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one attempt; ``timestamp`` in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def read_secret(text: str) -> bytes:
    """The bytes of a secret written ``whsec_`` and base64; raises ``ValueError`` when it is not one, or too short."""
    if not text.startswith(PREFIX):
        raise ValueError("it must begin with whsec_")
    secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"it must hold {SHORTEST_SECRET} bytes or more")
    return secret


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a partner listens, and the secrets shared with it: the one in use first, the one it replaces after."""

    url: httpx.URL
    secrets: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, access: Access) -> Endpoint:
        """Read the connection; raises ``FixTheDeclaration`` naming what is missing or wrong."""
        url = httpx.URL(access.extra.get("url", ""))
        if url.scheme != "https" and url.host not in LOOPBACK:
            raise FixTheDeclaration(f"Connection {access.name!r}: extra.url: an https address is needed.")
        given = [access.extra[name] for name in ("secret", "previous_secret") if access.extra.get(name)]
        try:
            secrets = tuple(read_secret(text) for text in given)
        except ValueError as error:
            raise FixTheDeclaration(f"Connection {access.name!r}: extra.secret: {error}.") from None
        if not secrets:
            raise FixTheDeclaration(
                f"Connection {access.name!r}: extra.secret: write the secret shared with the partner."
            )
        return cls(url=url, secrets=secrets)

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        signed: Sequence[str] = [signature(secret, message_id, timestamp, body) for secret in self.secrets]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signed),
            "content-type": "application/json",
        }


class WebhookClient:
    """Open it with ``with``; it may be used from several threads. A connection serves one request."""

    def __init__(self, access: Access, budget: Budget, clock: Callable[[], datetime], *, parallel: int = 8) -> None:
        self._endpoint = Endpoint.of(access)
        self._budget = budget
        self._clock = clock
        authority = access.extra.get("ca_file")
        self._http = httpx.Client(
            timeout=float(access.extra.get("timeout_seconds", TIMEOUT)),
            limits=httpx.Limits(max_connections=parallel + 2),
            headers={"User-Agent": "dites-le-nous-une-fois", "Connection": "close"},
            follow_redirects=False,
            trust_env=False,
            proxy=access.extra.get("proxy") or None,
            verify=ssl.create_default_context(cafile=authority) if authority else True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def post(self, message_id: str, body: bytes) -> Outcome:
        """Send one message once; its outcome. The partner's answer is its status alone: its body is not read."""
        try:
            self._budget.acquire()
        except NotNow as error:
            return Outcome(accepted=False, retry=True, code=error.code, message_fr=FAILED, retry_after=error.after)
        headers = self._endpoint.headers(message_id, int(self._clock().timestamp()), body)
        try:
            with self._http.stream("POST", self._endpoint.url, content=body, headers=headers) as response:
                return self._outcome(response)
        except httpx.TransportError:
            self._budget.heard(answered=False)
            return Outcome(accepted=False, retry=True, code="UNREACHABLE", message_fr=FAILED)

    def _outcome(self, response: httpx.Response) -> Outcome:
        code = f"HTTP_{response.status_code}"
        wait = read_retry_after(response.headers.get("Retry-After"), now=self._clock())
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = ASSUMED_WAIT if wait is None else wait
            self._budget.slow_down(min(wait, LONGEST_PAUSE))
            return Outcome(accepted=False, retry=True, code=code, message_fr=SLOWED, retry_after=wait)
        understood = response.is_success or response.status_code in CONTENT
        self._budget.heard(answered=understood)
        if response.is_success:
            return Outcome(accepted=True, retry=False, code=code, message_fr=RECEIVED)
        if understood:
            return Outcome(accepted=False, retry=False, code=code, message_fr=REFUSED)
        # whatever else it says, of the address or of us, is not about the person: it may do better later
        return Outcome(
            accepted=False, retry=True, code=f"ENDPOINT_{response.status_code}", message_fr=FAILED, retry_after=wait
        )
