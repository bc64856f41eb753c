"""One contract, three places: a folder, the sandbox's SFTP server, OpenSSH's sshd."""

from __future__ import annotations

import dataclasses
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncssh
import pytest
from servers import SSHD, openssh_server, sandbox_server

from connectors.base import Access
from connectors.completeness import Place
from connectors.folder import FolderConnector
from connectors.sftp import SftpConnector
from hub.sandbox.sftp_server import SftpServer, _Doorkeeper
from schemas.errors import CallSomeone, FixTheDeclaration, TryAgainLater

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

DEPOT = Place(folder="depot", pattern="*.xml", stable_for=0)
SERVERS = {"sandbox": sandbox_server, "openssh": openssh_server}


@pytest.fixture(
    params=[
        "folder",
        "sandbox",
        pytest.param(
            "openssh",
            marks=[pytest.mark.sshd, pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed here")],
        ),
    ]
)
def place(request, tmp_path):
    """A way to connect, and the partner's own view of the folder."""
    if request.param == "folder":
        for name in ("depot", "retour", "accuses"):
            (tmp_path / name).mkdir()
        access = Access(name="folder", host=str(tmp_path))
        yield (lambda at=DEPOT, **kw: FolderConnector(access, at, **kw)), tmp_path
        return
    with SERVERS[request.param](tmp_path) as (access, root):
        yield (lambda at=DEPOT, **kw: SftpConnector(access, at, **kw)), root


def leave(path: Path, content: bytes, *, at: int = 1_700_000_000) -> None:
    path.write_bytes(content)
    os.utime(path, (at, at))


def test_complete_files_are_listed_oldest_first(place):
    connect, root = place
    leave(root / "depot" / "b.xml", b"b", at=1_700_000_000)
    leave(root / "depot" / "a.xml", b"aa", at=1_700_000_500)

    with connect() as connector:
        found = connector.arrivals()

    assert [(each.name, each.size) for each in found] == [("b.xml", 1), ("a.xml", 2)]
    assert found[0].modified_at.timestamp() == 1_700_000_000


@pytest.mark.parametrize("name", [".hidden.xml", "a.xml.part", "a.xml.filepart", "a.csv", "a.XML.tmp"])
def test_a_file_that_is_not_wanted_or_not_finished_is_left_alone(place, name):
    connect, root = place
    leave(root / "depot" / name, b"x")

    with connect() as connector:
        assert connector.arrivals() == []


def test_empty_files_and_folders_are_left_alone(place):
    connect, root = place
    leave(root / "depot" / "empty.xml", b"")
    (root / "depot" / "folder.xml").mkdir()

    with connect() as connector:
        assert connector.arrivals() == []


def test_a_file_still_growing_is_not_complete(place):
    connect, root = place
    leave(root / "depot" / "a.xml", b"x")
    leave(root / "depot" / "b.xml", b"x")

    def meanwhile(_seconds):
        leave(root / "depot" / "a.xml", b"xx", at=1_700_000_009)

    with connect(dataclasses.replace(DEPOT, stable_for=5), sleep=meanwhile) as connector:
        found = connector.arrivals()

    assert [each.name for each in found] == ["b.xml"]


def test_a_file_waits_for_its_marker_and_the_marker_is_no_delivery(place):
    connect, root = place
    at = dataclasses.replace(DEPOT, pattern="*", marker=".ok")
    leave(root / "depot" / "a.xml", b"a")
    leave(root / "depot" / "b.xml", b"b")
    leave(root / "depot" / "b.xml.ok", b"")

    with connect(at) as connector:
        before = [each.name for each in connector.arrivals()]
        leave(root / "depot" / "a.xml.ok", b"")
        after = [each.name for each in connector.arrivals()]

    assert (before, after) == (["b.xml"], ["a.xml", "b.xml"])


def test_a_file_waits_for_its_manifest_and_takes_it_along(place):
    connect, root = place
    leave(root / "depot" / "a.xml", b"a")
    leave(root / "depot" / "a.xml.sha256", b"")
    leave(root / "depot" / "b.xml", b"b")
    leave(root / "depot" / "b.xml.sha256", b"0" * 64)

    with connect(dataclasses.replace(DEPOT, manifest=".sha256")) as connector:
        found = connector.arrivals()

    assert [(each.name, each.manifest.name) for each in found] == [("b.xml", "b.xml.sha256")]


@pytest.mark.parametrize("size", [1, 32_768, 32_769, 3_000_001])
def test_a_file_is_fetched_whole(place, size):
    connect, root = place
    content = os.urandom(size)
    leave(root / "depot" / "a.xml", content)
    sink = io.BytesIO()

    with connect() as connector:
        connector.fetch(connector.arrivals()[0], sink)

    assert sink.getvalue() == content


def test_a_file_that_vanished_is_for_later(place):
    connect, root = place
    leave(root / "depot" / "a.xml", b"x")

    with connect() as connector:
        arrival = connector.arrivals()[0]
        (root / "depot" / "a.xml").unlink()
        with pytest.raises(TryAgainLater, match="file of depot") as told:
            connector.fetch(arrival, io.BytesIO())
    assert "a.xml" not in str(told.value)


def test_a_deposit_appears_whole_and_replaces(place):
    connect, root = place

    with connect(Place(folder="retour")) as connector:
        connector.deposit("out.csv", io.BytesIO(b"first"))
        connector.deposit("out.csv", io.BytesIO(b"second" * 100_000))

    assert (root / "retour" / "out.csv").read_bytes() == b"second" * 100_000
    assert [path.name for path in (root / "retour").iterdir()] == ["out.csv"]


def test_a_file_is_removed_once_and_removing_it_again_is_no_trouble(place):
    connect, root = place
    leave(root / "depot" / "a.xml", b"x")

    with connect() as connector:
        arrival = connector.arrivals()[0]
        connector.remove(arrival)
        connector.remove(arrival)

    assert list((root / "depot").iterdir()) == []


def test_a_folder_that_is_not_there_is_for_later(place):
    connect, _ = place

    with connect(Place(folder="nowhere")) as connector, pytest.raises(TryAgainLater, match="nowhere"):
        connector.arrivals()


def test_a_changed_host_key_is_refused_loudly(tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().strip()
    with sandbox_server(tmp_path) as (access, _):
        wrong = dataclasses.replace(access, extra={"host_key": other})

        with pytest.raises(CallSomeone, match="another host key") as raised:
            SftpConnector(wrong, DEPOT).__enter__()

    assert "SHA256:" in str(raised.value)


def test_a_wrong_password_calls_someone_and_does_not_show_it(tmp_path):
    with sandbox_server(tmp_path) as (access, _):
        wrong = dataclasses.replace(access, password="hunter2")

        with pytest.raises(CallSomeone, match="refuses our login") as raised:
            SftpConnector(wrong, DEPOT).__enter__()

    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(wrong)


@pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 not-base64", "nonsense AAAA"])
def test_a_host_key_that_is_not_pinned_is_a_declaration_to_fix(line):
    access = Access(name="x_sftp", host="127.0.0.1", port=1, extra={"host_key": line})

    with pytest.raises(FixTheDeclaration, match="host_key"):
        SftpConnector(access, DEPOT).__enter__()


def test_a_server_that_is_not_there_is_for_later(tmp_path):
    with sandbox_server(tmp_path) as (access, _):
        pass

    with pytest.raises(TryAgainLater, match="cannot reach"):
        SftpConnector(access, DEPOT).__enter__()


def test_a_connection_that_was_lost_is_opened_again(tmp_path):
    with sandbox_server(tmp_path) as (access, root):
        leave(root / "depot" / "a.xml", b"x" * 100_000)
        with SftpConnector(access, DEPOT) as connector:
            arrival = connector.arrivals()[0]
            connector._client.get_transport().close()
            sink = io.BytesIO()

            connector.fetch(arrival, sink)

    assert len(sink.getvalue()) == 100_000


class _Hushed(asyncssh.SFTPServer):
    """A server that answers no question about a file but those of a listing."""

    def stat(self, path):
        raise asyncssh.SFTPPermissionDenied("stat is not allowed here")

    lstat = fstat = stat

    async def scandir(self, path):
        for entry in os.scandir(self.map_path(path)):
            yield asyncssh.SFTPName(os.fsencode(entry.name), attrs=asyncssh.SFTPAttrs.from_local(entry.stat()))


@contextmanager
def special_server(folder, files=_Hushed, **options):
    """A server made for one test, and how to reach it."""

    class Special(SftpServer):
        async def _listen(self):
            return await asyncssh.listen(
                "127.0.0.1",
                0,
                server_factory=lambda: _Doorkeeper(self._passwords, self._visitors),
                server_host_keys=[self._key],
                sftp_factory=lambda channel: files(channel, chroot=str(folder / "partner").encode()),
                **options,
            )

    with Special(folder, ("partner",)) as server:
        yield Access(name="special_sftp", **server.connection("partner")), folder / "partner"


def test_a_server_that_forbids_stat_is_read_and_written_all_the_same(tmp_path):
    content = os.urandom(200_000)
    sink = io.BytesIO()
    with special_server(tmp_path) as (access, root):
        leave(root / "depot" / "a.xml", content)
        with SftpConnector(access, dataclasses.replace(DEPOT, stable_for=0.1)) as connector:
            connector.fetch(connector.arrivals()[0], sink)
            connector.deposit("b.csv", io.BytesIO(content))

    assert sink.getvalue() == content
    assert (root / "depot" / "b.csv").read_bytes() == content


class _Mute(asyncssh.SFTPServer):
    """A server whose listings hold names and nothing else."""

    async def scandir(self, path):
        for name in (b"a.xml",):
            yield asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs())


def test_a_server_that_tells_no_size_is_said_so_rather_than_waited_for(tmp_path):
    with (
        special_server(tmp_path, _Mute) as (access, _),
        SftpConnector(access, DEPOT) as connector,
        pytest.raises(CallSomeone, match="without sizes or dates"),
    ):
        connector.arrivals()


OLD = {"encryption_algs": ["aes128-cbc"], "mac_algs": ["hmac-sha1"]}


def test_an_old_algorithm_is_refused_unless_the_partners_own_connection_allows_it(tmp_path):
    with special_server(tmp_path, **OLD) as (access, _):
        with pytest.raises(CallSomeone, match="only old algorithms"):
            SftpConnector(access, DEPOT).__enter__()
        allowed = dataclasses.replace(access, extra={**access.extra, "legacy_algorithms": "aes128-cbc, hmac-sha1"})

        with SftpConnector(allowed, DEPOT) as connector:
            assert connector.arrivals() == []


@pytest.mark.parametrize("name", ["ssh-rsa", "diffie-hellman-group1-sha1", "aes"])
def test_an_algorithm_that_cannot_be_allowed_is_named_with_those_that_can(name):
    line = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().strip()
    extra = {"host_key": line, "legacy_algorithms": name}
    access = Access(name="x_sftp", host="127.0.0.1", port=1, extra=extra)

    with pytest.raises(FixTheDeclaration, match=f"legacy_algorithms: {name} cannot be allowed.*aes128-cbc"):
        SftpConnector(access, DEPOT).__enter__()


class _Dropping(asyncssh.SFTPServer):
    """A server whose line drops twice in the middle of a file."""

    drops = 2

    async def read(self, file_obj, offset, size):
        if offset >= 400_000 and _Dropping.drops:
            _Dropping.drops -= 1
            self.channel.get_connection().abort()
        return super().read(file_obj, offset, size)


def test_a_download_cut_in_the_middle_is_taken_up_where_it_stopped(tmp_path):
    content = os.urandom(1_000_000)
    sink = io.BytesIO()
    with special_server(tmp_path, _Dropping) as (access, root):
        leave(root / "depot" / "a.xml", content)
        with SftpConnector(access, DEPOT) as connector:
            connector.fetch(connector.arrivals()[0], sink)

    assert _Dropping.drops == 0
    assert sink.getvalue() == content
