"""Real SFTP servers for the contract: the sandbox's, and OpenSSH's sshd."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from connectors.base import Access
from hub.sandbox.sftp_server import SftpServer

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@contextmanager
def sandbox_server(folder: Path):
    """The sandbox's server, and the folder the account sees as its root."""
    with SftpServer(folder, ("partner",)) as server:
        given = server.connection("partner")
        yield Access(name="partner_sftp", **given), folder / "partner"


@contextmanager
def openssh_server(folder: Path):
    """A private sshd on a free loopback port, run as whoever runs the tests, with keys made for the occasion."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    home = folder / "home"
    for name in ("depot", "retour", "accuses"):
        (home / name).mkdir(parents=True)
    port = _free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        f"PidFile {folder / 'pid'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"Subsystem sftp internal-sftp\nForceCommand internal-sftp -d {home}\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    log = (folder / "log").open("wb")
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log, stdout=log)
    try:
        _wait_for(port)
        extra = {"host_key": (folder / "host.pub").read_text().strip(), "private_key": (folder / "user").read_text()}
        yield Access(name="openssh_sftp", host="127.0.0.1", port=port, login=getpass.getuser(), extra=extra), home
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("sshd did not start")
