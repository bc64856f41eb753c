"""The hub's screens, served on this machine for as long as a context lasts."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from hub.one_machine.airflow_home import LOOPBACK
from hub.web.app import clock, create_app
from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from hub.opening import Hub

FIRST_PORT, PORTS = 8090, 200
START_SECONDS = 10.0


@contextmanager
def screens(hub: Hub, *, clock: Callable[[], datetime] = clock) -> Iterator[str]:
    """Serve the screens on loopback; gives their address."""
    listener = _listening()
    config = uvicorn.Config(create_app(hub, clock=clock), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="screens", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise CallSomeone("The hub's screens did not start.")
        time.sleep(0.05)
    try:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=START_SECONDS)
        listener.close()


def _listening() -> socket.socket:
    """The first port that nobody listens on, taken at once: two that start together do not both find it free."""
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError:
            listener.close()
            continue
        return listener
    raise CallSomeone(f"No free port between {FIRST_PORT} and {FIRST_PORT + PORTS - 1}.")
