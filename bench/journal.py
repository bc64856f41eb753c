"""How long it takes to verify a journal of a million disclosures, and whether what was done to one of them is found and named.

    python bench/journal.py [ENTRIES]        default 1,000,000

Prints the time to append, sign and verify, the last as a ratio to a plain SHA-256 pass over the same bytes; then changes,
deletes and swaps entries drawn at random (and the very last one), and prints what the verification says of each.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, text

from hub.offline.verify_journal import FIELDS, compact
from hub.opening import Hub
from hub.proof.checkpoints import all_checkpoints, read_copies, sign_journal
from hub.proof.journal_export import export
from hub.settings import Settings
from hub.sharing.disclosures import Disclosure, append
from hub.sharing.journal import Verified, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 20_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = ["job_seeker.status", "rsa.claim_date", "rsa.state", "rsa.suspensions"]
TAMPERINGS = {
    "changed": ("update disclosure set fields = '{}' where position = :at",),
    "deleted": ("delete from disclosure where position = :at",),
    "swapped": (
        "update disclosure set position = -position where position in (:at, :other)",
        "update disclosure set position = :at + :other + position where position < 0",
    ),
}


def entries(first: int, last: int) -> Iterator[Disclosure]:
    for number in range(first, last + 1):
        yield Disclosure(
            at=BEGAN + timedelta(milliseconds=number), partner="departement_08", person_id=UUID(int=number // 12),
            agreement="departement_08", purpose="Coordonner le parcours d'insertion", fields=PATHS[: 1 + number % 4],
            message_id=UUID(int=number),
        )  # fmt: skip


def fill(hub: Hub, count: int) -> float:
    began = time.perf_counter()
    for first in range(1, count + 1, AT_ONCE):
        with hub.engine.begin() as connection:
            append(connection, list(entries(first, min(first + AT_ONCE - 1, count))))
    return time.perf_counter() - began


def checked(hub: Hub, connection: Connection) -> tuple[Verified, float]:
    began = time.perf_counter()
    known = all_checkpoints(connection)
    copies = read_copies(hub.settings.checkpoints)
    return verify(connection, checkpoints=known, copies=copies, public_key=hub.public_key), time.perf_counter() - began


def plain_pass(hub: Hub, folder: Path) -> tuple[float, int]:
    """Seconds to hash the bytes the seals are of, and how many they are."""
    with hub.engine.connect() as connection, (folder / "bytes").open("wb") as file:
        for line in export(connection):
            if line["kind"] == "entry":
                file.write(bytes.fromhex(line["previous_hash"]) + compact([line[name] for name in FIELDS]))
    began, digest, size = time.perf_counter(), sha256(), 0
    with (folder / "bytes").open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return time.perf_counter() - began, size


def tamper(hub: Hub, name: str, at: int, other: int) -> None:
    with hub.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("set local session_replication_role = replica"))
        for statement in TAMPERINGS[name]:
            connection.execute(text(statement), {"at": at, "other": other})
        found, seconds = checked(hub, connection)
        transaction.rollback()
    said = found.faults[0].what if found.faults else "NOTHING FOUND"
    print(f"  entry {at:>9,} {name}: found in {seconds:5.1f} s: {said}")
    if not found.faults:
        sys.exit(1)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hub = Hub(Settings(home=folder / "hub", database_url=None))
        appended = fill(hub, count)
        began = time.perf_counter()
        signed = sign_journal(hub, now=BEGAN)
        signing = time.perf_counter() - began
        with hub.engine.connect() as connection:
            found, seconds = checked(hub, connection)
        bare, size = plain_pass(hub, folder)
        print(f"{count:,} entries, {size / 1e6:.0f} MB under their seals")
        print(f"  append  {appended:6.1f} s   {count / appended:,.0f} entries/s")
        print(f"  sign    {signing:6.1f} s   {len(signed)} checkpoints")
        print(f"  verify  {seconds:6.1f} s   {found.entries:,} hold, signed up to {found.signed_to:,}")
        print(f"  plain SHA-256 pass over the same bytes  {bare:.2f} s; verify = {seconds / bare:.0f} x")
        draw = random.Random(7)
        for tampering in TAMPERINGS:
            at, other = sorted(draw.sample(range(1, count + 1), 2))
            tamper(hub, tampering, at, other)
            tamper(hub, tampering, count, at)
        hub.engine.dispose()


if __name__ == "__main__":
    main()
