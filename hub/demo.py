"""The demonstration: embedded stores, sandbox partners, one full cycle through the real DAGs, and what it moved.

Nothing on the path is pretended: files travel by SFTP, answers come over HTTP, Airflow notices, schedules and runs,
and the partners themselves say what they learnt.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import create_engine

from hub.airflow_home import AirflowHome, prepare_metadata
from hub.airflow_runs import RunState, runs
from hub.opening import Hub, open_hub
from hub.processes import Processes
from hub.sandbox.sandbox import Sandbox
from hub.settings import Settings
from hub.store import DRIVER, create_database, drop_database, embedded_server, upgrade
from hub.summary import summary
from schemas.errors import TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import URL, Engine

QUIET_FOR = 4.0
GIVE_UP_AFTER = 900.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the demonstration showed."""

    document: dict[str, Any]
    addresses: dict[str, str]


class Demo:
    """A context: on entry everything runs, on exit nothing is left running."""

    def __init__(self, settings: Settings, *, seed: int, size: int, tell: Callable[[str], None]) -> None:
        self._home = (settings.home / "demo").absolute()
        self._settings = settings.model_copy(
            update={"home": self._home, "database_url": None, "secrets_dir": None, "key_file": None, "raw_dir": None}
        )
        self._seed, self._size, self._tell = seed, size, tell
        self._stack = ExitStack()
        self._started = time.monotonic()

    def __enter__(self) -> Demo:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._tell("Stopping")
        self._stack.close()

    def _start(self) -> None:
        self._tell("Starting PostgreSQL, with an empty store")
        server = self._fresh_stores()
        self.hub: Hub = open_hub(self._settings)
        upgrade(self.hub.engine)
        self._stack.callback(self.hub.engine.dispose)
        self._tell(f"Inventing {self._size} people and starting their partners (SFTP and HTTP servers)")
        self.sandbox = self._stack.enter_context(Sandbox(self._home / "partners", seed=self._seed, size=self._size))
        self._write_secrets(self.sandbox.connections())
        self._tell("Starting Airflow (scheduler, DAG processor, triggerer, API server)")
        self.airflow = AirflowHome.create(self._home / "airflow", hub_home=self._home, database=server.set(database="airflow"))
        prepare_metadata(server, self.airflow, self._tell)
        self._watcher = create_engine(server.set(database="airflow", drivername=DRIVER))
        self._stack.callback(self._watcher.dispose)
        processes = self._stack.enter_context(Processes(self.airflow))
        processes.wait_until_ready(self._watcher, self._tell)

    def _fresh_stores(self) -> URL:
        for folder in ("raw", "partners", "secrets"):
            shutil.rmtree(self._home / folder, ignore_errors=True)
        server = embedded_server(self._home / "postgres")
        drop_database(server, "hub")
        create_database(server, "hub")
        return server

    def _write_secrets(self, connections: dict[str, dict[str, Any]]) -> None:
        folder: Path = self._settings.secrets
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, connection in connections.items():
            path = folder / f"{name}.json"
            path.touch(mode=0o600)
            path.write_bytes(orjson.dumps(connection))

    def cycle(self) -> Report:
        """Let the partners speak, wait until everybody has been answered, and say what moved."""
        before = self.sandbox.report()
        started = time.monotonic()
        with self.sandbox.serving():
            self.sandbox.deposit_day(0)
            self._tell("The partners have left their files; the hub takes over")
            state = self._until_quiet()
        document = {
            "size": self._size,
            "seconds": {"set_up": round(started - self._started, 1), "cycle": round(time.monotonic() - started, 1)},
            "airflow": {"runs": state.finished, "failed": state.failed},
            **summary(self.hub),
            "sandbox": {"before": before, "after": self.sandbox.report()},
        }
        return Report(document=document, addresses=self.airflow.addresses())

    def _until_quiet(self) -> RunState:
        deadline = time.monotonic() + GIVE_UP_AFTER
        quiet_since: float | None = None
        said = ""
        while time.monotonic() < deadline:
            state = runs(self._watcher)
            waiting = _waiting(self.hub.engine)
            line = f"{state.finished} runs done, {state.active} at work, {waiting} messages on their way"
            if line != said:
                self._tell(line)
                said = line
            calm = not state.active and not waiting and state.finished > 0
            quiet_since = (quiet_since or time.monotonic()) if calm else None
            if quiet_since and time.monotonic() - quiet_since >= QUIET_FOR:
                return state
            time.sleep(0.5)
        raise TryAgainLater(f"The cycle did not end in {GIVE_UP_AFTER:.0f} s: see the logs under the hub's home.")


def _waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.exec_driver_sql("select count(*) from message where state in ('pending', 'sent')").scalar_one()
        )
