"""A delivery on its way in: sealed as it comes, its hash counted beside, its clear bytes nowhere on a disk."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from concurrent.futures import Future

    from hub.storage.vault import Sealing

WORTH_A_THREAD = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A delivery that is safe: the SHA-256 of its bytes, and how many they are."""

    sha256: str
    size: int


class Incoming:
    """What a connector writes to. A large block is hashed in a thread while it is sealed in this one."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._digest = hashlib.sha256()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="incoming")
        self._hashing: Future[None] | None = None
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown()

    def tell(self) -> int:
        return self._size

    def write(self, block: bytes) -> int:
        self._hashed()
        if len(block) < WORTH_A_THREAD:
            self._digest.update(block)
        else:
            self._hashing = self._beside.submit(self._digest.update, block)
        self._size += len(block)
        return self._sealing.write(block)

    def finish(self) -> Stored:
        """Seal what is left; until then nothing that was written can be opened."""
        self._hashed()
        self._sealing.finish()
        return Stored(sha256=self._digest.hexdigest(), size=self._size)

    def _hashed(self) -> None:
        if self._hashing:
            self._hashing.result()
            self._hashing = None
