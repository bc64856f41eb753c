"""Airflow's own settings for ``hub up`` and ``hub demo``: an environment for its components, and its database made once."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from hub.storage.store import create_database, drop_database
from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import URL

TEMPLATE = "airflow_template"
FIRST_PORT = 8080
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class AirflowHome:
    """A folder of Airflow's, the environment its components run in, and where its screen is."""

    folder: Path
    environment: dict[str, str]
    port: int
    password: str

    @classmethod
    def create(
        cls, folder: Path, *, hub_home: Path, hub_database: URL, airflow_database: URL, watch_grace: float = 0
    ) -> AirflowHome:
        """Prepare the folder; secrets are drawn once and kept readable by their owner only.

        ``watch_grace`` is how long (seconds) small deliveries are left to ``hub watch``, where it runs beside.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = _secret(folder / "admin.password")
        passwords = folder / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({"admin": password}), encoding="utf-8")
        port = free_port(FIRST_PORT)
        ours = _environment(folder, port, airflow_database, passwords)
        ours |= {"HUB_HOME": str(hub_home), "HUB_DATABASE_URL": hub_database.render_as_string(hide_password=False)}
        ours["HUB_WATCH_GRACE"] = str(watch_grace)
        return cls(folder=folder, environment={**os.environ, **ours}, port=port, password=password)  # noqa: TID251 - children inherit it

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def command(self, *words: str) -> list[str]:
        """An Airflow command in our own interpreter."""
        return [sys.executable, "-m", "airflow", *words]


def _environment(folder: Path, port: int, database: URL, passwords: Path) -> dict[str, str]:
    metadata = database.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    given = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "3",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_FOLDER": str(files("dags")),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": _fernet_key(folder / "fernet.key"),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": metadata,
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "SCHEDULER__ENABLE_TRACEMALLOC": "False",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "300",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "API__PORT": str(port),
        "API__HOST": LOOPBACK,
        "API__WORKERS": "1",
        "API__BASE_URL": f"http://{LOOPBACK}:{port}",
        "API__SECRET_KEY": _secret(folder / "api.secret"),
        "API_AUTH__JWT_SECRET": _secret(folder / "jwt.secret"),
        "LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "LOGGING__LOGGING_LEVEL": "WARNING",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        "AIRFLOW_HOME": str(folder),
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
        **{f"AIRFLOW__{name}": value for name, value in given.items()},
    }


def _secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), encoding="ascii")
    return path.read_text(encoding="ascii")


def _fernet_key(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))
    return path.read_text(encoding="ascii")


def free_port(first: int) -> int:
    """The first port from ``first`` on that nobody listens on."""
    for port in range(first, first + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise CallSomeone(f"No free port between {first} and {first + 199}.")


def prepare_metadata(server: URL, airflow: AirflowHome, *, fresh: bool, tell: Callable[[str], None]) -> None:
    """Give Airflow its tables: migrated once into a template, then copied in an instant. ``fresh`` forgets past runs."""
    if not _has_tables(server, TEMPLATE):
        tell("Creating Airflow's own tables (the first time only)")
        drop_database(server, TEMPLATE)
        create_database(server, TEMPLATE)
        template = server.set(database=TEMPLATE, drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        environment = airflow.environment | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": template}
        done = subprocess.run(  # noqa: S603 - our own interpreter and words
            airflow.command("db", "migrate"), env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CallSomeone(f"Airflow could not create its tables: {done.stderr.strip().splitlines()[-1:]}")
    if fresh:
        drop_database(server, "airflow")
    create_database(server, "airflow", template=TEMPLATE)


def _has_tables(server: URL, database: str) -> bool:
    from sqlalchemy import create_engine, inspect  # noqa: PLC0415
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    engine = create_engine(server.set(database=database))
    try:
        tables = inspect(engine).get_table_names()
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return "dag_run" in tables and "asset_event" in tables
