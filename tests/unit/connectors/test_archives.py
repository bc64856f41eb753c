"""Archives: opened as a stream, refused with what to ask for, and never beyond what the flow lets come out."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest
from pydantic import ValidationError

from connectors.archives import unpacked
from connectors.declaration import Flow, load_flows
from connectors.formats import Unpack
from schemas.errors import FixTheDelivery


def zipped(**members):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


def read(content, unpack):
    with unpacked(io.BytesIO(content), unpack) as stream:
        return stream.read()


@pytest.mark.parametrize(
    ("content", "unpack"),
    [
        (b"bonjour", None),
        (zipped(a=b"bonjour"), Unpack(kind="zip")),
        (zipped(a=b"bonjour", b=b"note"), Unpack(kind="zip", member="a")),
        (gzip.compress(b"bonjour"), Unpack(kind="gzip")),
        (gzip.compress(b"bon") + gzip.compress(b"jour"), Unpack(kind="gzip")),
    ],
    ids=["plain", "zip", "zip and a note", "gzip", "gzip in two"],  # gzip writes the second it is made in
)
def test_what_an_archive_holds_is_read_as_if_it_had_come_alone(content, unpack):
    assert read(content, unpack) == b"bonjour"


@pytest.mark.parametrize("kind", ["zip", "gzip"])
@pytest.mark.parametrize(("limit", "taken"), [(5_000_000, True), (4_999_999, False)])
def test_no_more_comes_out_than_the_flow_allows(kind, limit, taken):
    clear = bytes(5_000_000)
    packed = zipped(a=clear) if kind == "zip" else gzip.compress(clear)
    unpack = Unpack(kind=kind, most_bytes=limit, most_ratio=10_000)

    if taken:
        assert read(packed, unpack) == clear
    else:
        with pytest.raises(FixTheDelivery, match="se déplie"):
            read(packed, unpack)


def test_a_small_archive_may_pack_well_and_a_large_one_may_not():
    tiny, bomb = gzip.compress(bytes(900_000)), gzip.compress(bytes(50_000_000))

    assert len(read(tiny, Unpack(kind="gzip"))) == 900_000
    with pytest.raises(FixTheDelivery, match="se déplie"):
        read(bomb, Unpack(kind="gzip"))


def test_a_flow_says_how_it_is_packed_in_a_word_or_in_full():
    declared = load_flows()["caf_rsa"].model_dump(exclude={"unpack"})

    short = Flow.model_validate(declared | {"unpack": "zip"})
    full = Flow.model_validate(
        declared | {"unpack": {"kind": "zip", "member": "*.xml", "most_bytes": 10, "most_ratio": 2}}
    )

    assert (short.unpack.kind, short.unpack.most_ratio) == ("zip", 200)
    assert (full.unpack.member, full.unpack.most_bytes) == ("*.xml", 10)


@pytest.mark.parametrize(
    ("unpack", "said"),
    [
        ("rar", "'zip' or 'gzip'"),
        ({"kind": "zip", "most_ratio": 0}, "greater than 1"),
        ({"kind": "zip", "password": "x"}, "Extra inputs"),
        ({"kind": "gzip", "member": "a"}, "leave member out"),
    ],
)
def test_a_wrong_packing_is_a_fault_of_the_declaration(unpack, said):
    with pytest.raises(ValidationError, match=said):
        Flow.model_validate(load_flows()["caf_rsa"].model_dump() | {"unpack": unpack})
