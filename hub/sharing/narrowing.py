"""Narrowing: what waits for a partner is decided again when its agreement came to give less since it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from hub.sharing.select import fill

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.sharing.agreements import Agreement

# Only what was written before the agreement last changed is looked into.
UNAGREED = """
select distinct person_id from message m
where m.partner = :partner and m.state in ('pending', 'parked') and m.sync_file_id is null
  and m.created_at < (select max(v.approved_at) from agreement_version v where v.content ->> 'partner' = :partner)
  and exists (select from jsonb_object_keys(m.payload -> 'fields') as f (path) where f.path <> all(:fields))
"""


def withdraw_unagreed(connection: Connection, agreement: Agreement, *, now: datetime) -> int:
    """Write again, without them, the messages that carry fields the agreement no longer names; returns how many people."""
    asked = {"partner": agreement.partner, "fields": list(agreement.on(now.date()).all_fields)}
    people = connection.execute(text(UNAGREED), asked).scalars().all()
    if people:
        fill(connection, {agreement.partner: agreement}, people, now=now)
    return len(people)
