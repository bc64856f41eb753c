"""Airflow beside an opened hub: its tables on the same server, its components until the context ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hub.one_machine.airflow_home import AirflowHome, prepare_metadata
from hub.one_machine.processes import Processes
from hub.storage.store import store_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.opening import Hub


WATCH_GRACE = 15.0  # seconds: what the fast lane has not taken by then is Airflow's


@contextmanager
def running(hub: Hub, *, tell: Callable[[str], None]) -> Iterator[AirflowHome]:
    """Start Airflow for a hub. Its metadata live in the database ``airflow`` beside the hub's own."""
    _ = hub.engine, hub.vault  # both are made before anybody needs them
    database = store_url(hub.settings)
    home = hub.settings.home.absolute()
    airflow = AirflowHome.create(
        home / "airflow",
        hub_home=home,
        hub_database=database,
        airflow_database=database.set(database="airflow"),
        watch_grace=WATCH_GRACE,
    )
    prepare_metadata(database.set(database="postgres"), airflow, fresh=False, tell=tell)
    tell("Starting Airflow")
    with Processes(airflow):
        yield airflow
