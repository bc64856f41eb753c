"""Deliveries as received: encrypted, addressed by the hash of their bytes, written before anything reads them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hub.storage.incoming import Incoming
from hub.storage.vault import split_head
from schemas.errors import CallSomeone, FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hub.storage.incoming import Stored
    from hub.storage.vault import Vault

INCOMING = "incoming"
DESTROYED = ".destroyed"
ABANDONED_SECONDS = 3600.0  # nothing is written for so long by a process that lives


class RawStore:
    """A folder of sealed deliveries. A file appears whole or not at all."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault

    def put(self, fetch: Callable[[Incoming], None]) -> Stored:
        """Store what ``fetch`` writes."""
        with self._sealed() as (path, sink):
            with Incoming(self._vault.sealing(sink)) as incoming:
                fetch(incoming)
                stored = incoming.finish()
            _sync(sink)
            self._keep(path, self._path(stored.sha256))
        return stored

    def _keep(self, sealed: Path, path: Path) -> None:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        if not path.exists() and not path.with_suffix(DESTROYED).exists():
            sealed.replace(path)
        for folder in (path.parent, self._folder):  # the name is as safe as the bytes, even if the power fails
            _sync_folder(folder)

    @contextmanager
    def _sealed(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """A file to seal something in, which goes away unless it is given a name."""
        descriptor, temporary = tempfile.mkstemp(dir=self._incoming())
        try:
            with os.fdopen(descriptor, "wb") as sink:
                self._forget_abandoned(os.fstat(descriptor).st_mtime)
                yield Path(temporary), sink
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _forget_abandoned(self, now: float) -> None:
        """Remove what a process that was killed left half sealed; ``now`` is the file system's own clock."""
        for path in (self._folder / INCOMING).iterdir():
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()

    def holds(self, sha256: str) -> bool:
        """Whether the bytes of a delivery can still be read."""
        return self._path(sha256).exists()

    def reseal(self, sha256: str, clear: IO[bytes]) -> None:
        """Put other bytes in the place of a delivery's: those that remain of it once somebody was erased."""
        with self._sealed() as (path, sink):
            self._vault.seal_stream(clear, sink)
            _sync(sink)
            path.replace(self._path(sha256))

    def renew(self) -> int:
        """Put every delivery under the master key in force; returns how many were not yet."""
        done = 0
        for place in sorted(self._folder.glob("??/*.sealed")):
            with self._sealed() as (path, sink), place.open("rb") as source:
                if self._vault.renew_stream(source, sink):
                    _sync(sink)
                    path.replace(place)
                    done += 1
        return done

    def heads(self) -> Iterator[tuple[str, bytes]]:
        """Each delivery as it is stored now, by the name of its body in a backup, and its wrapped key."""
        for place in sorted(self._folder.glob("??/*.sealed")):
            with place.open("rb") as source:
                head, prefix = split_head(source)
            if head:
                yield f"{place.stem}.{prefix.hex()}", head

    def copy_bodies(self, folder: Path) -> dict[str, int]:
        """Copy into a backup what is not there yet, without the keys, and take away what is stored no more; returns counts."""
        kept: set[Path] = set()
        done = {"deliveries": 0, "copied": 0}
        for place in sorted(self._folder.glob("??/*.sealed")):
            with place.open("rb") as source:
                _, prefix = split_head(source)
                body = folder / place.parent.name / f"{place.stem}.{prefix.hex()}"
                kept.add(body)
                done["deliveries"] += 1
                if not body.exists():
                    _copy(source, prefix, body)
                    done["copied"] += 1
        for stale in set(folder.glob("??/*")) - kept:
            stale.unlink()
        return done

    def bring_bodies(self, folder: Path, heads: Mapping[str, bytes]) -> dict[str, int]:
        """Bring back what a backup holds and is not here; what has no key any more counts as destroyed. Returns counts."""
        done = {"brought": 0, "unreadable": 0}
        for body in sorted(folder.glob("??/*")):
            path = self._path(body.stem)
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if body.name in heads:
                with body.open("rb") as source:
                    _copy(source, heads[body.name], path)
                done["brought"] += 1
            else:
                path.with_suffix(DESTROYED).touch(mode=0o600)
                done["unreadable"] += 1
        return done

    def _incoming(self) -> Path:
        incoming = self._folder / INCOMING
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        return incoming

    def destroy(self, sha256: str) -> None:
        """Take a delivery's bytes away for good; the same bytes are not stored again."""
        path = self._path(sha256)
        self._gone(sha256).touch(mode=0o600)
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)

    def open(self, sha256: str) -> IO[bytes]:
        """Read a delivery back; raises ``CallSomeone`` when it is gone or altered."""
        path = self._path(sha256)
        if self._gone(sha256).exists():
            raise FixTheDelivery(
                f"The stored delivery {sha256[:12]} was destroyed with somebody it held: ask for another one."
            )
        if not path.exists():
            raise CallSomeone(f"The stored delivery {sha256[:12]} is missing: restore it from backup.")
        return self._vault.open_stream(path.open("rb"))

    def _gone(self, sha256: str) -> Path:
        return self._path(sha256).with_suffix(DESTROYED)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.sealed"


def _copy(source: IO[bytes], first: bytes, path: Path) -> None:
    """Write some bytes and the rest of a stream under a name that appears once they are whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as sink:
        sink.write(first)
        shutil.copyfileobj(source, sink, 1 << 20)
        _sync(sink)
    part.replace(path)


def _sync(sink: IO[bytes]) -> None:
    sink.flush()
    os.fsync(sink.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
