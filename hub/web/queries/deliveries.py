"""One delivery from raw to shared: what is stored, read, checked, linked, told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.web.queries.counting import LIMIT, Capped, capped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

ONE = """
select id, flow, partner, name, sha256, size, state, reason, kind, reference_date, arrived_at, received_at, closed_at, units,
       control_total, received, applied, unchanged, superseded, quarantined, refused, entered, "left", released_by, closed_by,
       profile -> 'measures' as measures, (profile ->> 'records')::int as good, (profile ->> 'rejected')::int as rejected,
       findings
from delivery where id = :id
"""

REFUSED = """
select rule, field, count(*) as records from quarantine where delivery_id = :id and state = 'open'
group by rule, field order by records desc, rule, field limit 10
"""

# A message keeps the number of the latest delivery that a record of its person came from.
SHARED = """
select partner, count(*) as messages, count(*) filter (where state = 'acknowledged') as acknowledged
from (select partner, state from message where delivery_id = :id limit :most) m group by partner order by partner
"""

LINKED = """
select count(*) from (select from delivery_record o join link l on l.source_record_id = o.source_record_id and l.superseded_at is null
  where o.delivery_id = :id limit :most) linked
"""


def delivery(connection: Connection, number: int) -> Any:
    """Its line, without the profile but for its measures; None when there is no such delivery."""
    return connection.execute(text(ONE), {"id": number}).first()


def refused(connection: Connection, number: int) -> Sequence[Any]:
    """What of it waits in quarantine, by rule and field."""
    return connection.execute(text(REFUSED), {"id": number}).all()


def linked(connection: Connection, number: int) -> Capped:
    """How many of its records belong to a person."""
    return capped(connection.execute(text(LINKED), {"id": number, "most": LIMIT + 1}).scalar_one())


def shared(connection: Connection, number: int) -> Sequence[Any]:
    """What partners were told because of it."""
    return connection.execute(text(SHARED), {"id": number, "most": LIMIT}).all()
