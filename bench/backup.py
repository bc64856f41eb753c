"""What sealing each person apart costs a backup, beside a bare ``pg_dump`` of the same store.

    python bench/backup.py [PEOPLE] [PENDING]        default 100,000 people, two records each, and as many messages that wait

Seconds and bytes of ``pg_dump`` alone (compressed as little), of the first ``hub backup take`` (every key is drawn) and of the next,
and of bringing it back; the peak of the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from waiting import make_people, new_store, peak, pend

from hub.backups.taking import STORE, bring_back, program_of, take
from hub.logs import to_standard_error
from hub.opening import Hub
from hub.settings import Settings
from hub.storage.store import create_database
from hub.storage.vault import open_vault

if TYPE_CHECKING:
    from sqlalchemy import URL


def bare(url: URL, file: str) -> float:
    began = time.perf_counter()
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run([program_of("pg_dump"), "--compress=gzip:1", "--file", file, "--dbname", address], check=True)
    return time.perf_counter() - began


def main() -> None:
    to_standard_error()
    people, pending = (int(word) for word in (*sys.argv[1:], *("100000", "100000")[len(sys.argv) - 1 :]))
    with new_store() as (engine, folder):
        make_people(engine, people)
        pend(engine, pending)
        plain = folder / "dump"
        floor = bare(engine.url, str(plain))
        hub = Hub(Settings(home=folder / "hub", database_url=engine.url.render_as_string(hide_password=False)))
        open_vault(hub.settings.keys, create=True)
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            take(hub, folder / "backup")
            seconds.append(time.perf_counter() - began)
        create_database(engine.url.set(database="postgres"), "brought_back")
        other = engine.url.set(database="brought_back").render_as_string(hide_password=False)
        restored = Hub(hub.settings.model_copy(update={"database_url": other, "raw_dir": folder / "raw"}))
        began = time.perf_counter()
        bring_back(restored, folder / "backup")
        back = time.perf_counter() - began
        sizes = plain.stat().st_size, (folder / "backup" / STORE).stat().st_size
        for each in (hub, restored):
            each.engine.dispose()
    print(f"{people:,} people, {pending:,} messages that wait: pg_dump alone {floor:.1f} s, {sizes[0] / 1e6:.0f} MB")
    print(f"sealed apart: first {seconds[0]:.1f} s, next {seconds[1]:.1f} s = {seconds[1] / floor:.1f} x, {sizes[1] / 1e6:.0f} MB = {sizes[1] / sizes[0]:.1f} x; brought back in {back:.1f} s; {peak(os.getpid()):.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
