"""Archives as they should not be."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zipfile


def pack(content, how):
    """Pack a delivery: ``{kind: zip, members: [...]}`` or ``{kind: gzip}``, then spoil it as asked."""
    packed = gzip.compress(content, mtime=0) if how["kind"] == "gzip" else _zip(content, how)
    for name, given in how.get("spoil", {}).items():
        packed = SPOILT[name](packed, given)
    return packed


def _zip(content, how):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", METHODS[how.get("method", "deflated")]) as archive:
        for member in how.get("members", [{"name": "RSABEM.xml"}]):
            for place in range(member.get("times", 1)):
                info = zipfile.ZipInfo(member["name"] + (str(place) if place else ""), (2026, 11, 20, 0, 0, 0))
                info.compress_type = METHODS[how.get("method", "deflated")]
                info.external_attr = (stat.S_IFLNK | 0o777 if member.get("link") else stat.S_IFREG | 0o644) << 16
                archive.writestr(info, member["text"].encode() if "text" in member else _inner(content, member))
        if "comment" in how:
            archive.comment = how["comment"].encode()
    return sink.getvalue()


def _inner(content, member):
    return pack(content, member["pack"]) if "pack" in member else content


def _flag_encrypted(packed, _given):
    local, central = packed.index(b"PK\x03\x04"), packed.index(b"PK\x01\x02")
    edited = bytearray(packed)
    edited[local + 6] |= 1
    edited[central + 8] |= 1
    return bytes(edited)


def _rename(packed, given):
    old, new = (each.encode().decode("unicode_escape").encode("latin-1") for each in given)
    assert len(old) == len(new)
    assert old in packed
    return packed.replace(old, new)


def _wrong_crc(packed, _given):
    central = packed.index(b"PK\x01\x02")
    crc = struct.unpack_from("<I", packed, central + 16)[0]
    return packed.replace(struct.pack("<I", crc), struct.pack("<I", crc ^ 0xFFFF))


def _claim_size(packed, given):
    central = packed.index(b"PK\x01\x02")
    edited = bytearray(packed)
    struct.pack_into("<I", edited, central + 24, given)
    return bytes(edited)


def _flip(packed, given):
    edited = bytearray(packed)
    edited[given if given >= 0 else len(packed) + given] ^= 0xFF
    return bytes(edited)


METHODS = {
    "deflated": zipfile.ZIP_DEFLATED,
    "stored": zipfile.ZIP_STORED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
SPOILT = {
    "keep_first": lambda packed, given: packed[:given],
    "drop_last": lambda packed, given: packed[:-given],
    "prepend": lambda packed, given: given.encode() + packed,
    "append": lambda packed, given: packed + given.encode(),
    "twice": lambda packed, _given: packed + packed,
    "encrypted": _flag_encrypted,
    "rename": _rename,
    "wrong_crc": _wrong_crc,
    "claim_size": _claim_size,
    "flip": _flip,
    "zip64": lambda packed, _given: packed[:-22] + b"PK\x06\x07" + bytes(16) + packed[-22:],
}  # fmt: skip
