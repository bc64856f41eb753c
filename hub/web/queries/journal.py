"""The journal of disclosures, a page at a time, and its last entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.proof.entries import entries as every
from hub.web.queries.counting import PAGE

if TYPE_CHECKING:
    from sqlalchemy import Connection

LAST = "select position, at, encode(entry_hash, 'hex') as seal from disclosure order by position desc limit 1"


def last(connection: Connection) -> Any:
    """The last entry; None while nothing was disclosed."""
    return connection.execute(text(LAST)).first()


def entries(connection: Connection, *, before: int | None, partner: str | None = None) -> list[Any]:
    """The entries, latest first, of one partner alone where it is asked for; one more than a page, which says whether there is more."""
    return list(every(connection, before=before, partner=partner, limit=PAGE + 1))
