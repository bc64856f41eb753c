"""Where France Travail is and who we are to it, read from the connection."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from connectors.base import Access

NEEDED = ("token_url", "base_url", "client_id", "client_secret", "scope")
TIMEOUT = httpx.Timeout(30.0, connect=10.0, pool=None)  # seconds


@dataclass(frozen=True, kw_only=True)
class Provider:
    """``scope`` is a space-separated list: one scope the client is not entitled to makes the whole token fail."""

    connection: str
    token_url: httpx.URL
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str

    @classmethod
    def of(cls, access: Access) -> Provider:
        """Read the connection; raises ``FixTheDeclaration`` naming every field that is missing."""
        missing = [name for name in NEEDED if not access.extra.get(name)]
        if missing:
            raise FixTheDeclaration(f"Connection {access.name!r}: extra lacks {', '.join(missing)}.")
        realm = access.extra.get("realm") or "/agent"
        return cls(
            connection=access.name,
            token_url=httpx.URL(access.extra["token_url"]).copy_merge_params({"realm": realm}),
            base_url=access.extra["base_url"],
            client_id=access.extra["client_id"],
            client_secret=access.extra["client_secret"],
            scope=access.extra["scope"],
        )


def _timeout(access: Access) -> httpx.Timeout:
    """How long an answer is waited for, in seconds; a connection may say so, in extra.timeout_seconds."""
    said = access.extra.get("timeout_seconds")
    return httpx.Timeout(float(said), connect=10.0, pool=None) if said else TIMEOUT


def open_http(access: Access, *, parallel: int) -> httpx.Client:
    """Open a client; a proxy or an authority is named by the connection, not by the machine.

    A connection serves one request: what a partner says twice must not be taken for the answer about somebody else.
    """
    authority = access.extra.get("ca_file")
    return httpx.Client(
        base_url=access.extra["base_url"],
        timeout=_timeout(access),
        limits=httpx.Limits(max_connections=parallel + 2),
        headers={"Accept": "application/json", "User-Agent": "dites-le-nous-une-fois", "Connection": "close"},
        follow_redirects=False,
        trust_env=False,
        proxy=access.extra.get("proxy") or None,
        verify=ssl.create_default_context(cafile=authority) if authority else True,
    )
