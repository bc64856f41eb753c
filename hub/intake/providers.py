"""What every process shares when it talks to a provider: its tokens, kept sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from schemas.tables import access_token

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from hub.storage.vault import Vault


@dataclass(frozen=True, kw_only=True)
class StoredTokens:
    """Access tokens in the store, sealed; the name is a connection or a keyed hash, never a person's number."""

    engine: Engine
    vault: Vault

    def get(self, name: str, now: datetime) -> str | None:
        with self.engine.connect() as connection:
            sealed = connection.execute(
                select(access_token.c.token_encrypted).where(
                    access_token.c.name == name, access_token.c.expires_at > now
                )
            ).scalar()
        return self.vault.decrypt(sealed).decode() if sealed else None

    def put(self, name: str, token: str, expires_at: datetime) -> None:
        values = {"token_encrypted": self.vault.encrypt(token.encode()), "expires_at": expires_at}
        with self.engine.begin() as connection:
            connection.execute(
                insert(access_token)
                .values(name=name, **values)
                .on_conflict_do_update(index_elements=[access_token.c.name], set_=values)
            )
