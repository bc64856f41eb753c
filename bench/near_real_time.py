"""How long from the last byte of a delivery to the file a partner finds, with Airflow and everything else running.

    python bench/near_real_time.py [DELIVERIES] [PEOPLE]        default 20 deliveries, 400 people

Files are dropped by SFTP at a CAF's account, one after the other; the sync file that tells them is waited for at the
département's. Prints p50, p95 and the slowest (aim: p95 within 5 s), where the seconds go, and how many tasks Airflow had to
start meanwhile. bench/flood.py shows what a flood does to a single urgent change.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import create_engine, text

from connectors.completeness import Place
from connectors.sftp import SftpConnector
from hub.one_machine.airflow_home import AirflowHome, prepare_metadata
from hub.one_machine.airflow_runs import readiness, runs
from hub.one_machine.processes import Processes
from hub.one_machine.running import WATCH_GRACE
from hub.opening import open_hub
from hub.sandbox.alone import write_connections
from hub.sandbox.cnaf_file import write_cnaf
from hub.sandbox.population import FIRST_DAY
from hub.sandbox.sandbox import Sandbox
from hub.settings import Settings
from hub.storage.store import create_database, embedded_server

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = 100
SETTLED = 8  # seconds without anything to do
PATIENCE = 120.0
# When the delivery was taken, read and checked, applied, its messages written, its file opened and uploaded.
MOMENTS = """
select extract(epoch from d.received_at) as noticed, extract(epoch from d.closed_at) as "read and checked",
       extract(epoch from m.created_at) as applied, extract(epoch from f.deposited_at) as reconciled
from delivery d join message m on m.arrived_at = d.arrived_at and m.partner = 'departement_08'
join sync_file f on f.id = m.sync_file_id where d.name = :name order by m.created_at limit 1
"""
WAITING = """
select (select count(*) from message where state = 'pending') + (select count(*) from source_record where to_match)
     + (select count(*) from delivery where state = 'received')
"""
# Each is a process that starts.
STARTED = "select count(*) from task_instance where start_date > :since"


def until(true, *, seconds: float = PATIENCE):  # noqa: ANN001, ANN201 - whatever it waits for
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := true():
            return found
        time.sleep(0.02)
    raise SystemExit("nothing came: see the logs")


def delivery(sandbox: Sandbox, number: int) -> bytes:
    """A hundred people of the CAF 08, whose address changed."""
    people = [
        adult
        for adult in sandbox.population.on(0)
        if adult.in_caf and adult.in_departement and adult.departement == "08"
    ]
    changed = [replace(adult, address=(str(number), "RUE", "NEUVE")) for adult in people[:RECORDS]]
    content = io.BytesIO()
    write_cnaf(
        content, changed, departement="08", when=FIRST_DAY + timedelta(days=number), seed=sandbox.seed, full=False
    )
    return content.getvalue()


def manifests(sandbox: Sandbox) -> set[str]:
    """The sync files left so far, whether or not the partner has read them."""
    left = (sandbox.folder / "departement_08" / "retour").glob("*.manifest.*")
    return {path.name.partition(".")[0] for path in left if not path.name.startswith(".")}


def told(sandbox: Sandbox, seen: set[str], number: int) -> bool:
    """Whether the address of a delivery is in a whole sync file that was not there before."""
    folder, street = sandbox.folder / "departement_08" / "retour", f'"{number} RUE NEUVE"'.encode()
    return any(street in (folder / f"{name}.jsonl").read_bytes() for name in manifests(sandbox) - seen)


def drop(connection, name: str, content: bytes) -> float:  # noqa: ANN001
    """Leave a file by SFTP; returns the moment of its last byte."""
    with SftpConnector(connection, Place(folder="depot")) as sftp:
        sftp.deposit(name, io.BytesIO(content))
    return time.time()


def one_by_one(hub, sandbox: Sandbox, number: int) -> list[tuple[str, float, float]]:  # noqa: ANN001
    """Deliveries one after the other: the name of each, the moment of its last byte, the moment it was told."""
    access, waits = hub.settings.access("caf_sftp"), []
    for each in range(1, number + 1):
        content, name = delivery(sandbox, each), f"RSABEI08_20261101_{each:03d}.xml"
        before = manifests(sandbox)
        left = drop(access, name, content)
        until(lambda: told(sandbox, before, each))  # noqa: B023 - waited for before the next turn
        waits.append((name, left, time.time()))
        print(f"  {waits[-1][2] - left:5.2f} s", file=sys.stderr, flush=True)
    return waits


def stages(hub, waits: list[tuple[str, float, float]]) -> str:  # noqa: ANN001
    """Where the seconds of the median go, from the hub's own moments."""
    found: dict[str, list[float]] = {}
    with hub.engine.connect() as connection:
        for name, left, seen in waits:
            row = connection.execute(text(MOMENTS), {"name": name}).one()
            moments = {"left": left, **row._mapping, "deposited": seen}  # noqa: SLF001 - public name
            steps = {label: float(end) - float(start) for (_, start), (label, end) in pairwise(moments.items())}
            print("  " + ", ".join(f"{label} {took:.2f}" for label, took in steps.items()), file=sys.stderr)
            for label, took in steps.items():
                found.setdefault(label, []).append(took)
    return ", ".join(f"{label} {statistics.median(each):.2f}" for label, each in found.items())


