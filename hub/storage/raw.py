"""Deliveries as received: encrypted, addressed by the hash of their bytes, written before anything reads them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from schemas.errors import CallSomeone, FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.storage.vault import Vault

INCOMING = "incoming"
DESTROYED = ".destroyed"
ABANDONED_SECONDS = 3600.0  # nothing is written for so long by a process that lives


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A delivery that is safe: the SHA-256 of its bytes, and how many they are."""

    sha256: str
    size: int


class RawStore:
    """A folder of sealed deliveries. A file appears whole or not at all."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault

    def put(self, fetch: Callable[[IO[bytes]], None]) -> Stored:
        """Store what ``fetch`` writes. The clear bytes touch the disk only in an unlinked temporary file."""
        with tempfile.TemporaryFile(dir=self._incoming()) as clear:
            fetch(clear)
            size = clear.tell()
            clear.seek(0)
            sha256 = hashlib.file_digest(clear, "sha256").hexdigest()
            clear.seek(0)
            self._seal(clear, self._path(sha256))
        return Stored(sha256=sha256, size=size)

    def _seal(self, clear: IO[bytes], path: Path) -> None:
        if not path.exists() and not path.with_suffix(DESTROYED).exists():
            self._write(clear, path)
        for folder in (path.parent, self._folder):  # the name is as safe as the bytes, even if the power fails
            _sync_folder(folder)

    def _write(self, clear: IO[bytes], path: Path) -> None:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=self._folder / INCOMING)
        try:
            with os.fdopen(descriptor, "wb") as sealed:
                self._forget_abandoned(os.fstat(descriptor).st_mtime)
                self._vault.seal_stream(clear, sealed)
                sealed.flush()
                os.fsync(sealed.fileno())
            Path(temporary).replace(path)
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
        self._write(clear, self._path(sha256))

    def renew(self) -> int:
        """Put every delivery under the master key in force; returns how many were not yet."""
        done = 0
        for path in sorted(self._folder.glob("??/*.sealed")):
            descriptor, temporary = tempfile.mkstemp(dir=self._incoming())
            try:
                with path.open("rb") as source, os.fdopen(descriptor, "wb") as sealed:
                    changed = self._vault.renew_stream(source, sealed)
                    sealed.flush()
                    os.fsync(sealed.fileno())
                if changed:
                    Path(temporary).replace(path)
                    done += 1
            finally:
                Path(temporary).unlink(missing_ok=True)
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
