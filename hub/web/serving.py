"""The hub's screens, served on this machine for as long as a context lasts."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from hub.one_machine.airflow_home import LOOPBACK, free_port
from hub.web.app import clock, create_app
from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from hub.opening import Hub

FIRST_PORT = 8090
START_SECONDS = 10.0


@contextmanager
def screens(hub: Hub, *, clock: Callable[[], datetime] = clock) -> Iterator[str]:
    """Serve the screens on loopback; gives their address."""
    port = free_port(FIRST_PORT)
    config = uvicorn.Config(
        create_app(hub, clock=clock), host=LOOPBACK, port=port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="screens", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise CallSomeone("The hub's screens did not start.")
        time.sleep(0.05)
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=START_SECONDS)
