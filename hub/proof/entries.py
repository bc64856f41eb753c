"""The entries of the journal, latest first, a page at a time; those of one partner alone where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

ENTRIES = """
select position, at, partner, person_id, agreement, purpose, fields, message_id, encode(entry_hash, 'hex') as seal
from disclosure
where (cast(:before as bigint) is null or position < :before) and (cast(:partner as text) is null or partner = :partner)
order by position desc limit :limit
"""


def entries(
    connection: Connection, *, before: int | None = None, partner: str | None = None, limit: int
) -> Sequence[Any]:
    """The last entries before a position."""
    return connection.execute(text(ENTRIES), {"before": before, "partner": partner, "limit": limit}).all()