def calm(hub, airflow) -> bool:  # noqa: ANN001
    """Whether the first day is over everywhere, and has been for a while."""
    for _ in range(SETTLED):
        with hub.engine.connect() as connection:
            if runs(airflow).active or connection.execute(text(WAITING)).scalar_one():
                return False
        time.sleep(1)
    return True


@contextmanager
def everything(home: Path, size: int) -> Iterator[tuple[Any, Sandbox, Any]]:
    """Stores, partners, Airflow and the fast lane, all running, after a first day."""
    server = embedded_server(home / "postgres")
    create_database(server, "hub")
    store = server.set(database="hub")
    hub = open_hub(Settings(home=home))
    _ = hub.engine, hub.vault
    with ExitStack() as stack:
        stack.callback(hub.engine.dispose)
        sandbox = stack.enter_context(Sandbox(home / "partners", seed=1, size=size))
        stack.enter_context(sandbox.serving())
        write_connections(hub.settings.secrets, sandbox)
        _allow(hub.settings.secrets / "pole_emploi_api.json", per_second=20)
        airflow = AirflowHome.create(
            home / "airflow",
            hub_home=home,
            hub_database=store,
            airflow_database=server.set(database="airflow"),
            watch_grace=WATCH_GRACE,
        )
        prepare_metadata(server, airflow, fresh=True, tell=lambda said: print(said, file=sys.stderr))
        watched = create_engine(server.set(database="airflow"))
        stack.callback(watched.dispose)
        running = stack.enter_context(Processes(airflow))
        until(lambda: running.check() or readiness(watched).watchers >= 7, seconds=400)
        stack.enter_context(_fast_lane(home, store.render_as_string(hide_password=False)))
        sandbox.deposit_day(0)
        until(lambda: manifests(sandbox), seconds=400)
        until(lambda: calm(hub, watched), seconds=400)
        yield hub, sandbox, watched


def _allow(connection: Path, *, per_second: int) -> None:
    given = orjson.loads(connection.read_bytes())
    given["extra"]["rate_per_second"] = str(per_second)
    connection.write_bytes(orjson.dumps(given))


@contextmanager
def _fast_lane(home: Path, store: str) -> Iterator[None]:
    environment = {**os.environ, "HUB_HOME": str(home), "HUB_DATABASE_URL": store}  # noqa: TID251
    lane = subprocess.Popen([sys.executable, "-c", "from hub.cli import main; main()", "watch"], env=environment)
    try:
        yield
    finally:
        lane.terminate()
        lane.wait(timeout=90)


def started(airflow, since: datetime) -> int:  # noqa: ANN001
    """How many tasks Airflow started meanwhile."""
    with airflow.connect() as connection:
        return int(connection.execute(text(STARTED), {"since": since}).scalar_one())


def main() -> None:
    number, size = (int(word) for word in (*sys.argv[1:], *("20", "400")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        with everything(Path(folder) / "hub", size) as (hub, sandbox, airflow):
            since = datetime.now(tz=UTC)  # noqa: TID251
            told_at = one_by_one(hub, sandbox, number)
            tasks, where = started(airflow, since), stages(hub, told_at)
    waits = sorted(seen - left for _, left, seen in told_at)
    p95 = waits[max(0, round(0.95 * len(waits)) - 1)]
    print(
        f"{number} deliveries of {RECORDS} records: p50 {statistics.median(waits):.2f} s, p95 {p95:.2f} s (aim: 5), "
        f"slowest {waits[-1]:.2f} s; {os.getloadavg()[0]:.1f} processes at once on {os.cpu_count()} cores"
    )
    print(f"  where they go, medians: {where}")
    print(f"  tasks Airflow started meanwhile: {tasks}")


if __name__ == "__main__":
    main()
