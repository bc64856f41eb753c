"""A real SFTP server on loopback: one account per partner, each shut in its own folder, keys and passwords drawn at start."""

from __future__ import annotations

import asyncio
import secrets
import threading
from typing import TYPE_CHECKING, Any, Self

import asyncssh

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FOLDERS = ("depot", "retour", "accuses", "rejets")
HOST = "127.0.0.1"


class _Account(asyncssh.SFTPServer):
    def __init__(self, channel: Any, root: Path) -> None:
        user = channel.get_extra_info("username")
        super().__init__(channel, chroot=str(root / user).encode())


class _Doorkeeper(asyncssh.SSHServer):
    def __init__(self, passwords: dict[str, str], visitors: set[Any]) -> None:
        self._passwords = passwords
        self._visitors = visitors

    def connection_made(self, conn: Any) -> None:
        self._visitors.add(conn)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        expected = self._passwords.get(username)
        return expected is not None and secrets.compare_digest(expected, password)


class SftpServer:
    """Runs in its own thread; on exit nothing is left listening."""

    def __init__(self, folder: Path, accounts: tuple[str, ...], *, bind: str = HOST, known_as: str = HOST) -> None:
        self.folder = folder
        self._bind, self._known_as = bind, known_as
        self._passwords = {account: secrets.token_urlsafe(18) for account in accounts}
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-sftp", daemon=True)
        self._visitors: set[Any] = set()
        self.port = 0
        self._server: Any = None

    def __enter__(self) -> Self:
        for account in self._passwords:
            for name in FOLDERS:
                (self.folder / account / name).mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=10)
        self.port = self._server.get_port()
        return self

    def drop_visitors(self) -> int:
        """Cut every connection at once, as a network does; returns how many there were."""
        return asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result(timeout=10)

    def close_door(self) -> None:
        """Go away: cut every connection and listen no more, until ``open_door``."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)

    def open_door(self) -> None:
        """Be there again, at the same port and with the same keys."""
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=10)

    async def _listen(self) -> Any:
        return await asyncssh.listen(
            self._bind,
            self.port,
            server_factory=lambda: _Doorkeeper(self._passwords, self._visitors),
            server_host_keys=[self._key],
            sftp_factory=lambda channel: _Account(channel, self.folder),
            allow_scp=False,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _drop(self) -> int:
        dropped = 0
        while self._visitors:
            visitor = self._visitors.pop()
            visitor.abort()
            await visitor.wait_closed()
            dropped += 1
        return dropped

    async def _close(self) -> None:
        self._server.close()
        await self._drop()
        await self._server.wait_closed()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def connection(self, account: str) -> dict[str, Any]:
        """How to reach an account, as a connection the hub reads."""
        line = self._key.export_public_key("openssh").decode().strip()
        return {
            "host": self._known_as, "port": self.port, "login": account, "password": self._passwords[account], "extra": {"host_key": line}
        }  # fmt: skip
