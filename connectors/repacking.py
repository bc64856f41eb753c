"""Packing again: other bytes in the wrapper a delivery came in, so that its flow still reads it as it reads the others."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zipfile
from typing import IO, TYPE_CHECKING

from connectors.archives import COPY_BYTES, only_member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.formats import Unpack


def repacked(pieces: Iterable[bytes], unpack: Unpack, packed: IO[bytes], sink: IO[bytes]) -> None:
    """Write ``pieces`` into ``sink`` packed as ``packed`` is; raises ``FixTheDelivery`` when that is no archive of the flow.

    Of the archive only the wrapper and the name of its data file are kept: nobody reads what else stood in it, so that nobody
    could say whom it speaks of.
    """
    if unpack.kind == "gzip":
        with gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0) as whole:
            for piece in pieces:
                whole.write(piece)
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(packed, copy, COPY_BYTES)
        member = only_member(copy, unpack)
    kept = zipfile.ZipInfo(member.filename, member.date_time)
    kept.compress_type = zipfile.ZIP_DEFLATED
    kept.external_attr = member.external_attr
    with zipfile.ZipFile(sink, "w") as archive, archive.open(kept, "w", force_zip64=True) as data:
        for piece in pieces:
            data.write(piece)
