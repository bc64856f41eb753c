"""The arrival trigger: runs in Airflow's triggerer, watches one place on one kept connection, and says how many files came."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.intake.watching import Watch

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

log = logging.getLogger(__name__)


class ArrivalTrigger(BaseEventTrigger):
    """Yields an event each time complete files are there to take: the flow's name and a count, nothing else."""

    def __init__(self, flow: str, *, answers: bool = False) -> None:
        super().__init__()
        self.flow = flow
        self.answers = answers

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "dags.triggers.ArrivalTrigger", {"flow": self.flow, "answers": self.answers}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        pause = FIRST_PAUSE
        while True:
            try:
                watch, every = await asyncio.to_thread(self._open)
                pause = FIRST_PAUSE
                while True:
                    found = await asyncio.to_thread(watch.poll, time.monotonic())
                    if found:
                        yield TriggerEvent({"flow": self.flow, "files": found})
                    await asyncio.sleep(every)
            except Exception as error:  # noqa: BLE001 - a watcher never ends: it says why, waits, and looks again
                log.warning("Watching %s: %s; looking again in %.0f s", self.flow, type(error).__name__, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _open(self) -> tuple[Watch, float]:
        from hub.intake.watching import open_watch

        return open_watch(self.flow, answers=self.answers)
