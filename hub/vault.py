"""What keeps personal data unreadable at rest: one master key, one derived key per use.

A NIR is encrypted with AES-GCM and searched by a keyed BLAKE2b hash. Deliveries are encrypted in frames so that a file
of any size streams; each frame is bound to its place, and the last one says so, so that nothing can be cut or moved.
"""

from __future__ import annotations

import io
import os
import secrets
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import CallSomeone, FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
FRAME_BYTES = 1 << 20


class Vault:
    """Encrypts, decrypts and hashes with keys derived from the master key."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._values = AESGCM(self._derive("values"))
        self._frames = AESGCM(self._derive("deliveries"))
        self._search = self._derive("search")

    def _derive(self, use: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"hub:{use}".encode()).derive(self._master)

    def encrypt(self, clear: bytes) -> bytes:
        """Encrypt a small value; the nonce comes first."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._values.encrypt(nonce, clear, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """Give a small value back; raises ``CallSomeone`` when it was altered or sealed with another key."""
        try:
            return self._values.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except InvalidTag as error:
            raise CallSomeone("A stored value cannot be decrypted: wrong master key, or altered data.") from error

    def hash(self, use: str, clear: bytes, size: int = 16) -> bytes:
        """Hash a value so that it can be compared but not guessed without the key; ``use`` keeps domains apart."""
        return blake2b(clear, digest_size=size, key=self._search, person=use.encode()).digest()

    def hasher(self, use: str, size: int = 16) -> Callable[[bytes], bytes]:
        """The same as ``hash``, ready for a loop."""
        key, person = self._search, use.encode()
        return lambda clear: blake2b(clear, digest_size=size, key=key, person=person).digest()

    def seal_stream(self, source: IO[bytes], sink: IO[bytes]) -> None:
        """Encrypt a stream frame by frame."""
        prefix = secrets.token_bytes(NONCE_BYTES - 4)
        sink.write(prefix)
        index, frame = 0, source.read(FRAME_BYTES)
        while True:
            following = source.read(FRAME_BYTES)
            sink.write(self._frames.encrypt(_nonce(prefix, index), frame, _place(index, last=not following)))
            if not following:
                return
            index, frame = index + 1, following

    def open_stream(self, source: IO[bytes]) -> IO[bytes]:
        """Decrypt a stream as it is read; raises ``CallSomeone`` at the first frame that was altered or cut."""
        return io.BufferedReader(_Frames(self._frames, source), buffer_size=FRAME_BYTES)


def _nonce(prefix: bytes, index: int) -> bytes:
    return prefix + index.to_bytes(4, "big")


def _place(index: int, *, last: bool) -> bytes:
    return index.to_bytes(4, "big") + (b"last" if last else b"more")


class _Frames(io.RawIOBase):
    def __init__(self, cipher: AESGCM, source: IO[bytes]) -> None:
        self._cipher = cipher
        self._source = source
        self._prefix = source.read(NONCE_BYTES - 4)
        self._index = 0
        self._next = source.read(FRAME_BYTES + TAG_BYTES)
        self._clear = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # noqa: ANN001 - any writable buffer
        if not self._clear and self._next:
            self._clear = self._open_next()
        size = min(len(buffer), len(self._clear))
        buffer[:size] = self._clear[:size]
        self._clear = self._clear[size:]
        return size

    def _open_next(self) -> bytes:
        following = self._source.read(FRAME_BYTES + TAG_BYTES)
        place = _place(self._index, last=not following)
        try:
            clear = self._cipher.decrypt(_nonce(self._prefix, self._index), self._next, place)
        except InvalidTag as error:
            raise CallSomeone(
                f"A stored delivery cannot be decrypted at frame {self._index}: wrong master key, or altered data."
            ) from error
        self._index, self._next = self._index + 1, following
        return clear

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def open_vault(key_file: Path, *, create: bool) -> Vault:
    """Read the master key; ``create`` makes one (mode 0600) where there is none yet."""
    return Vault(read_key_file(key_file, create=create))


def read_key_file(key_file: Path, *, create: bool) -> bytes:
    """Read a key of 32 bytes in hexadecimal; ``create`` draws one (mode 0600) where there is none yet."""
    if not key_file.exists():
        if not create:
            raise FixTheDeclaration(
                f"No key in {key_file.name}: set HUB_KEY_FILE or HUB_SIGNING_KEY_FILE to the file that holds it, or hub keys create."
            )
        _create_key(key_file)
    try:
        key = bytes.fromhex(key_file.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise FixTheDeclaration(f"{key_file.name} does not hold {KEY_BYTES} bytes in hexadecimal.") from error
    if len(key) != KEY_BYTES:
        raise FixTheDeclaration(f"{key_file.name} does not hold {KEY_BYTES} bytes in hexadecimal.")
    return key


def _create_key(key_file: Path) -> None:
    """Draw a key, written whole and safe on disk before it has its name; the first of two who do so at once wins."""
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=key_file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, key_file)
    finally:
        Path(temporary).unlink()
