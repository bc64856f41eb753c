"""An SSH session with a partner: host key pinned, old algorithms off unless its connection allows them by name."""

from __future__ import annotations

import base64
import io
import logging
from typing import TYPE_CHECKING, NoReturn

import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException, IncompatiblePeer, SSHException

from schemas.errors import CallSomeone, FixTheDeclaration, TryAgainLater

if TYPE_CHECKING:
    from connectors.base import Access

DEFAULT_PORT = 22

# What paramiko still speaks and nobody should need; SHA-1 key exchanges and signatures it no longer speaks at all.
LEGACY = {
    "ciphers": ("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"),
    "macs": ("hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"),
}


def open_session(access: Access, *, timeout: float) -> tuple[paramiko.SSHClient, paramiko.SFTPClient]:
    """Connect, log in and open SFTP; each answer is waited for ``timeout`` seconds at most.

    Raises:
        FixTheDeclaration: the connection does not say which host key, or names what is not an algorithm.
        CallSomeone: another host key than the one pinned, a login refused, no algorithm in common.
        TryAgainLater: the server cannot be reached.
    """
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs a traceback of what it raises
    client = paramiko.SSHClient()
    key = _pinned_key(access)
    port = access.port or DEFAULT_PORT
    known_as = access.host if port == DEFAULT_PORT else f"[{access.host}]:{port}"
    client.get_host_keys().add(known_as, key.get_name(), key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    disabled = _disabled(access)
    try:
        client.connect(
            access.host,
            port=port,
            username=access.login,
            password=access.password,
            pkey=_private_key(access),
            allow_agent=False,
            look_for_keys=False,
            timeout=timeout,
            banner_timeout=timeout,
            auth_timeout=timeout,
            disabled_algorithms=disabled,
        )
        sftp = client.open_sftp()
    except (SSHException, OSError, EOFError) as error:
        client.close()
        _refuse(access, error)
    channel = sftp.get_channel()
    if channel is not None:
        channel.settimeout(timeout)
    return client, sftp


def _disabled(access: Access) -> dict[str, list[str]]:
    allowed = {name.strip() for name in access.extra.get("legacy_algorithms", "").split(",") if name.strip()}
    known = {name for names in LEGACY.values() for name in names}
    if allowed - known:
        raise FixTheDeclaration(
            f"{access.name}: extra.legacy_algorithms: {', '.join(sorted(allowed - known))} cannot be allowed; "
            f"those that can: {', '.join(sorted(known))}."
        )
    return {kind: [name for name in names if name not in allowed] for kind, names in LEGACY.items()}


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
    if isinstance(error, IncompatiblePeer):
        raise CallSomeone(
            f"{access.name}: the server at {access.host} speaks only old algorithms. Ask the partner to update it; until then "
            "name the one it needs in the connection's extra.legacy_algorithms."
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
