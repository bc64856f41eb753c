"""SFTP with paramiko: bounded memory, resumed downloads, temporary names, quiet errors."""

from __future__ import annotations

import errno
import stat
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Self

from paramiko.ssh_exception import SSHException

from connectors.base import Access, Arrival, Sink
from connectors.completeness import Place, settled
from connectors.ssh import open_session
from schemas.errors import CallSomeone, TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import paramiko

TIMEOUT_SECONDS = 20.0
READ_BYTES = 32_768
PREFETCHED_REQUESTS = 64  # 2 MB in flight: unlimited prefetch was seen to crawl on large files
RESUMES = 3


class SftpConnector:
    """One place on a partner's SFTP server. The host key is pinned: a changed one is refused, loudly."""

    def __init__(self, access: Access, place: Place, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._access = access
        self._place = place
        self._sleep = sleep
        self._client: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _open(self) -> None:
        self._client, self._sftp = open_session(self._access, timeout=TIMEOUT_SECONDS)

    def _close(self) -> None:
        """Leave; a connection that was cut has nobody to say goodbye to."""
        for each in (self._sftp, self._client):
            with suppress(SSHException, OSError, EOFError):
                if each is not None:
                    each.close()
        self._client = self._sftp = None

    @property
    def _session(self) -> paramiko.SFTPClient:
        if self._sftp is None:
            self._open()
        assert self._sftp is not None
        return self._sftp

    def arrivals(self) -> list[Arrival]:
        return settled(self._look, self._place, self._sleep)

    def _look(self) -> list[Arrival]:
        try:
            listed = self._session.listdir_attr(self._place.folder)
        except (SSHException, OSError, EOFError) as error:
            self._close()
            raise TryAgainLater(
                f"{self._access.name}: cannot list {self._place.folder}: {type(error).__name__}."
            ) from error
        return [self._arrival(entry) for entry in listed if stat.S_ISREG(entry.st_mode or stat.S_IFREG)]

    def _arrival(self, entry: paramiko.SFTPAttributes) -> Arrival:
        """A listed file. Size and date come with the listing, so that servers that forbid ``stat`` are no trouble."""
        if entry.st_size is None or entry.st_mtime is None:
            raise CallSomeone(
                f"{self._access.name}: the server lists {self._place.folder} without sizes or dates, so that nobody can tell "
                "a finished upload. Ask the partner to let us see them."
            )
        moment = datetime.fromtimestamp(entry.st_mtime, tz=UTC)
        return Arrival(name=entry.filename, size=entry.st_size, modified_at=moment)

    def fetch(self, arrival: Arrival, sink: Sink) -> None:
        """Copy in bounded chunks; a dropped connection is taken up where it stopped, a few times."""
        start = sink.tell()
        for attempt in range(RESUMES + 1):
            try:
                self._read_on(arrival, sink, start)
            except (SSHException, OSError, EOFError) as error:
                self._close()
                if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
                    raise  # our own disk is full: trying again would not help
                if attempt == RESUMES or isinstance(error, FileNotFoundError):
                    raise TryAgainLater(
                        f"{self._access.name}: a file of {self._place.folder} could not be read: {type(error).__name__}."
                    ) from error
            if sink.tell() - start == arrival.size:
                return
        raise TryAgainLater(
            f"{self._access.name}: a file of {self._place.folder} is not the size it had: it is still being written."
        )

    def _read_on(self, arrival: Arrival, sink: Sink, start: int) -> None:
        done = sink.tell() - start
        with self._session.open(f"{self._place.folder}/{arrival.name}", "rb") as source:
            source.prefetch(arrival.size, max_concurrent_requests=PREFETCHED_REQUESTS)
            source.seek(done)
            while block := source.read(READ_BYTES):
                sink.write(block)

    def deposit(self, name: str, source: IO[bytes]) -> None:
        """Write under a temporary name, then rename over; nothing is asked back of servers that forbid ``stat``."""
        temporary, final = f"{self._place.folder}/.{name}.part", f"{self._place.folder}/{name}"
        try:
            with self._session.open(temporary, "wb") as sink:
                # one block, one answer: what a server refuses of blocks sent ahead (its disk is full) is not heard
                while block := source.read(READ_BYTES):
                    sink.write(block)
            self._rename(temporary, final)
        except (SSHException, OSError, EOFError) as error:
            self._close()
            raise TryAgainLater(
                f"{self._access.name}: a file for {self._place.folder} could not be deposited: {type(error).__name__}."
            ) from error

    def _rename(self, temporary: str, final: str) -> None:
        try:
            self._session.posix_rename(temporary, final)
        except OSError:  # the server does not know posix-rename: plain rename, which does not replace
            self.remove(Arrival(name=final.rpartition("/")[2], size=0, modified_at=datetime.fromtimestamp(0, tz=UTC)))
            self._session.rename(temporary, final)

    def remove(self, arrival: Arrival) -> None:
        try:
            self._session.remove(f"{self._place.folder}/{arrival.name}")
        except FileNotFoundError:
            return
        except (SSHException, OSError, EOFError) as error:
            self._close()
            raise TryAgainLater(
                f"{self._access.name}: a file of {self._place.folder} could not be removed: {type(error).__name__}."
            ) from error
