"""The access token of the application: kept, renewed before it expires, fetched once whoever waits."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from schemas.errors import CallSomeone, FixTheDeclaration

if TYPE_CHECKING:
    from connectors.france_travail.line import Line, Reply
    from connectors.france_travail.provider import Provider

MARGIN = timedelta(seconds=60)  # renewed that long before it expires
DOCUMENTED_LIFE = timedelta(minutes=25)


class TokenStore(Protocol):
    """Where tokens are kept between runs, encrypted: they open people's data."""

    def get(self, name: str, now: datetime) -> str | None:
        """The token of that name, unless it has expired."""
        ...

    def put(self, name: str, token: str, expires_at: datetime) -> None:
        """Keep a token, in place of the one that had its name."""
        ...


class MemoryTokenStore:
    """Tokens kept for the life of one process."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, datetime]] = {}

    def get(self, name: str, now: datetime) -> str | None:
        token, expires_at = self._kept.get(name, (None, now))
        return token if expires_at > now else None

    def put(self, name: str, token: str, expires_at: datetime) -> None:
        self._kept[name] = (token, expires_at)


def usable_for(life: timedelta) -> timedelta:
    """How long to use a token that lives so long: never into its last minute."""
    return life - min(MARGIN, life / 2)


class AccessTokens:
    """Kept under the connection's name. Whoever waits for the lock looks again, under that same name."""

    def __init__(self, *, provider: Provider, line: Line, store: TokenStore) -> None:
        self._provider = provider
        self._line = line
        self._store = store
        self._lock = threading.Lock()

    def current(self, *, refused: str | None = None) -> str:
        """A token that was not ``refused``.

        Raises ``FixTheDeclaration`` when the client or its scopes are refused, ``Unavailable`` when nobody answers.
        """
        kept = self._kept(refused)
        if kept:
            return kept
        with self._lock:
            return self._kept(refused) or self._fetch()

    def _kept(self, refused: str | None) -> str | None:
        token = self._store.get(self._provider.connection, self._line.clock())
        return None if token == refused else token

    def _fetch(self) -> str:
        reply = self._line.insist(self._ask)
        token = reply.text("access_token") if reply.ok else None
        if not token:
            raise self._refusal(reply)
        seconds = reply.text("expires_in") or ""
        life = timedelta(seconds=int(seconds)) if seconds.isdigit() else DOCUMENTED_LIFE
        self._store.put(self._provider.connection, token, self._line.clock() + usable_for(life))
        return token

    def _ask(self) -> Reply:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._provider.client_id,
            "client_secret": self._provider.client_secret,
            "scope": self._provider.scope,
        }
        reply = self._line.send(self._line.http.build_request("POST", self._provider.token_url, data=form))
        if reply.ok and not reply.readable:
            raise self._line.unavailable("UNREADABLE")
        return reply

    def _refusal(self, reply: Reply) -> Exception:
        connection, error = self._provider.connection, reply.text("error")
        if error == "invalid_scope":
            return FixTheDeclaration(
                f"Connection {connection!r}: France Travail refuses the scopes asked for ({self._provider.scope}); "
                "one scope the client is not entitled to makes the whole token fail: remove it from extra.scope."
            )
        if error in {"invalid_client", "unauthorized_client"}:
            return FixTheDeclaration(
                f"Connection {connection!r}: France Travail does not know this client: "
                "check extra.client_id and extra.client_secret."
            )
        if error == "invalid_request":
            return FixTheDeclaration(
                f"Connection {connection!r}: France Travail cannot read the token request: "
                "check extra.token_url and extra.realm (/agent)."
            )
        return CallSomeone(f"Connection {connection!r}: no access token was given (HTTP {reply.status}).")
