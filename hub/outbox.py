"""The outbox: what waits for each partner, taken in order, retried with patience, parked when patience ends."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

LAST_TRY = 8
LONGEST_WAIT = timedelta(hours=6)

# One worker a message, and never a message before the one that precedes it for the same person.
CLAIM = """
select m.id, m.person_id, m.sequence, m.payload, m.attempts
from message m
where m.partner = :partner and m.state = 'pending' and m.sync_file_id is null and m.next_attempt_at <= :now
  and not exists (
    select from message e where e.partner = m.partner and e.person_id = m.person_id and e.sequence < m.sequence
      and e.state = 'pending'
  )
order by m.created_at, m.person_id, m.sequence
limit :limit
for update skip locked
"""

ANSWERED = """
update message m set state = a.state, reason = a.reason, acknowledged_at = :now, sent_at = coalesce(m.sent_at, :now)
from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:reasons as text[])) as a (id, state, reason)
where m.id = a.id and m.partner = :partner and m.state in ('pending', 'sent', 'rejected')
returning m.id
"""


def claim(connection: Connection, partner: str, *, limit: int, now: datetime) -> Sequence[Any]:
    """Take the next messages of a partner until the end of the transaction; other workers take others."""
    return connection.execute(text(CLAIM), {"partner": partner, "limit": limit, "now": now}).all()


def mark_sent(connection: Connection, ids: Collection[UUID], *, now: datetime) -> None:
    """They have left; the partner's word is awaited."""
    connection.execute(
        text("update message set state = 'sent', sent_at = :now where id = any(:ids) and state = 'pending'"),
        {"ids": list(ids), "now": now},
    )


def mark_answered(
    connection: Connection, partner: str, answers: Sequence[tuple[UUID, bool, str | None]], *, now: datetime
) -> int:
    """The partner has said what it did of each; returns how many messages that settles. Saying it twice changes nothing."""
    known = {
        "ids": [message for message, _, _ in answers],
        "states": ["acknowledged" if accepted else "rejected" for _, accepted, _ in answers],
        "reasons": [reason for _, _, reason in answers],
        "partner": partner,
        "now": now,
    }
    return len(connection.execute(text(ANSWERED), known).all())


def retry_later(
    connection: Connection, message: UUID, *, attempts: int, reason: str, now: datetime, after: float | None
) -> None:
    """Try again after ``after`` seconds, or twice as long as the last time with some chance in it; park after the last try."""
    tried = attempts + 1
    jitter = random.uniform(0.5, 1.5)  # noqa: S311 - it spreads retries, it keeps no secret
    pause = timedelta(seconds=after) if after else min(timedelta(seconds=2**tried * jitter), LONGEST_WAIT)
    connection.execute(
        text(
            "update message set attempts = :tried, reason = :reason, next_attempt_at = :next, "
            "state = case when :tried >= :last then 'parked' else 'pending' end where id = :id"
        ),
        {"id": message, "tried": tried, "reason": reason, "next": now + pause, "last": LAST_TRY},
    )
