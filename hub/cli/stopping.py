"""What a signal stops: commands that run until somebody ends them, in order."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopped(Exception):
    """Somebody ended the command before it was done."""


class Stop:
    """Told once, by a signal. A ``threading.Event`` would not do: a second signal that comes while the first sets it waits for its
    lock for ever; a ``SimpleQueue`` may be written to by whatever interrupts it.
    """

    def __init__(self) -> None:
        self._told: SimpleQueue[None] = SimpleQueue()

    def tell(self) -> None:
        """Somebody ends the command; any number of times."""
        self._told.put(None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until told, or for some seconds at most; returns whether it was."""
        try:
            self._told.get(timeout=seconds)
        except Empty:
            return False
        self._told.put(None)
        return True

    def pause(self, seconds: float) -> None:
        """Sleep between two looks; raises ``Stopped`` when told."""
        if self.wait(seconds):
            raise Stopped


@contextmanager
def until_stopped() -> Iterator[Stop]:
    """What SIGINT and SIGTERM tell, so that everything ends in order."""
    stop = Stop()
    before = {number: signal.signal(number, lambda *_: stop.tell()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, action in before.items():
            signal.signal(number, action)
