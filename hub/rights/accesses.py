"""The access log: who looked at whose data on the screens, when, and why where a reason is asked for. Append-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, text

from schemas.tables import access_log

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

LATEST = """
select id, at, account, action, subject, reason from access_log
where (cast(:before as bigint) is null or id < :before) and (cast(:subject as text) is null or subject = :subject)
order by id desc limit :limit
"""


def note(
    connection: Connection, *, account: str, action: str, subject: str, now: datetime, reason: str | None = None
) -> None:
    """Write down a look, in the transaction that reads what is shown: nothing is shown that is not written down."""
    connection.execute(
        insert(access_log).values(at=now, account=account, action=action, subject=subject, reason=reason)
    )


def latest(
    connection: Connection, *, before: int | None = None, subject: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The last looks, latest first; ``before`` an entry, ``subject`` alone."""
    rows = connection.execute(text(LATEST), {"before": before, "subject": subject, "limit": limit})
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name
