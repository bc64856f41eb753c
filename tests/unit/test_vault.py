"""Personal data at rest: what is sealed comes back whole, and anything altered is noticed."""

from __future__ import annotations

import io

import pytest

from hub.raw import RawStore
from hub.vault import FRAME_BYTES, Vault, open_vault
from schemas.errors import CallSomeone, FixTheDeclaration

VAULT = Vault(b"m" * 32)


def sealed(clear: bytes) -> bytes:
    sink = io.BytesIO()
    VAULT.seal_stream(io.BytesIO(clear), sink)
    return sink.getvalue()


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES])
def test_a_sealed_stream_comes_back_whole(size):
    clear = bytes(range(256)) * (size // 256 + 1)
    clear = clear[:size]

    opened = VAULT.open_stream(io.BytesIO(sealed(clear))).read()

    assert opened == clear


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda b: b[:-1], id="cut by a byte"),
        pytest.param(lambda b: b[: 8 + FRAME_BYTES + 16], id="cut at a frame"),
        pytest.param(lambda b: b[:20] + bytes([b[20] ^ 1]) + b[21:], id="one bit flipped"),
        pytest.param(lambda b: b + b"x", id="a byte added"),
    ],
)
def test_an_altered_stream_is_refused(alter):
    damaged = alter(sealed(b"a" * (2 * FRAME_BYTES)))

    with pytest.raises(CallSomeone, match="cannot be decrypted"):
        VAULT.open_stream(io.BytesIO(damaged)).read()


def test_a_small_value_comes_back_and_never_looks_the_same_twice():
    first, second = VAULT.encrypt(b"clear"), VAULT.encrypt(b"clear")

    assert VAULT.decrypt(first) == VAULT.decrypt(second) == b"clear"
    assert first != second


def test_a_value_sealed_with_another_key_is_refused():
    other = Vault(b"o" * 32).encrypt(b"clear")

    with pytest.raises(CallSomeone):
        VAULT.decrypt(other)


def test_hashes_are_equal_for_equal_values_and_kept_apart_by_use():
    assert VAULT.hash("nir", b"v") == VAULT.hasher("nir")(b"v")
    assert VAULT.hash("nir", b"v") != VAULT.hash("key", b"v")


def test_the_master_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    path = tmp_path / "keys" / "master.key"

    made = open_vault(path, create=True)
    read = open_vault(path, create=False)

    assert read.decrypt(made.encrypt(b"clear")) == b"clear"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "not hexadecimal", "abcd"])
def test_a_wrong_key_file_is_said(tmp_path, content):
    path = tmp_path / "master.key"
    path.write_text(content)

    with pytest.raises(FixTheDeclaration, match=r"master\.key"):
        open_vault(path, create=False)


def test_a_delivery_is_stored_once_and_never_in_clear(tmp_path):
    store = RawStore(tmp_path, VAULT)

    first = store.put(lambda sink: sink.write(b"a delivery"))
    second = store.put(lambda sink: sink.write(b"a delivery"))

    assert first == second
    assert store.open(first.sha256).read() == b"a delivery"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert b"a delivery" not in files[0].read_bytes()


def test_a_missing_delivery_is_said(tmp_path):
    with pytest.raises(CallSomeone, match="missing"):
        RawStore(tmp_path, VAULT).open("0" * 64)
