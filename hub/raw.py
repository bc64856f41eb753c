"""Deliveries as received: encrypted, addressed by the hash of their bytes, written before anything reads them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.vault import Vault


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
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=self._folder) as clear:
            fetch(clear)
            size = clear.tell()
            clear.seek(0)
            sha256 = hashlib.file_digest(clear, "sha256").hexdigest()
            clear.seek(0)
            self._seal(clear, self._path(sha256))
        return Stored(sha256=sha256, size=size)

    def _seal(self, clear: IO[bytes], path: Path) -> None:
        if path.exists():
            return
        path.parent.mkdir(exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as sealed:
                self._vault.seal_stream(clear, sealed)
                sealed.flush()
                os.fsync(sealed.fileno())
            Path(temporary).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()

    def open(self, sha256: str) -> IO[bytes]:
        """Read a delivery back; raises ``CallSomeone`` when it is gone or altered."""
        path = self._path(sha256)
        if not path.exists():
            raise CallSomeone(f"The stored delivery {sha256[:12]} is missing: restore it from backup.")
        return self._vault.open_stream(path.open("rb"))

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.sealed"
