"""The demonstration: embedded stores, sandbox partners, one full cycle through the real DAGs, and what it moved.

Nothing on the path is pretended: files travel by SFTP, answers come over HTTP, Airflow notices, schedules and runs,
and the partners themselves say what they learnt.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import create_engine, text

from hub.keys import create as draw_keys
from hub.one_machine.airflow_home import AirflowHome, prepare_metadata
from hub.one_machine.airflow_runs import RunState, failed_dags, readiness, runs
from hub.one_machine.processes import COMPONENTS, Processes
from hub.one_machine.summary import summary
from hub.opening import open_hub
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.storage.store import create_database, drop_database, embedded_server
from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL

    from hub.settings import Settings

QUIET_FOR = 3.0
GIVE_UP_AFTER = 600.0
LOOK_EVERY = 0.5
OF_NO_PARTNER = (
    "oversee",
    "reconcile",
    "retain",
    "verify_journal",
)  # DAGs beside one for each flow, answer and partner


class Demo:
    """A context: on entry everything runs, on exit nothing is left running."""

    def __init__(
        self, settings: Settings, *, seed: int, size: int, tell: Callable[[str], None], pause: Callable[[float], None]
    ) -> None:  # fmt: skip
        self._home = (settings.home / "demo").absolute()
        own = {"home": self._home, "database_url": None, "secrets_dir": None, "key_file": None, "raw_dir": None}
        self._settings = settings.model_copy(update=own)
        self._seed, self._size, self._tell, self._pause = seed, size, tell, pause
        self._stack = ExitStack()

    def __enter__(self) -> Self:
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
        began = time.monotonic()
        self._tell("Starting PostgreSQL, with an empty store")
        server = self._fresh_stores()
        self.hub = open_hub(self._settings)
        self._stack.callback(self.hub.engine.dispose)
        draw_keys(self.hub)  # before anybody needs them
        self._tell(f"Inventing {self._size} people, and starting their partners' SFTP and HTTP servers")
        self.sandbox = self._stack.enter_context(Sandbox(self._home / "partners", seed=self._seed, size=self._size))
        write_connections(self._settings.secrets, self.sandbox)
        self.airflow = AirflowHome.create(
            self._home / "airflow",
            hub_home=self._home,
            hub_database=server.set(database="hub"),
            airflow_database=server.set(database="airflow"),
        )
        prepare_metadata(server, self.airflow, fresh=True, tell=self._tell)
        self._watched = create_engine(server.set(database="airflow"))
        self._stack.callback(self._watched.dispose)
        self._tell(f"Starting Airflow: {', '.join(COMPONENTS)}")
        self._processes = self._stack.enter_context(Processes(self.airflow))
        self._until_ready()
        self.set_up_seconds = round(time.monotonic() - began, 1)

    def _fresh_stores(self) -> URL:
        for folder in ("raw", "partners", "secrets"):
            shutil.rmtree(self._home / folder, ignore_errors=True)
        server = embedded_server(self._home / "postgres")
        drop_database(server, "hub")
        create_database(server, "hub")
        return server

    def _until_ready(self) -> None:
        flows = self.hub.flows.values()
        watchers = sum(flow.protocol != "api" for flow in flows)
        dags = len(OF_NO_PARTNER) + len(flows) + sum(flow.deliver is not None for flow in flows)
        said = ""
        deadline = time.monotonic() + GIVE_UP_AFTER
        while time.monotonic() < deadline:
            self._processes.check()
            seen = readiness(self._watched)
            line = f"Airflow: {seen.dags} of {dags} DAGs read, {seen.watchers} of {watchers} watchers in place"
            if line != said:
                self._tell(line)
                said = line
            if seen.dags >= dags and seen.watchers >= watchers:
                return
            self._pause(LOOK_EVERY)
        raise CallSomeone("Airflow did not get ready: see the logs in its home.")

    def cycle(self, *, again: bool = False) -> dict[str, Any]:
        """Let the partners speak, wait until everybody has been answered, and say what moved.

        ``again`` sends the same bytes once more: nothing may change.
        """
        began = time.monotonic()
        with self.sandbox.serving():
            if again:
                self.sandbox.redeposit()
            else:
                self.sandbox.deposit_day(0)
            self._tell("The partners have left their files; the hub takes over")
            state = self._until_quiet(self._files_left())
        return {
            "size": self._size,
            "seconds": {"set_up": self.set_up_seconds, "cycle": round(time.monotonic() - began - QUIET_FOR, 1)},
            "airflow": {"runs": state.finished, "failed": failed_dags(self._watched)},
            **summary(self.hub),
            "sandbox": self.sandbox.report(),
        }

    def morning(self) -> dict[str, int]:
        """Leave a morning's work: a held delivery, refused records, messages set aside; says what waits for a person.

        Once it waits, the partners accept again what they are told: what an operator replays then leaves.
        """
        with self.sandbox.serving():
            self.sandbox.deposit_morning()
            self._tell("The next morning: the partners have left files with something wrong in each")
            self._until_quiet(self._files_left())
            self.sandbox.mend()
        with self.hub.engine.connect() as connection:
            return dict(connection.execute(text(LEFT_TO_PEOPLE)).one()._mapping)  # noqa: SLF001 - public name

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The partners go on answering, for as long as somebody looks."""
        with self.sandbox.serving():
            yield

    def _files_left(self) -> int:
        return sum(1 for path in self.sandbox.folder.glob("*/depot/*") if not path.name.startswith("."))

    def _until_quiet(self, files: int) -> RunState:
        deadline = time.monotonic() + GIVE_UP_AFTER
        quiet_since: float | None = None
        said = ""
        while time.monotonic() < deadline:
            self._processes.check()
            state, waiting, taken = runs(self._watched), self._count(WAITING), self._count(TAKEN)
            line = f"{taken} of {files} files taken, {state.finished} runs done, {state.active} at work, {waiting} messages on their way"
            if line != said:
                self._tell(line)
                said = line
            calm = not state.active and not waiting and taken >= files
            quiet_since = (quiet_since or time.monotonic()) if calm else None
            if quiet_since and time.monotonic() - quiet_since >= QUIET_FOR:
                return state
            self._pause(LOOK_EVERY)
        raise CallSomeone(f"The cycle did not end in {GIVE_UP_AFTER:.0f} s: see the logs in Airflow's home.")

    def _count(self, statement: str) -> int:
        with self.hub.engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())


WAITING = """
select (select count(*) from message where state in ('pending', 'sent'))
     + (select count(*) from source_record where to_match) + (select count(*) from delivery where state = 'received')
"""
LEFT_TO_PEOPLE = """
select (select count(*) from delivery where state = 'held') as held_deliveries,
       (select count(*) from quarantine where state = 'open') as quarantined_records,
       (select count(*) from review_case where closed_at is null) as doubtful_matches,
       (select count(*) from message where state = 'parked') as parked_messages
"""
TAKEN = "select count(*) from delivery where flow <> 'pole_emploi_usagers'"
