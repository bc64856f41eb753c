"""SFTP with paramiko: pinned host keys, bounded memory, resumed downloads, temporary names, quiet errors."""

from __future__ import annotations

import base64
import io
import stat
import time
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, NoReturn, Self

import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException, SSHException

from connectors.base import Access, Arrival
from connectors.completeness import Place, is_wanted, settled
from schemas.errors import CallSomeone, FixTheDeclaration, TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

DEFAULT_PORT = 22
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
        access = self._access
        client = paramiko.SSHClient()
        key = _pinned_key(access)
        port = access.port or DEFAULT_PORT
        known_as = access.host if port == DEFAULT_PORT else f"[{access.host}]:{port}"
        client.get_host_keys().add(known_as, key.get_name(), key)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.connect(
                access.host,
                port=port,
                username=access.login,
                password=access.password,
                pkey=_private_key(access),
                allow_agent=False,
                look_for_keys=False,
                timeout=TIMEOUT_SECONDS,
                banner_timeout=TIMEOUT_SECONDS,
                auth_timeout=TIMEOUT_SECONDS,
            )
            sftp = client.open_sftp()
        except (SSHException, OSError) as error:
            client.close()
            _refuse(access, error)
        channel = sftp.get_channel()
        if channel is not None:
            channel.settimeout(TIMEOUT_SECONDS)
        self._client, self._sftp = client, sftp

    def _close(self) -> None:
        if self._sftp is not None:
            self._sftp.close()
        if self._client is not None:
            self._client.close()
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
        return [
            Arrival(
                name=entry.filename,
                size=entry.st_size or 0,
                modified_at=datetime.fromtimestamp(entry.st_mtime or 0, tz=UTC),
            )
            for entry in listed
            if stat.S_ISREG(entry.st_mode or 0) and is_wanted(entry.filename, self._place)
        ]

    def fetch(self, arrival: Arrival, sink: IO[bytes]) -> None:
        """Copy in bounded chunks; a dropped connection is taken up where it stopped, a few times."""
        start = sink.tell()
        for attempt in range(RESUMES + 1):
            try:
                self._read_on(arrival, sink, start)
            except (SSHException, OSError, EOFError) as error:
                self._close()
                if attempt == RESUMES or isinstance(error, FileNotFoundError):
                    raise TryAgainLater(
                        f"{self._access.name}: {arrival.name} could not be read: {type(error).__name__}."
                    ) from error
            if sink.tell() - start == arrival.size:
                return
        raise TryAgainLater(f"{self._access.name}: {arrival.name} is not the size it had: it is still being written.")

    def _read_on(self, arrival: Arrival, sink: IO[bytes], start: int) -> None:
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
                sink.set_pipelined(pipelined=True)
                while block := source.read(READ_BYTES):
                    sink.write(block)
            self._rename(temporary, final)
        except (SSHException, OSError, EOFError) as error:
            self._close()
            raise TryAgainLater(
                f"{self._access.name}: {name} could not be deposited: {type(error).__name__}."
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
                f"{self._access.name}: {arrival.name} could not be removed: {type(error).__name__}."
            ) from error


def _pinned_key(access: Access) -> paramiko.PKey:
    line = access.extra.get("host_key", "").split()
    if len(line) < 2:
        raise FixTheDeclaration(f"{access.name}: extra.host_key: pin the server's public key (ssh-keyscan prints it).")
    try:
        return paramiko.PKey.from_type_string(line[0], base64.b64decode(line[1]))
    except (SSHException, ValueError, UnknownKeyType) as error:
        raise FixTheDeclaration(f"{access.name}: extra.host_key: not an OpenSSH public key.") from error


def _private_key(access: Access) -> paramiko.PKey | None:
    text = access.extra.get("private_key")
    if not text:
        return None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except (SSHException, ValueError):
            continue
    raise FixTheDeclaration(f"{access.name}: extra.private_key: not an OpenSSH private key.")


def _refuse(access: Access, error: Exception) -> NoReturn:
    if isinstance(error, BadHostKeyException):
        raise CallSomeone(
            f"{access.name}: the server at {access.host} shows another host key ({error.key.get_name()} {error.key.fingerprint}) "
            f"than the one pinned ({error.expected_key.fingerprint}). Nothing was sent. Ask the partner before changing it."
        ) from error
    if isinstance(error, AuthenticationException):
        raise CallSomeone(
            f"{access.name}: the server refuses our login. Check the password or key of the connection."
        ) from error
    if "not found in known_hosts" in str(error):
        raise CallSomeone(
            f"{access.name}: the server at {access.host} shows a host key of another kind than the one pinned. "
            "Nothing was sent. Ask the partner before changing it."
        ) from error
    raise TryAgainLater(f"{access.name}: cannot reach {access.host}: {type(error).__name__}.") from error
