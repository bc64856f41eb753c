"""A line between the hub and the pretend France Travail that breaks in every way we could name, then holds again."""

from __future__ import annotations

import gzip
import http.client
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

DECISION = "/decisionOrientation"
SEARCH = "/par-numero-francetravail"
TOKEN = "/access_token"
LONG = 3.0  # seconds, longer than the hub waits here for an answer


@dataclass
class Exchange:
    """One request, and the ways to treat it."""

    peer: socket.socket
    request: bytes
    upstream: int

    def ask(self) -> bytes:
        """Let the partner do it; its whole answer."""
        head, _, body = self.request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
        asked = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=20)
        asked.request(method, path, body=body or None, headers=headers)
        answer = asked.getresponse()
        content = answer.read()
        asked.close()
        return reply(answer.status, content, **{name: value for name, value in answer.getheaders() if name != "date"})

    def say(self, content: bytes) -> None:
        with suppress(OSError):
            self.peer.sendall(content)

    def reset(self) -> None:
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    given = {"content-length": str(len(body)), "content-type": "application/json"} | {
        name.lower().replace("_", "-"): value for name, value in headers.items()
    }
    given.pop("transfer-encoding", None)
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


# Each treats one exchange; the connection is closed after it unless it says True.
def holds(exchange: Exchange) -> bool:
    exchange.say(exchange.ask())
    return True


def never_answers(_exchange: Exchange) -> None:
    time.sleep(LONG)


def does_it_and_never_answers(exchange: Exchange) -> None:
    exchange.ask()
    time.sleep(LONG)


def does_it_and_closes(exchange: Exchange) -> None:
    exchange.ask()


def does_it_and_resets(exchange: Exchange) -> None:
    exchange.ask()
    exchange.reset()


def closes_at_once(_exchange: Exchange) -> None:
    return


def answers_twice(exchange: Exchange) -> bool:
    said = exchange.ask()
    exchange.say(said + said)
    return True


def answers_twice_something_else(exchange: Exchange) -> bool:
    exchange.say(exchange.ask() + reply(400, b'{"codeRetour": "R997"}'))
    return True


def answers_late(exchange: Exchange) -> None:
    said = exchange.ask()
    time.sleep(LONG)
    exchange.say(said)


def does_it_late(exchange: Exchange) -> None:
    time.sleep(LONG)
    exchange.ask()


def drips(exchange: Exchange) -> None:
    said = exchange.ask()
    for place in range(len(said)):
        exchange.say(said[place : place + 1])
        time.sleep(0.01)


def drips_without_end(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    for _ in range(100):
        exchange.say(b" ")
        time.sleep(0.05)


def closes_in_the_body(exchange: Exchange) -> None:
    exchange.ask()
    exchange.say(b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{")


def closes_in_the_headers(exchange: Exchange) -> None:
    exchange.ask()
    exchange.say(b"HTTP/1.1 201 Crea")


def ends_a_chunk_short(exchange: Exchange) -> None:
    exchange.ask()
    exchange.say(b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{")


def speaks_something_else(exchange: Exchange) -> None:
    exchange.say(b"SSH-2.0-OpenSSH_9.2\r\n")


def has_endless_headers(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 201 Created\r\n" + b"x-nothing: 1\r\n" * 20_000 + b"\r\n")


def packs_wrongly(exchange: Exchange) -> None:
    exchange.ask()
    exchange.say(reply(201, gzip.compress(b"{}")[:-4] + b"\0\0\0\0", content_encoding="gzip"))


def says(status: int, body: bytes = b"", **headers: str) -> Callable[[Exchange], bool]:
    """The partner does nothing of it, and says this."""

    def treat(exchange: Exchange) -> bool:
        exchange.say(reply(status, body, **headers))
        return True

    return treat


FAULTS: dict[str, Callable[[Exchange], bool | None]] = {
    "accepts and never answers": never_answers,
    "does it and never answers": does_it_and_never_answers,
    "does it and closes": does_it_and_closes,
    "does it and resets the connection": does_it_and_resets,
    "closes at once": closes_at_once,
    "answers twice": answers_twice,
    "answers twice, the second time something else": answers_twice_something_else,
    "answers late": answers_late,
    "does it late": does_it_late,
    "drips its answer": drips,
    "drips without end": drips_without_end,
    "closes in the middle of the body": closes_in_the_body,
    "closes in the middle of the headers": closes_in_the_headers,
    "ends a chunk short": ends_a_chunk_short,
    "speaks something else": speaks_something_else,
    "has endless headers": has_endless_headers,
    "packs its answer wrongly": packs_wrongly,
    "answers 200 with an error inside": says(200, b'{"codeRetour": "R999", "message": "Service indisponible"}'),
    "answers 200 with a page of maintenance": says(200, b"<html>Maintenance</html>"),
    "answers 201 with half a body": says(201, b'{"id": '),
    "answers 500": says(500),
    "answers 500 and means not now": says(500, b'{"codeRetour": "R999"}'),
    "answers 502 with a page": says(502, b"<html>Bad gateway</html>"),
    "answers 503 and says when": says(503, b"", retry_after="2"),
    "answers 504": says(504),
    "answers 429 and says when": says(429, b"", retry_after="1"),
    "answers 429 and says a date": says(429, b"", retry_after="Wed, 25 Nov 2099 08:00:00 GMT"),
    "answers 429 and does not say": says(429),
    "answers 429 with nonsense": says(429, b"", retry_after="bientôt".encode().decode("latin-1")),
    "answers 408": says(408),
    "answers 409": says(409),
    "answers 425": says(425),
    "answers 401 once": says(401, b'{"error": "invalid_token"}'),
    "answers 302": says(302, b"", location="/connexion"),
}


@dataclass
class Line:
    """Opened with ``with``: passes requests on to ``upstream``; ``fault`` treats those to ``path``, so many ``times``."""

    upstream: int
    context: ssl.SSLContext | None = None
    fault: Callable[[Exchange], bool | None] = holds
    path: str = DECISION
    times: int = 0
    seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def break_(self, name: str, *, path: str = DECISION, times: int = 1) -> None:
        self.fault, self.path, self.times = FAULTS[name], path, times

    def mend(self) -> None:
        self.times = 0

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while not self._stopped:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            peer.settimeout(30)
            while (request := _read(peer)) and self._treat(peer, request):
                pass
        with suppress(OSError):
            peer.close()

    def _treat(self, peer: socket.socket, request: bytes) -> bool:
        exchange = Exchange(peer, request, self.upstream)
        path = request.split(b"\r\n", 1)[0].split(b" ")[1].decode().partition("?")[0]
        with self._lock:
            due = self.times > 0 and path.endswith(self.path)
            if due:
                self.times -= 1
                self.seen += 1
        return bool((self.fault if due else holds)(exchange))


def _read(peer: socket.socket) -> bytes:
    """One request, whole; empty when the other side has gone."""
    content = b""
    while b"\r\n\r\n" not in content:
        block = peer.recv(65_536)
        if not block:
            return b""
        content += block
    head, _, body = content.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += peer.recv(65_536)
    return head + b"\r\n\r\n" + body
