"""Points of the way out where a child can be killed: around each statement, each commit, each call and each block of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crash_points import Points, _transactions

if TYPE_CHECKING:
    import httpx


def install_out(points: Points) -> None:
    """Listen wherever something may be half told."""
    _transactions(points)
    _calls(points)
    _deposits(points)


def _calls(points: Points) -> None:
    import httpx

    points.around(httpx.Client, "send", lambda _client, request, **_: f"the call to {_place(request)}")


def _place(request: httpx.Request) -> str:
    return str(request.url.path).rpartition("/")[2]


def _deposits(points: Points) -> None:
    import paramiko

    from connectors.sftp import SftpConnector

    points.around(SftpConnector, "deposit", lambda _self, name, _source: f"the deposit of a {name.rpartition('.')[2]}")
    points.around(paramiko.SFTPFile, "write", lambda *_: "a block of the deposit")
    points.around(SftpConnector, "_rename", lambda *_: "the renaming")
    points.around(SftpConnector, "arrivals", lambda *_: "looking for answers")
    points.around(SftpConnector, "fetch", lambda *_: "the transfer of an answer")
    points.around(SftpConnector, "remove", lambda *_: "the removal of an answer")
