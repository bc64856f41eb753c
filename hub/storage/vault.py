"""What keeps personal data unreadable at rest: one master key, one derived key per use.

A NIR is encrypted with AES-GCM and searched by a keyed BLAKE2b hash. A delivery is encrypted with a key of its own, which
stands before it wrapped by the master key, in frames so that a file of any size streams; each frame is bound to its place,
and the last one says so, so that nothing can be cut or moved.
"""

from __future__ import annotations

import io
import secrets
import shutil
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.storage.key_files import KEY_BYTES, KeyRing, read_ring
from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NONCE_BYTES = 12
TAG_BYTES = 16
PREFIX_BYTES = NONCE_BYTES - 4
FRAME_BYTES = 1 << 20
ENVELOPE = b"hub-envelope-1\n"
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES


class Vault:
    """Encrypts, decrypts and hashes with keys derived from the master key; reads what its predecessor sealed."""

    def __init__(
        self, master: bytes, *, search: bytes | None = None, previous: bytes | None = None, over: Sequence[bytes] = ()
    ) -> None:
        masters = [master, *([previous] if previous else [])]
        self._values = [AESGCM(_derived(each, "values")) for each in masters]
        self._wraps = [AESGCM(_derived(each, "envelopes")) for each in masters]
        self._unwrapped = [AESGCM(_derived(each, "deliveries")) for each in masters]
        self._search = search or _derived(master, "search")
        self._over = tuple(over)
        self._lift = lifter(self._over)

    def encrypt(self, clear: bytes) -> bytes:
        """Encrypt a small value; the nonce comes first."""
        return _encrypted(self._values[0], clear)

    def decrypt(self, sealed: bytes) -> bytes:
        """Give a small value back; raises ``CallSomeone`` when it was altered or sealed with another key."""
        return _decrypted(self._values, sealed)[0]

    def renewed(self, sealed: bytes) -> bytes | None:
        """A small value under the key in force; nothing when it is under it already."""
        clear, key = _decrypted(self._values, sealed)
        return self.encrypt(clear) if key else None

    def hash(self, use: str, clear: bytes, size: int = 16) -> bytes:
        """Hash a value so that it can be compared but not guessed without the key; ``use`` keeps domains apart."""
        return self._lift(blake2b(clear, digest_size=size, key=self._search, person=use.encode()).digest())

    def hasher(self, use: str, size: int = 16) -> Callable[[bytes], bytes]:
        """The same as ``hash``, ready for a loop."""
        key, person, lift = self._search, use.encode(), self._lift
        if not self._over:
            return lambda clear: blake2b(clear, digest_size=size, key=key, person=person).digest()
        return lambda clear: lift(blake2b(clear, digest_size=size, key=key, person=person).digest())

    def fingerprinter(self, use: str, of: bytes, size: int = 16) -> Callable[[bytes], bytes]:
        """The same for long values that all begin with the same bytes, which are hashed once."""
        begun, lift = blake2b(of, digest_size=size, key=self._search, person=use.encode()), self._lift

        def fingerprint(clear: bytes) -> bytes:
            digest = begun.copy()
            digest.update(clear)
            return lift(digest.digest())

        return fingerprint

    def seal_stream(self, source: IO[bytes], sink: IO[bytes]) -> None:
        """Encrypt a stream frame by frame, under a key of its own."""
        sealing = self.sealing(sink)
        shutil.copyfileobj(source, sealing, FRAME_BYTES)
        sealing.finish()

    def sealing(self, sink: IO[bytes]) -> Sealing:
        """What encrypts into ``sink`` all that is written to it, under a key of its own."""
        own = secrets.token_bytes(KEY_BYTES)
        prefix = secrets.token_bytes(PREFIX_BYTES)
        sink.write(ENVELOPE + _encrypted(self._wraps[0], own) + prefix)
        return Sealing(AESGCM(own), prefix, sink)

    def open_stream(self, source: IO[bytes]) -> IO[bytes]:
        """Decrypt a stream as it is read; raises ``CallSomeone`` at the first frame that was altered or cut."""
        head = source.read(PREFIX_BYTES)
        if head != ENVELOPE[:PREFIX_BYTES]:  # sealed before deliveries had a key of their own
            return io.BufferedReader(_Frames(self._unwrapped, source, head), buffer_size=FRAME_BYTES)
        own, _ = self._own_key(source)
        return io.BufferedReader(_Frames([AESGCM(own)], source, source.read(PREFIX_BYTES)), buffer_size=FRAME_BYTES)

    def _own_key(self, source: IO[bytes]) -> tuple[bytes, int]:
        source.read(len(ENVELOPE) - PREFIX_BYTES)
        return _decrypted(self._wraps, source.read(WRAPPED_BYTES))

    def renew_stream(self, source: IO[bytes], sink: IO[bytes]) -> bool:
        """Write a stream again with its own key wrapped by the master in force; False, and nothing written, when it is already."""
        if source.read(PREFIX_BYTES) != ENVELOPE[:PREFIX_BYTES]:
            source.seek(0)
            self.seal_stream(self.open_stream(source), sink)
            return True
        own, key = self._own_key(source)
        if key:
            sink.write(ENVELOPE + _encrypted(self._wraps[0], own))
            shutil.copyfileobj(source, sink, FRAME_BYTES)
        return bool(key)


