"""Personal data at rest: what is sealed comes back whole, and anything altered is noticed."""

from __future__ import annotations

import io

import pytest

from hub.storage.raw import RawStore
from hub.storage.vault import ENVELOPE, FRAME_BYTES, PREFIX_BYTES, TAG_BYTES, WRAPPED_BYTES, Vault, open_vault
from schemas.errors import CallSomeone, FixTheDeclaration

VAULT = Vault(b"m" * 32)
HEAD = len(ENVELOPE) + WRAPPED_BYTES + PREFIX_BYTES


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
        pytest.param(lambda b: b[: HEAD + FRAME_BYTES + TAG_BYTES], id="cut at a frame"),
        pytest.param(lambda b: b[:20] + bytes([b[20] ^ 1]) + b[21:], id="one bit of its own key flipped"),
        pytest.param(lambda b: b[: HEAD + 9] + bytes([b[HEAD + 9] ^ 1]) + b[HEAD + 10 :], id="one bit flipped"),
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


# --- one key after the other --------------------------------------------------------------------------------------

NEXT = Vault(b"n" * 32, search=b"s" * 32, previous=b"m" * 32)
ALONE = Vault(b"n" * 32, search=b"s" * 32)


def test_what_the_old_master_sealed_is_read_and_renewed_once():
    old = VAULT.encrypt(b"clear")

    new = NEXT.renewed(old)

    assert NEXT.decrypt(old) == ALONE.decrypt(new) == b"clear"
    assert NEXT.renewed(new) is None
    with pytest.raises(CallSomeone):
        VAULT.decrypt(new)


@pytest.mark.parametrize("size", [0, 5, 2 * FRAME_BYTES + 3])
def test_only_the_own_key_of_a_stream_is_wrapped_again(size):
    clear = b"a" * size
    old, sink = sealed(clear), io.BytesIO()

    assert NEXT.renew_stream(io.BytesIO(old), sink)

    new = sink.getvalue()
    assert ALONE.open_stream(io.BytesIO(new)).read() == clear
    assert new[HEAD - PREFIX_BYTES :] == old[HEAD - PREFIX_BYTES :]
    assert not NEXT.renew_stream(io.BytesIO(new), io.BytesIO())


def sealed_before_envelopes(clear):
    """As deliveries were sealed when they had no key of their own."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from hub.storage.vault import _derived, _nonce, _place

    cipher, prefix = AESGCM(_derived(b"m" * 32, "deliveries")), b"12345678"
    frames = [clear[at : at + FRAME_BYTES] for at in range(0, len(clear), FRAME_BYTES)] or [b""]
    places = [_place(number, last=number == len(frames) - 1) for number in range(len(frames))]
    return prefix + b"".join(
        cipher.encrypt(_nonce(prefix, number), frame, places[number]) for number, frame in enumerate(frames)
    )


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES, FRAME_BYTES + 1])
def test_a_delivery_sealed_before_envelopes_is_read_and_given_one(size):
    clear = b"b" * size
    old, sink = sealed_before_envelopes(clear), io.BytesIO()

    assert VAULT.open_stream(io.BytesIO(old)).read() == clear
    assert NEXT.renew_stream(io.BytesIO(old), sink)
    assert ALONE.open_stream(io.BytesIO(sink.getvalue())).read() == clear
