"""The world the trials happen in: partners that never change, a warm forker, and the state before and after each step."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson
from crash_content import differences, dump, hash_of
from crash_deliveries import DAYS, account, write_days
from crash_steps import STEPS
from sqlalchemy import create_engine, text

from hub.sandbox.sftp_server import SftpServer
from hub.storage.store import create_database, drop_database
from hub.storage.vault import open_vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

HERE = Path(__file__).parent
PARTNERS = ("caf", "departement_08", "departement_52", "pole_emploi")
KILLED = -signal.SIGKILL
CHUNK = 16


class Forker:
    """The warm process; ``run`` forks a child for one job and tells how it ended."""

    def __init__(self, script: str = "crash_forker.py") -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, job: dict[str, Any], *, meanwhile: Callable[[int], None] | None = None) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(job, option=orjson.OPT_APPEND_NEWLINE))
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        if meanwhile:
            meanwhile(pid)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@dataclass
class Place:
    """A database and a home of their own: where one trial happens."""

    world: World
    name: str
    home: Path
    server: URL | None = None
    secrets: Path | None = None

    @property
    def url(self) -> URL:
        return (self.server or self.world.server).set(database=self.name)

    def job(self, step: int, **how: Any) -> dict[str, Any]:
        environment = {
            "HUB_HOME": str(self.home),
            "HUB_DATABASE_URL": self.url.render_as_string(hide_password=False),
            "HUB_SECRETS_DIR": str(self.secrets or self.world.folder / f"secrets_{STEPS[step].day}"),
            "HUB_PARTNERS_DIR": str(self.world.folder / "flows"),
            "HUB_CHUNK": str(CHUNK),
        }
        notes = {"passed": str(self.home / "passed.json"), "error": str(self.home / "error.txt")}
        return {"environment": environment, "step": step, "judge": str(self.world.answers), **notes, **how}

    def run(self, step: int, *, meanwhile: Callable[[int], None] | None = None, **how: Any) -> int:
        return self.world.forker.run(self.job(step, **how), meanwhile=meanwhile)

    def finish(self, step: int, **how: Any) -> None:
        """Run a step to its end; a child that fails says why."""
        if self.run(step, **how) != 0:
            error = self.home / "error.txt"
            raise AssertionError(f"{STEPS[step].name}: {error.read_text() if error.exists() else 'it was killed'}")

    def passed(self) -> list[str]:
        return orjson.loads((self.home / "passed.json").read_bytes())

    def content(self) -> dict[str, list[str]]:
        """What the database says and what the raw store holds."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            said = dump(connection, open_vault(self.home / "keys" / "master.key", create=False))
        engine.dispose()
        return said | {"raw store": sorted(each.name for each in (self.home / "raw").glob("??/*.sealed"))}

    def strays(self) -> list[str]:
        """Files of the raw store that are not deliveries."""
        return [each.name for each in (self.home / "raw").rglob("*") if each.is_file() and each.suffix != ".sealed"]

    def remove(self) -> None:
        drop_database(self.server or self.world.server, self.name)
        shutil.rmtree(self.home)


@dataclass
class World:
    """Opened with ``with``: plays the scenario once undisturbed, and keeps where it stood before and after each step."""

    folder: Path
    server: URL
    points: list[list[str]] = field(default_factory=list)
    after: list[dict[str, list[str]]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    trials: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.answers = self.folder / "answers"
        self.answers.mkdir(parents=True)
        accounts = write_days(self.folder / "partners")
        self.sftp = self._stack.enter_context(SftpServer(self.folder / "partners", tuple(accounts)))
        self._write_secrets()
        self._write_flows()
        self.forker = Forker()
        self._stack.callback(self.forker.close)
        self._play_undisturbed()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _write_secrets(self) -> None:
        for day in range(DAYS):
            place = self.folder / f"secrets_{day}"
            place.mkdir()
            for partner in PARTNERS:
                connection = self.sftp.connection(account(partner, day))
                (place / f"{partner}_sftp.json").write_bytes(orjson.dumps(connection))

    def _write_flows(self) -> None:
        """The declared flows, but files are complete at once: the trials need not wait for them to stop moving."""
        place = self.folder / "flows"
        place.mkdir()
        for path in Path(str(files("connectors"))).glob("partners/*.yml"):
            (place / path.name).write_text(path.read_text().replace("stable_for: 0.5", "stable_for: 0"))

    def _play_undisturbed(self) -> None:
        home = self.folder / "undisturbed"
        open_vault(home / "keys" / "master.key", create=True)
        (home / "raw").mkdir()
        create_database(self.server, "undisturbed", template="hub_template")
        place = Place(self, "undisturbed", home)
        for step in range(len(STEPS)):
            self._copy(place, f"before_{step}")
            started = time.monotonic()
            place.finish(step, undisturbed=True)
            self.seconds.append(time.monotonic() - started)
            self.points.append(place.passed())
            self.after.append(place.content())

    def _copy(self, place: Place, name: str) -> Place:
        create_database(self.server, name, template=place.name)
        home = self.folder / name
        shutil.copytree(place.home, home)
        return Place(self, name, home)

    def before(self, step: int) -> Place:
        """A fresh place, as things stood before a step of the undisturbed run."""
        self.trials += 1
        return self._copy(Place(self, f"before_{step}", self.folder / f"before_{step}"), f"trial_{self.trials}")

    def beginning(self, server: URL, *, tablespace: Path | None = None) -> Place:
        """A fresh place before the first step, on another server; its database in a folder of its own when one is given."""
        self.trials += 1
        name = f"trial_{self.trials}"
        where = ""
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            if tablespace:
                connection.execute(text(f"create tablespace {name} location '{tablespace}'"))
                where = f" tablespace {name}"
            connection.execute(text(f"create database {name} template hub_template{where}"))
        engine.dispose()
        shutil.copytree(self.folder / "before_0", self.folder / name)
        return Place(self, name, self.folder / name, server=server)

    def compare(self, place: Place, step: int) -> str:
        """Empty when the place is as the undisturbed run was after the step; else where they part."""
        expected, found = self.after[step], place.content()
        return "" if hash_of(expected) == hash_of(found) else differences(expected, found)
