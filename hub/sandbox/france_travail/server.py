"""The pretend France Travail as a running server: loopback, a free port, a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from hub.sandbox.france_travail.app import BASE_PATH, SCOPES, TOKEN_PATH, Face
from hub.sandbox.france_travail.faults import FtFaults, Script
from hub.sandbox.france_travail.register import Register, Written

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from hub.sandbox.france_travail.people import FtPerson

LOOPBACK = "127.0.0.1"
CLIENT = ("PAR_hub_bac_a_sable", "secret-du-bac-a-sable")  # protects nothing: loopback, invented people
START_LIMIT = 10.0  # seconds


class FranceTravailServer:
    """Open it with ``with``. ``people`` are found by their ``numero``; ``clock`` gives seconds since the epoch.

    What was told is in ``decisions`` and ``appointments``; ``requests`` counts by path. ``load`` takes the picture of
    another day.
    """

    def __init__(
        self,
        people: Mapping[str, FtPerson],
        *,
        faults: FtFaults | None = None,
        clock: Callable[[], float] = time.time,
        port: int = 0,
        bind: str = LOOPBACK,
        known_as: str = LOOPBACK,
    ) -> None:
        script = Script(faults or FtFaults())
        self._register = Register(people=people, clock=clock, seed=script.faults.seed)
        self._face = Face(register=self._register, script=script, client=CLIENT)
        self._wanted_port = port
        self._bind, self._known_as = bind, known_as

    @property
    def decisions(self) -> list[Written]:
        return self._register.decisions

    @property
    def appointments(self) -> list[Written]:
        return self._register.appointments

    @property
    def requests(self) -> Counter[str]:
        return self._face.requests

    @property
    def token_requests(self) -> int:
        return self.requests[TOKEN_PATH]

    @property
    def base_url(self) -> str:
        return f"http://{self._known_as}:{self.port}{BASE_PATH}"

    @property
    def token_url(self) -> str:
        return f"http://{self._known_as}:{self.port}{TOKEN_PATH}?realm=/agent"

    def load(self, people: Mapping[str, FtPerson]) -> None:
        """Take the day's picture; what was told until now shows in what is read from now on."""
        self._register.load(people)

    def refuse_content(self, *, until_told: bool) -> None:
        """Answer every decision and appointment that its content is wrong, until told otherwise."""
        self._face.refuses_content = until_told

    def forget_tokens(self) -> None:
        """End every access token and every user token now."""
        self._register.forget_tokens()

    def connection(self) -> dict[str, Any]:
        """How to reach it, as an Airflow connection or a secret file holds it."""
        client_id, client_secret = CLIENT
        return {
            "host": self._known_as,
            "port": self.port,
            "login": client_id,
            "password": None,
            "extra": {
                "token_url": self.token_url,
                "base_url": self.base_url,
                "client_id": client_id,
                "client_secret": client_secret,
                "scope": " ".join(sorted(scope for scopes in SCOPES.values() for scope in scopes)),
                "realm": "/agent",
            },
        }

    def __enter__(self) -> Self:
        # named TCP, or asyncio leaves Nagle's delay on: 40 ms per answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self._bind, self._wanted_port))
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            self._face.app(), loop="asyncio", lifespan="off", ws="none", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="sandbox-france-travail", daemon=True
        )
        self._thread.start()
        limit = time.monotonic() + START_LIMIT
        while not self._server.started:
            if time.monotonic() > limit or not self._thread.is_alive():
                message = "The pretend France Travail did not start."
                raise RuntimeError(message)
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=START_LIMIT)
        self._socket.close()
