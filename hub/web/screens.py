"""What every page needs, put together once: the hub, the time, who asks, and what is left to do after an answer."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads the signature of `here`

from hub.monitoring.discretion import discreet
from schemas.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from hub.opening import Hub
    from hub.web.accounts import Account

log = logging.getLogger(__name__)


class Afterwards:
    """One thread that does, after the answer, what an operator asked for: one thing at a time, in order.

    Whatever it does is restartable: what a stop interrupts, the next run of the DAGs takes up.
    """

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="screens-afterwards")
        self._waiting: set[str] = set()
        self._lock = threading.Lock()

    def do(self, name: str, work: Callable[[], object], *, answer_within: float = 0) -> None:
        """Do it soon; what already waits under that name is not asked for twice. Wait so many seconds that it may be done."""
        with self._lock:
            if name in self._waiting:
                return
            self._waiting.add(name)
        done = self._worker.submit(self._run, name, work)
        with suppress(TimeoutError):
            done.result(answer_within)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.discard(name)
        try:
            with discreet():
                work()
        except HubError as error:
            log.warning("%s: %s", name, error)

    def wait(self) -> None:
        """Until what was asked for so far is done."""
        self._worker.submit(lambda: None).result()


@dataclass(frozen=True, kw_only=True)
class Screens:
    """The hub, the clock, how people are recognised, and the secret that signs forms and sessions.

    ``signs_in`` says whether people sign in here, or where the screens are mounted.
    """

    hub: Hub
    clock: Callable[[], datetime]
    who: Callable[[Request], Awaitable[Account | None]]
    secret: bytes
    signs_in: bool
    afterwards: Afterwards = field(default_factory=Afterwards)
    previews: Afterwards = field(default_factory=Afterwards)  # what takes long and changes nothing keeps no act waiting
    countings: Afterwards = field(default_factory=Afterwards)  # nor what is counted meanwhile


def here(request: Request) -> Screens:
    """The screens a request was made to, with the agreements of the moment."""
    screens: Screens = request.app.state.screens
    return replace(screens, hub=screens.hub.again())
