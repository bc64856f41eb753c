"""Keys in files: the master key with what a rotation leaves beside it, and any other key of 32 bytes. Mode 0600, written whole.

A key file's first line is the key, in hexadecimal. After a rotation a master key file says more: ``search`` is the key hashes
are made with, which never changes, ``search-2`` and on the keys laid over it since, and ``previous`` a master some of what is
stored may still be sealed with.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import FixTheDeclaration

KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """The master key in force, and what a rotation left beside it."""

    master: bytes
    search: bytes | None = None
    previous: bytes | None = None
    over: tuple[bytes, ...] = ()

    @property
    def generation(self) -> int:
        """How many search keys there are: the first, and those laid over it."""
        return 1 + len(self.over)

    def __repr__(self) -> str:
        return "KeyRing()"


def read_ring(key_file: Path, *, create: bool) -> KeyRing:
    """Read a master key file; ``create`` draws a key where there is none yet.

    Raises ``FixTheDeclaration`` when the file is not there, or does not hold keys of 32 bytes in hexadecimal.
    """
    if not key_file.exists():
        if not create:
            raise FixTheDeclaration(
                f"No key in {key_file.name}: set HUB_KEY_FILE or HUB_SIGNING_KEY_FILE to the file that holds it, or hub keys create."
            )
        _create(key_file)
    found: dict[str, bytes] = {}
    try:
        for line in key_file.read_text(encoding="ascii").split("\n"):
            name, _, value = line.strip().rpartition(" ")
            if line.strip():
                found[name or "master"] = bytes.fromhex(value)
    except ValueError:
        found = {}
    over = _laid_over(found)
    if (
        "master" not in found
        or {len(key) for key in (*found.values(), *over)} != {KEY_BYTES}
        or not found.keys() <= {"master", "search", "previous"}
        or (over and "search" not in found)
    ):
        raise FixTheDeclaration(f"{key_file.name} does not hold {KEY_BYTES} bytes in hexadecimal.")
    return KeyRing(**found, over=over)


def _laid_over(found: dict[str, bytes]) -> tuple[bytes, ...]:
    """Take ``search-2``, ``search-3`` and on from what a file holds, as far as they follow each other."""
    over: list[bytes] = []
    while (name := f"search-{len(over) + 2}") in found:
        over.append(found.pop(name))
    return tuple(over)


def read_key_file(key_file: Path, *, create: bool) -> bytes:
    """Read a key of 32 bytes in hexadecimal; ``create`` draws one where there is none yet."""
    return read_ring(key_file, create=create).master


def write_ring(key_file: Path, ring: KeyRing) -> None:
    """Put a ring in the place of the one the file holds: whole or not at all, safe on disk on return."""
    lines = [ring.master.hex()]
    lines += [f"{name} {key.hex()}" for name, key in (("search", ring.search), ("previous", ring.previous)) if key]
    lines += [f"search-{number} {key.hex()}" for number, key in enumerate(ring.over, start=2)]
    temporary = _temporary(key_file, "\n".join(lines) + "\n")
    temporary.replace(key_file)
    folder = os.open(key_file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _create(key_file: Path) -> None:
    """Draw a key, written whole and safe on disk before it has its name; the first of two who do so at once wins."""
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = _temporary(key_file, secrets.token_hex(KEY_BYTES))
    try:
        with suppress(FileExistsError):
            os.link(temporary, key_file)
    finally:
        temporary.unlink()


def _temporary(key_file: Path, content: str) -> Path:
    descriptor, temporary = tempfile.mkstemp(dir=key_file.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(temporary)
