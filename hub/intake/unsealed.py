"""A stored delivery as its reader takes it: decrypted, and out of its archive where its flow packs what it sends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from connectors.archives import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.opening import Hub


@contextmanager
def unsealed(hub: Hub, flow: str, sha256: str) -> Iterator[IO[bytes]]:
    """Open a stored delivery; raises ``FixTheDelivery`` when its archive cannot be taken."""
    with hub.raw.open(sha256) as packed, unpacked(packed, hub.flow(flow).unpack) as stream:
        yield stream
