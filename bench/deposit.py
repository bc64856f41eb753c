"""How fast sync files are written and deposited, and whether memory stays flat when a million messages wait for one partner.

    python bench/deposit.py [PENDING]        default 1,000,000

Three files of the département, as many records in each as one may hold, of as many messages as they take, then of PENDING: seconds a
file, and the peaks of the process that writes them and of the PostgreSQL process that serves it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from outbox import NOW, make_people, peak, pend
from sqlalchemy import create_engine, make_url, text

from connectors.base import Access
from connectors.completeness import Place
from connectors.declaration import load_flows
from connectors.folder import FolderConnector
from hub.logs import to_standard_error
from hub.sharing.agreements import load_agreements
from hub.sharing.deposit import deliver_files
from hub.sharing.switches import Gate
from hub.sharing.sync_file import MOST_RECORDS
from hub.storage.store import create_database, embedded_server, upgrade
from mappings.declaration import load_mappings

PARTNER, FILES = "departement_08", 3


class _Enough(Exception):
    pass


class Some(FolderConnector):
    """Takes so many sync files, and no more."""

    left = FILES

    def deposit(self, name, source) -> None:  # noqa: ANN001 - as above it
        if not self.left:
            raise _Enough
        super().deposit(name, source)
        self.left -= name.endswith(".manifest.json")


def deposit(store: str, folder: str) -> tuple[float, tuple[float, float]]:
    """Seconds a file, and the peaks of this process and of the largest that serves it."""
    to_standard_error()
    engine = create_engine(make_url(store), connect_args={"application_name": "deposit"})
    flow = load_flows()[load_agreements()[PARTNER].out_flow]
    began = time.perf_counter()
    with contextlib.suppress(_Enough), Some(Access(name="bench", host=folder), Place(folder="retour")) as connector:
        gate = Gate(engine=engine, partner=PARTNER)
        mapping = load_mappings()[flow.flow]
        deliver_files(engine, flow, mapping, connector, kind="delta", clock=lambda: NOW, gate=gate)
    seconds = (time.perf_counter() - began) / FILES
    with engine.connect() as connection:
        servers = connection.execute(
            text("select pid from pg_stat_activity where application_name = 'deposit'")
        ).scalars()
        peaks = peak(os.getpid()), max(peak(each) for each in servers)
    engine.dispose()
    return seconds, peaks


def main() -> None:
    pending = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    few = FILES * MOST_RECORDS
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        server = embedded_server(Path(folder) / "postgres")
        create_database(server, "hub")
        store = server.set(database="hub")
        engine = create_engine(store)
        upgrade(engine)
        make_people(engine, 100)
        for count in (few, pending):
            with engine.begin() as connection:
                connection.execute(text("truncate sync_file cascade"))
            pend(engine, count)
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                address = store.render_as_string(hide_password=False)
                measured.append(pool.submit(deposit, address, str(Path(folder) / str(count))).result())
        engine.dispose()
    (few_seconds, few_memory), (many_seconds, many_memory) = measured
    print(f"a file of {MOST_RECORDS:,}: {few_seconds:.1f} s of {few:,} pending, {many_seconds:.1f} s of {pending:,}")
    for label, one, other in zip(
        ("process that writes", "process that serves it"), few_memory, many_memory, strict=True
    ):
        print(
            f"memory {label}: {one:.0f} MB of {few:,} pending, {other:.0f} MB of {pending:,} = {other / one:.2f} x (flat: 1)"
        )


if __name__ == "__main__":
    main()
