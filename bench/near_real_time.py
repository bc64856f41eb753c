"""How long from the last byte of a delivery to the file a partner finds, with Airflow and everything else running.

    python bench/near_real_time.py [DELIVERIES] [PEOPLE] [FLOOD]        default 20 deliveries, 400 people, 25,000 messages

Files are dropped by SFTP at a CAF's account, one after the other; a sync file is waited for at the département's. Prints p50,
p95 and the slowest (aim: p95 within 5 s). Then a flood fills the outbox of Pôle emploi, and one urgent decision is added: how
long until Pôle emploi is told it (aim: within 30 s), and what the flood came to.
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
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import create_engine, text

from connectors.completeness import Place
from connectors.sftp import SftpConnector
from hub.one_machine.airflow_home import AirflowHome, prepare_metadata
from hub.one_machine.airflow_runs import readiness
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
SETTLED = 20.0  # seconds for the first day to be over everywhere
PATIENCE = 120.0
FLOOD = """
with chosen as (
  select l.person_id, row_number() over (order by l.person_id) as n from link l join source_record r on r.id = l.source_record_id
  where r.partner = 'pole_emploi' and l.superseded_at is null and r.left_on is null
)
insert into message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, created_at, next_attempt_at)
select gen_random_uuid(), 'pole_emploi', person_id, 'pole_emploi', 10000 + s,
  jsonb_build_object('reference', '{}'::jsonb, 'before', '{}'::jsonb, 'fields', jsonb_build_object(
    'orientation.pathway', 'social', 'orientation.decided_on', '2026-11-' || lpad((1 + s % 28)::text, 2, '0'))),
  'pending', 2, case when n % 2 = 0 then '008' else '052' end, now(), now()
from chosen cross join generate_series(1, :each) s
"""
URGENT = """
insert into message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, created_at, next_attempt_at)
select gen_random_uuid(), 'pole_emploi', person_id, 'pole_emploi', 1, jsonb_set(payload, '{fields,orientation.pathway}', '"emploi"'),
  'pending', 0, lane, now(), now()
from message where partner = 'pole_emploi' and sequence = 10001 and state = 'pending' limit 1
returning id
"""


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
    return {path.name.partition(".")[0] for path in left}


def drop(connection, name: str, content: bytes) -> float:  # noqa: ANN001
    """Leave a file by SFTP; returns the moment of its last byte."""
    with SftpConnector(connection, Place(folder="depot")) as sftp:
        sftp.deposit(name, io.BytesIO(content))
    return time.monotonic()


def one_by_one(hub, sandbox: Sandbox, number: int) -> list[float]:  # noqa: ANN001
    access, waits = hub.settings.access("caf_sftp"), []
    for each in range(1, number + 1):
        before = manifests(sandbox)
        left = drop(access, f"RSABEI08_20261101_{each:03d}.xml", delivery(sandbox, each))
        until(lambda: manifests(sandbox) - before)  # noqa: B023 - waited for before the next turn
        waits.append(time.monotonic() - left)
        print(f"  {waits[-1]:5.2f} s", file=sys.stderr, flush=True)
    return waits


def flood(hub, sandbox: Sandbox, size: int) -> str:  # noqa: ANN001
    with hub.engine.begin() as connection:
        people = connection.execute(
            text(
                "select count(distinct person_id) from link l join source_record r on r.id = l.source_record_id where r.partner = 'pole_emploi' and l.superseded_at is null"
            )
        ).scalar_one()
        flooded = connection.execute(text(FLOOD), {"each": max(1, size // people)}).rowcount
    told = len(sandbox._api.decisions)  # noqa: SLF001 - the bench looks at the partner's own books
    until(lambda: len(sandbox._api.decisions) > told + 20)  # noqa: SLF001
    began = time.monotonic()
    with hub.engine.begin() as connection:
        (urgent,) = connection.execute(text(URGENT)).one()
    key = f"{urgent}:decisionOrientation"
    until(lambda: any(each.idempotency_key == key for each in sandbox._api.decisions[-400:]))  # noqa: SLF001
    took = time.monotonic() - began
    with hub.engine.connect() as connection:
        left = connection.execute(
            text("select count(*) from message where partner = 'pole_emploi' and state = 'pending'")
        ).scalar_one()
    return f"urgent, with {left:,} of a flood of {flooded:,} still waiting: {took:.1f} s (aim: 30)"


@contextmanager
def everything(home: Path, size: int) -> Iterator[tuple[Any, Sandbox]]:
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
        time.sleep(SETTLED)
        yield hub, sandbox


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


def main() -> None:
    number, size, flooding = (int(word) for word in (*sys.argv[1:], *("20", "400", "25000")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        with everything(Path(folder) / "hub", size) as (hub, sandbox):
            waits = sorted(one_by_one(hub, sandbox, number))
            urgent = flood(hub, sandbox, flooding)
    p95 = waits[max(0, round(0.95 * len(waits)) - 1)]
    print(
        f"{number} deliveries of {RECORDS} records: p50 {statistics.median(waits):.2f} s, p95 {p95:.2f} s (aim: 5), "
        f"slowest {waits[-1]:.2f} s"
    )
    print(urgent)


if __name__ == "__main__":
    main()
