"""The outbox: what waits for each partner, taken in order, retried with patience, set aside when patience ends."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

LAST_TRY = 8
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=6)

# One worker a message, and never a message before the one that precedes it for the same person. Urgent ones first; within
# a priority each département has its turn, however many another one has. Some more than asked are looked at, because
# other workers hold some of them.
CLAIM = """
with recursive turn as (
  (select m.priority, m.lane from message m where m.partner = :partner and m.state = 'pending'
   order by m.priority, m.lane limit 1)
  union all
  select following.priority, following.lane
  from turn t cross join lateral (
    select m.priority, m.lane from message m
    where m.partner = :partner and m.state = 'pending' and (m.priority, m.lane) > (t.priority, t.lane)
    order by m.priority, m.lane limit 1
  ) following
), candidate as (
  select c.id, t.priority, row_number() over (partition by t.priority, t.lane order by c.created_at, c.person_id) as place
  from turn t cross join lateral (
    select m.id, m.created_at, m.person_id from message m
    where m.partner = :partner and m.state = 'pending' and m.priority = t.priority and m.lane = t.lane
      and m.sync_file_id is null and m.next_attempt_at <= :now
      and m.sequence = (
        select min(e.sequence) from message e
        where e.partner = m.partner and e.person_id = m.person_id and e.state = 'pending'
      )
    order by m.created_at, m.person_id, m.sequence
    limit (select greatest(10 * cast(:limit as int) / count(*), 10) from turn)
  ) c
)
select m.id, m.person_id, m.sequence, m.payload, m.attempts
from message m join candidate c on c.id = m.id
where m.id = any(array(select id from candidate)) and m.state = 'pending' and m.next_attempt_at <= :now
order by c.priority, c.place, m.lane
limit :limit
for update of m skip locked
"""

# An answer that says what is already known changes nothing, and a later refusal does not undo an acceptance.
ANSWERED = """
update message m set state = a.state, reason = a.reason, code = a.code, asked_with = null, acknowledged_at = :now,
  sent_at = coalesce(m.sent_at, :now)
from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:codes as text[]), cast(:reasons as text[]))
  as a (id, state, code, reason)
where m.id = a.id and m.partner = :partner and m.state in ('pending', 'sent', 'rejected', 'parked', 'unfound')
  and (m.state, coalesce(m.reason, '')) is distinct from (a.state, coalesce(a.reason, ''))
returning m.id
"""

KNOWN = "select id from message where partner = :partner and id = any(:ids)"

RETRY = """
update message m set attempts = m.attempts + 1, reason = r.reason, code = r.code,
  next_attempt_at = :now + r.pause, state = case when m.attempts + 1 >= :last then 'parked' else 'pending' end
from unnest(cast(:ids as uuid[]), cast(:codes as text[]), cast(:reasons as text[]), cast(:pauses as interval[]))
  as r (id, code, reason, pause)
where m.id = r.id and m.state = 'pending'
"""

ASIDE = """
update message m set attempts = m.attempts + 1, state = a.state, code = a.code, reason = a.reason, asked_with = a.asked_with
from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:codes as text[]), cast(:reasons as text[]),
  cast(:asked as text[])) as a (id, state, code, reason, asked_with)
where m.id = a.id and m.state = 'pending'
"""

NOTHING_TO_SEND = "update message set state = 'replaced', reason = :reason where id = any(:ids) and state = 'pending'"

COUNTS = "select partner, state, count(*) as messages from message group by partner, state order by partner, state"

WAITING = """
select field, count(*) as messages
from message, jsonb_object_keys(payload -> 'fields') as field
where partner = :partner and state = 'pending'
group by field order by field
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A message nobody answered: how often it was tried before, why, and how long the partner asks to wait (seconds)."""

    message: UUID
    attempts: int
    reason: str
    code: str = "UNREACHABLE"
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A message that does not go again as it is: ``parked`` waits for an operator, ``unfound`` for other keys."""

    message: UUID
    state: str
    code: str
    reason: str
    asked_with: str | None = None


def claim(connection: Connection, partner: str, *, limit: int, now: datetime) -> Sequence[Any]:
    """Take the next messages of a partner until the end of the transaction; other workers take others."""
    return connection.execute(text(CLAIM), {"partner": partner, "limit": limit, "now": now}).all()


def mark_answered(
    connection: Connection,
    partner: str,
    answers: Sequence[tuple[UUID, bool, str | None]],
    *,
    now: datetime,
    codes: Sequence[str | None] = (),
) -> int:
    """The partner has said what it did of each; returns how many messages that settles. Saying it twice changes nothing.

    Of two answers about one message the last one counts. ``codes`` are the partner's own, in the same order.
    """
    given = codes or [None] * len(answers)
    last = {message: (accepted, code, reason) for (message, accepted, reason), code in zip(answers, given, strict=True)}
    known = {
        "ids": list(last),
        "states": ["acknowledged" if accepted else "rejected" for accepted, _, _ in last.values()],
        "codes": [code for _, code, _ in last.values()],
        "reasons": [reason for _, _, reason in last.values()],
        "partner": partner,
        "now": now,
    }
    return len(connection.execute(text(ANSWERED), known).all())


def unknown(connection: Connection, partner: str, ids: Collection[UUID]) -> int:
    """How many of these ids name no message of the partner."""
    asked = set(ids)
    found = connection.execute(text(KNOWN), {"partner": partner, "ids": list(asked)}).scalars()
    return len(asked.difference(found))


def retry_later(connection: Connection, failures: Sequence[Failure], *, now: datetime) -> None:
    """Try each again when its partner says, else twice as late as the last time with some chance in it; park after the last try."""
    known = {
        "ids": [failure.message for failure in failures],
        "codes": [failure.code for failure in failures],
        "reasons": [failure.reason for failure in failures],
        "pauses": [_pause(failure) for failure in failures],
        "now": now,
        "last": LAST_TRY,
    }
    connection.execute(text(RETRY), known)


def _pause(failure: Failure) -> timedelta:
    if failure.after is not None:
        return min(timedelta(seconds=max(failure.after, 1.0)), LONGEST_WAIT)
    jitter = random.uniform(0.5, 1.5)  # noqa: S311 - it spreads retries, it keeps no secret
    seconds = FIRST_WAIT.total_seconds() * float(2**failure.attempts) * jitter
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


def set_aside(connection: Connection, found: Sequence[Aside]) -> None:
    """They do not go again as they are."""
    known = {
        "ids": [each.message for each in found],
        "states": [each.state for each in found],
        "codes": [each.code for each in found],
        "reasons": [each.reason for each in found],
        "asked": [each.asked_with for each in found],
    }
    connection.execute(text(ASIDE), known)


def mark_nothing_to_send(connection: Connection, ids: Collection[UUID], *, reason: str) -> None:
    """They hold nothing the partner's way in can carry: they do not leave, and nobody is told they did."""
    connection.execute(text(NOTHING_TO_SEND), {"ids": list(ids), "reason": reason})


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """How many messages each partner has in each state."""
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(text(COUNTS)):
        found.setdefault(row.partner, {})[row.state] = row.messages
    return found


def waiting_fields(connection: Connection, partner: str) -> dict[str, int]:
    """How many waiting messages of a partner carry each field."""
    return {row.field: row.messages for row in connection.execute(text(WAITING), {"partner": partner})}
