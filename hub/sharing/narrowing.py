"""Narrowing: what waits for a partner is decided again when its agreement came to give less since it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from hub.acts import AGREEMENT, begin_act
from hub.days import day_of, end_of
from hub.sharing.news import Origin
from hub.sharing.select import fill

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.acts import Act
    from hub.sharing.agreements import Agreement

# Only what was written before the agreement last changed, or before one of its purposes ended, is looked into.
UNAGREED = """
select distinct person_id from message m
where m.partner = :partner and m.state in ('pending', 'parked', 'unfound') and m.sync_file_id is null
  and m.created_at < greatest(cast(:ended as timestamptz),
    (select max(v.approved_at) from agreement_version v where v.content ->> 'partner' = :partner))
  and exists (select from jsonb_object_keys(m.payload -> 'fields') as f (path) where f.path <> all(:fields))
"""


def withdraw_unagreed(connection: Connection, agreement: Agreement, *, now: datetime) -> Act | None:
    """Write again, without them, the messages that carry fields the agreement no longer names; None where none does."""
    day = day_of(now)
    ended = agreement.ended(day)
    asked = {
        "partner": agreement.partner, "fields": list(agreement.on(day).all_fields), "ended": end_of(ended) if ended else None,
    }  # fmt: skip
    people = connection.execute(text(UNAGREED), asked).scalars().all()
    if not people:
        return None
    act = begin_act(connection, AGREEMENT, subject=agreement.partner, now=now)
    fill(connection, {agreement.partner: agreement}, people, now=now, origin=Origin(act=act.id))
    return act
