"""How fast sync files are written and deposited, and whether memory stays flat when a million messages wait for one partner.

    python bench/deposit.py [PENDING]        default 1,000,000

Three files of the département, as many records in each as one may hold, of as many messages as they take, then of PENDING: seconds a
file, and the peaks of the process that writes them and of the PostgreSQL process that serves it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from sqlalchemy import text
from waiting import NOW, apart, make_people, measured_engine, new_store, peaks, pend, say_memory

from connectors.base import Access
from connectors.completeness import Place
from connectors.declaration import load_flows
from connectors.folder import FolderConnector
from hub.logs import to_standard_error
from hub.sharing.agreements import load_agreements
from hub.sharing.deposit import deliver_files
from hub.sharing.switches import Gate
from hub.sharing.sync_file import MOST_RECORDS
from mappings.declaration import load_mappings

if TYPE_CHECKING:
    from waiting import Peaks

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


def deposit(store: str, folder: str) -> tuple[float, Peaks]:
    """Seconds a file, and the peaks of this process and of the largest that serves it."""
    to_standard_error()
    engine = measured_engine(store)
    flow = load_flows()[load_agreements()[PARTNER].out_flow]
    began = time.perf_counter()
    with contextlib.suppress(_Enough), Some(Access(name="bench", host=folder), Place(folder="retour")) as connector:
        gate = Gate(engine=engine, partner=PARTNER)
        mapping = load_mappings()[flow.flow]
        deliver_files(engine, flow, mapping, connector, kind="delta", clock=lambda: NOW, gate=gate)
    seconds = (time.perf_counter() - began) / FILES
    held = peaks(engine)
    engine.dispose()
    return seconds, held


def main() -> None:
    pending = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    few = FILES * MOST_RECORDS
    measured = []
    with new_store() as (engine, folder):
        make_people(engine, 100)
        for count in (few, pending):
            with engine.begin() as connection:
                connection.execute(text("truncate sync_file cascade"))
            pend(engine, count)
            measured.append(apart(deposit, engine, str(folder / str(count))))
    (few_seconds, few_memory), (many_seconds, many_memory) = measured
    print(f"a file of {MOST_RECORDS:,}: {few_seconds:.1f} s of {few:,} pending, {many_seconds:.1f} s of {pending:,}")
    say_memory("writes", few_memory, many_memory, pending=(few, pending))


if __name__ == "__main__":
    main()
