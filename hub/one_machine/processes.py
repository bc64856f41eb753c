"""Airflow's components as child processes: started together, watched, and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from hub.one_machine.airflow_home import AirflowHome

COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
POLITE_SECONDS = 5.0


class Processes:
    """A context: on entry the components start, on exit they and all they started are gone."""

    def __init__(self, airflow: AirflowHome, components: tuple[str, ...] = COMPONENTS) -> None:
        self._airflow = airflow
        self._components = components
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        logs = self._airflow.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for name in self._components:
            self._running[name] = self._start(name, logs / f"{name}.log")
        return self

    def _start(self, name: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and words
                self._airflow.command(name),
                env=self._airflow.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise ``CallSomeone`` when a component has ended by itself, with where its log is."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise CallSomeone(
                    f"Airflow's {name} ended with code {process.returncode}: see logs/{name}.log in its home."
                )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + POLITE_SECONDS
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(deadline - time.monotonic(), 0.1))
        for process in self._running.values():
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Tell the whole process group: a component's workers must not outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