def split_head(source: IO[bytes]) -> tuple[bytes, bytes]:
    """What stands before a sealed delivery's frames: the envelope with its own key, wrapped, and the first bytes of its body.

    A delivery sealed before each had a key of its own has no such head: all of it is body.
    """
    first = source.read(PREFIX_BYTES)
    if first != ENVELOPE[:PREFIX_BYTES]:
        return b"", first
    head = first + source.read(len(ENVELOPE) - PREFIX_BYTES + WRAPPED_BYTES)
    return head, source.read(PREFIX_BYTES)


def _derived(master: bytes, use: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"hub:{use}".encode()).derive(master)


def search_key(master: bytes) -> bytes:
    """The key hashes are made with, as the first master of a store derived it."""
    return _derived(master, "search")


def lifter(over: Sequence[bytes]) -> Callable[[bytes], bytes]:
    """What lays each of some keys over a hash, one after the other: as many bytes, that say nothing without the last of them."""

    def lift(digest: bytes) -> bytes:
        for key in over:
            digest = blake2b(digest, digest_size=len(digest), key=key, person=b"lift").digest()
        return digest

    return lift


def _encrypted(cipher: AESGCM, clear: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, clear, None)


def _decrypted(ciphers: Sequence[AESGCM], sealed: bytes) -> tuple[bytes, int]:
    """The clear bytes, and the place of the key that opened them; the one in force stands first."""
    for place, cipher in enumerate(ciphers):
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None), place
        except (InvalidTag, ValueError):
            continue
    raise CallSomeone("A stored value cannot be decrypted: wrong master key, or altered data.")


def _nonce(prefix: bytes, index: int) -> bytes:
    return prefix + index.to_bytes(4, "big")


def _place(index: int, *, last: bool) -> bytes:
    return index.to_bytes(4, "big") + (b"last" if last else b"more")


class Sealing:
    """Encrypts what is written to it, frame by frame; ``finish`` marks the last frame, without which nothing opens it.

    A frame and what it becomes have one place each in memory, whatever the size of the stream.
    """

    def __init__(self, cipher: AESGCM, prefix: bytes, sink: IO[bytes]) -> None:
        self._cipher = cipher
        self._prefix = prefix
        self._sink = sink
        self._index = 0
        self._frame = memoryview(bytearray(FRAME_BYTES))
        self._sealed = memoryview(bytearray(FRAME_BYTES + TAG_BYTES))
        self._held = 0

    def write(self, clear: bytes) -> int:
        left = memoryview(clear)
        while left:
            if self._held == FRAME_BYTES:
                self._seal(last=False)
            piece = left[: FRAME_BYTES - self._held]
            self._frame[self._held : self._held + len(piece)] = piece
            self._held += len(piece)
            left = left[len(piece) :]
        return len(clear)

    def finish(self) -> None:
        self._seal(last=True)

    def _seal(self, *, last: bool) -> None:
        sealed = self._sealed[: self._held + TAG_BYTES]
        nonce, place = _nonce(self._prefix, self._index), _place(self._index, last=last)
        self._cipher.encrypt_into(nonce, self._frame[: self._held], place, sealed)
        self._sink.write(sealed)
        self._index, self._held = self._index + 1, 0


class _Frames(io.RawIOBase):
    def __init__(self, ciphers: Sequence[AESGCM], source: IO[bytes], prefix: bytes) -> None:
        self._ciphers = ciphers
        self._source = source
        self._prefix = prefix
        self._index = 0
        self._next = source.read(FRAME_BYTES + TAG_BYTES)
        self._clear = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._clear and self._next:
            self._clear = self._open_next()
        size = min(len(buffer), len(self._clear))
        buffer[:size] = self._clear[:size]
        self._clear = self._clear[size:]
        return size

    def _open_next(self) -> bytes:
        following = self._source.read(FRAME_BYTES + TAG_BYTES)
        place = _place(self._index, last=not following)
        for cipher in self._ciphers:
            try:
                clear = cipher.decrypt(_nonce(self._prefix, self._index), self._next, place)
            except (InvalidTag, ValueError):
                continue
            self._ciphers = [cipher]  # one key for a whole stream
            self._index, self._next = self._index + 1, following
            return clear
        raise CallSomeone(
            f"A stored delivery cannot be decrypted at frame {self._index}: wrong master key, or altered data."
        )

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def open_vault(key_file: Path, *, create: bool) -> Vault:
    """Read the master key; ``create`` makes one (mode 0600) where there is none yet."""
    return vault_of(read_ring(key_file, create=create))


def vault_of(ring: KeyRing) -> Vault:
    """The vault of a ring of keys."""
    return Vault(ring.master, search=ring.search, previous=ring.previous, over=ring.over)
