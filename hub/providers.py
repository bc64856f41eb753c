"""What every process shares when it talks to a provider: tokens kept sealed, and one rate budget."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from schemas.tables import access_token

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from hub.vault import Vault

# A slot is taken by moving the provider's next free moment forward: one statement, safe between processes.
TAKE_SLOT = """
insert into rate_budget as budget (provider, next_slot_at) values (:provider, clock_timestamp() + :gap)
on conflict (provider) do update
  set next_slot_at = greatest(budget.next_slot_at, clock_timestamp()) + :gap
returning extract(epoch from next_slot_at - :gap - clock_timestamp())
"""

PUSH_BACK = """
insert into rate_budget as budget (provider, next_slot_at) values (:provider, clock_timestamp() + :pause)
on conflict (provider) do update set next_slot_at = greatest(budget.next_slot_at, clock_timestamp() + :pause)
"""


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


@dataclass(frozen=True, kw_only=True)
class SharedBudget:
    """Requests per second allowed to one provider, whatever the number of processes."""

    engine: Engine
    provider: str
    per_second: float
    sleep: Callable[[float], None] = time.sleep

    def acquire(self) -> None:
        """Wait for the next free slot."""
        known = {"provider": self.provider, "gap": timedelta(seconds=1 / self.per_second)}
        with self.engine.begin() as connection:
            wait = float(connection.execute(text(TAKE_SLOT), known).scalar_one())
        if wait > 0:
            self.sleep(wait)

    def slow_down(self, seconds: float) -> None:
        """Nobody asks before ``seconds`` have passed: the provider said so."""
        known = {"provider": self.provider, "pause": timedelta(seconds=seconds)}
        with self.engine.begin() as connection:
            connection.execute(text(PUSH_BACK), known)
