"""The journal of disclosures, a page at a time, and its last entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.web.queries.counting import PAGE

if TYPE_CHECKING:
    from sqlalchemy import Connection

LAST = "select position, at, encode(entry_hash, 'hex') as seal from disclosure order by position desc limit 1"

ENTRIES = """
select position, at, partner, person_id, agreement, purpose, fields, encode(entry_hash, 'hex') as seal
from disclosure where cast(:before as bigint) is null or position < :before
order by position desc limit :limit
"""


def last(connection: Connection) -> Any:
    """The last entry; None while nothing was disclosed."""
    return connection.execute(text(LAST)).first()


def entries(connection: Connection, *, before: int | None) -> list[Any]:
    """The entries, latest first; one more than a page, which says whether there is more."""
    return list(connection.execute(text(ENTRIES), {"before": before, "limit": PAGE + 1}))
