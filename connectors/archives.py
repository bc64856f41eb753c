"""Archives: opened between the stored bytes and the reader, as a stream that ends where a bomb would begin.

Nothing of an archive is ever written under a name it gives. A zip is copied to an unlinked temporary file, for its
directory stands at its end; what comes out of it is only streamed.
"""

from __future__ import annotations

import gzip
import io
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import IO, TYPE_CHECKING, cast

from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.formats import Unpack

COPY_BYTES = 1 << 20
FREE_BYTES = 1 << 20
DIRECTORY_END, DIRECTORY_END_BYTES = b"PK\x05\x06", 22
ZIP64_END, ZIP64_END_BYTES = b"PK\x06\x07", 20
MOST_MEMBERS, MOST_DIRECTORY_BYTES = 100, 1 << 16
ENCRYPTED = 0x1
KNOWN_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
BROKEN = (
    zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError
)  # fmt: skip

NOT_WHOLE = "Archive tronquée, abîmée ou d'un autre format : demander un nouvel envoi complet, en {kind}."
TOO_MANY = "L'archive doit contenir un seul fichier de données : demander un envoi par archive, sans autre fichier."
BAD_NAME = "Un nom dans l'archive sort de son dossier : demander une archive d'un fichier, sans chemin."
A_LINK = "L'archive contient un lien au lieu d'un fichier : demander le fichier lui-même."
LOCKED = "L'archive est protégée par un mot de passe : demander un envoi sans mot de passe, sur le dépôt sécurisé."
OTHER_METHOD = "Compression inconnue dans l'archive : demander un zip ordinaire (deflate)."
NESTED = "L'archive contient une autre archive : demander le fichier de données compressé une seule fois."
BOMB = "L'archive se déplie au-delà de ce que le flux permet ({limit} Mo) : ce n'est pas une livraison de ce flux."


@contextmanager
def unpacked(stream: IO[bytes], unpack: Unpack | None) -> Iterator[IO[bytes]]:
    """What the reader reads: the stream itself, or what its archive holds. Raises ``FixTheDelivery`` saying what to ask for."""
    if unpack is None:
        yield stream
        return
    with tempfile.TemporaryFile() as packed:
        shutil.copyfileobj(stream, packed, COPY_BYTES)
        limit = min(unpack.most_bytes, max(FREE_BYTES, int(packed.tell() * unpack.most_ratio)))
        packed.seek(0)
        with _opened(packed, unpack) as member, _Bounded(member, limit, unpack.kind) as bounded:
            reader = io.BufferedReader(bounded, COPY_BYTES)
            if reader.peek(8).startswith(PACKED):
                raise FixTheDelivery(NESTED)
            yield reader


@contextmanager
def _opened(packed: IO[bytes], unpack: Unpack) -> Iterator[IO[bytes]]:
    if unpack.kind == "gzip":
        with gzip.GzipFile(fileobj=packed) as whole:
            yield cast("IO[bytes]", whole)
        return
    member = only_member(packed, unpack)
    try:
        archive = zipfile.ZipFile(packed)
        data = archive.open(member)
    except BROKEN as error:
        raise FixTheDelivery(NOT_WHOLE.format(kind=unpack.kind)) from error
    with archive, data:
        yield data


def only_member(packed: IO[bytes], unpack: Unpack) -> zipfile.ZipInfo:
    """The one data file of a zip; raises ``FixTheDelivery`` when its directory is not one the hub reads."""
    _check_directory(packed)
    try:
        with zipfile.ZipFile(packed) as archive:
            return _only(archive.infolist(), unpack.member)
    except BROKEN as error:
        raise FixTheDelivery(NOT_WHOLE.format(kind=unpack.kind)) from error


def _check_directory(packed: IO[bytes]) -> None:
    """Refuse a directory that is not where it must be, or too long to be read: before the library reads it whole."""
    end = packed.seek(0, io.SEEK_END)
    packed.seek(max(0, end - DIRECTORY_END_BYTES - ZIP64_END_BYTES))
    tail = packed.read()
    last = tail[-DIRECTORY_END_BYTES:]
    packed.seek(0)
    if not last.startswith(DIRECTORY_END) or len(last) < DIRECTORY_END_BYTES or tail.startswith(ZIP64_END):
        raise FixTheDelivery(NOT_WHOLE.format(kind="zip"))
    members = int.from_bytes(last[10:12], "little")
    size = int.from_bytes(last[12:16], "little")
    if members > MOST_MEMBERS or size > MOST_DIRECTORY_BYTES:
        raise FixTheDelivery(TOO_MANY)


def _only(members: list[zipfile.ZipInfo], pattern: str | None) -> zipfile.ZipInfo:
    for member in members:
        _check(member)
    asked = [each for each in members if pattern is None or fnmatchcase(each.filename, pattern)]
    if len(asked) != 1 or asked[0].is_dir():
        raise FixTheDelivery(TOO_MANY)
    return asked[0]


def _check(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    if (
        name.startswith(("/", "\\"))
        or ".." in name.replace("\\", "/").split("/")
        or ":" in name
        or not name.isprintable()
    ):
        raise FixTheDelivery(BAD_NAME)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise FixTheDelivery(A_LINK)
    if member.flag_bits & ENCRYPTED:
        raise FixTheDelivery(LOCKED)
    if member.compress_type not in KNOWN_METHODS:
        raise FixTheDelivery(OTHER_METHOD)


class _Bounded(io.RawIOBase):
    """What comes out of an archive, counted as it comes; a fault of the archive is a fault of the delivery."""

    def __init__(self, source: IO[bytes], limit: int, kind: str) -> None:
        self._source = source
        self._limit = limit
        self._kind = kind
        self._passed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # noqa: ANN001 - any writable buffer
        try:
            block = self._source.read(len(buffer))
        except BROKEN as error:
            raise FixTheDelivery(NOT_WHOLE.format(kind=self._kind)) from error
        self._passed += len(block)
        if self._passed > self._limit:
            raise FixTheDelivery(BOMB.format(limit=max(1, self._limit >> 20)))
        buffer[: len(block)] = block
        return len(block)
