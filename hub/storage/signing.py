"""The key the hub signs with: Ed25519, in a file beside the master key, never in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.storage.key_files import read_key_file

if TYPE_CHECKING:
    from pathlib import Path


class Signer:
    """Signs; ``public`` is what others verify with, 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, content: bytes) -> bytes:
        """The signature of some bytes, 64 bytes."""
        return self._key.sign(content)


def open_signer(key_file: Path, *, create: bool) -> Signer:
    """Read the signing key; ``create`` draws one (mode 0600) where there is none yet: nothing signed before depends on it."""
    return Signer(read_key_file(key_file, create=create))
