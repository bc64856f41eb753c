"""A partner that listens: verifies what it is told, applies each message once, and can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOLERANCE = 300  # seconds between the sender's clock and ours


class Refused(Exception):
    """A webhook that is not to be believed, and why."""


@dataclass(kw_only=True)
class Verifier:
    """What a receiver does before it believes a webhook; copy it. ``secret`` is written ``whsec_`` and base64.

    Remembers the ids of what it has seen for as long as the same timestamp would be believed.
    """

    secret: str = field(repr=False)
    clock: Callable[[], float] = time.time
    _seen: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether it is new: one that was seen before is to be answered 200, and not applied.

        Raises ``Refused`` when a header is missing, the timestamp is too far from now, or no signature holds.
        """
        try:
            message, timestamp, given = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
            moment = int(timestamp)
        except (KeyError, ValueError, TypeError):
            raise Refused("en-têtes absents ou faux") from None
        now = self.clock()
        if abs(now - moment) > TOLERANCE:
            raise Refused("horodatage trop éloigné")
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = hmac.digest(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)
        expected = f"v1,{base64.b64encode(signed).decode()}"
        if not any(hmac.compare_digest(expected, each) for each in given.split()):
            raise Refused("signature fausse")
        with self._lock:
            self._seen = {each: until for each, until in self._seen.items() if until > now}
            new = message not in self._seen
            self._seen[message] = now + 2 * TOLERANCE
        return new


class WebhookReceiver:
    """Open it with ``with``: a real HTTP server on loopback. ``answers`` are the statuses of the next requests, then 204.

    ``learnt`` is what it knows of each person, by the number it gave them; ``refused`` why it did not believe some.
    """

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time, column: str = "identifiant") -> None:
        self.secret = secret
        self.verifier = Verifier(secret=secret, clock=clock)
        self.learnt: dict[str, dict[str, Any]] = {}
        self.applied: list[str] = []
        self.heard: list[float] = []
        self.repeated = 0
        self.refused: list[str] = []
        self.answers: list[int] = []
        self._column = column
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/dites-le-nous-une-fois"

    def connection(self) -> dict[str, Any]:
        """How to reach it, as a secret file holds it."""
        return {"extra": {"url": self.url, "secret": self.secret}}

    def __enter__(self) -> Self:
        self._server = _server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def hear(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take one request; returns the status to answer."""
        with self._lock:
            status = self.answers.pop(0) if self.answers else 204
        if status >= 300:
            return status
        try:
            new = self.verifier.verify(headers, body)
        except Refused as error:
            self.refused.append(str(error))
            return 401
        data = orjson.loads(body)["data"]
        with self._lock:
            if new:
                self.applied.append(data["message_id"])
                self.heard.append(time.time())
                self.learnt.setdefault(data["personne"][self._column], {}).update(data["champs"])
            else:
                self.repeated += 1
        return status


def _server(receiver: WebhookReceiver) -> ThreadingHTTPServer:
    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = receiver.hear({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing of a request is written anywhere."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    return Server(("127.0.0.1", 0), Listener)
