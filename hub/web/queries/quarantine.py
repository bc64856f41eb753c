"""Refused records: a page at a time, by flow, rule or delivery; what one of them held, masked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.web.queries.counting import LIMIT, PAGE, Capped, capped

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.opening import Hub

OPEN = """
select q.id, q.delivery_id, q.record, q.field, q.rule, q.hint, q.opened_at, d.flow
from quarantine q join delivery d on d.id = q.delivery_id
where q.state = 'open' and (cast(:before as bigint) is null or q.id < :before)
  and (cast(:flow as text) is null or d.flow = :flow) and (cast(:rule as text) is null or q.rule = :rule)
  and (cast(:delivery as bigint) is null or q.delivery_id = :delivery)
order by q.id desc limit :limit
"""

# Each rule is looked up after the one before it, and counted no further than the limit.
RULES = """
with recursive known (rule) as (
  select min(rule) from quarantine where state = 'open'
  union all
  select (select min(q.rule) from quarantine q where q.state = 'open' and q.rule > known.rule) from known where known.rule is not null
)
select rule, (select count(*) from (select from quarantine q where q.state = 'open' and q.rule = known.rule limit :most) o) as records
from known where rule is not null order by records desc, rule limit 20
"""

ONE = """
select q.id, q.delivery_id, q.record, q.unit, q.field, q.rule, q.hint, q.state, q.state_reason, q.opened_at, q.closed_at,
       q.block_encrypted, d.flow, d.partner, d.name as file, d.state as delivery_state
from quarantine q join delivery d on d.id = q.delivery_id where q.id = :id
"""


def page(
    connection: Connection, *, flow: str | None, rule: str | None, delivery: int | None, before: int | None
) -> list[Any]:
    """The open records, latest first, before a given one; one more than a page, which says whether there is more."""
    asked = {"flow": flow, "rule": rule, "delivery": delivery, "before": before, "limit": PAGE + 1}
    return list(connection.execute(text(OPEN), asked))


def rules(connection: Connection) -> list[tuple[str, Capped]]:
    """How many open records each rule refused, most first; counting stops at a limit, and says so."""
    rows = connection.execute(text(RULES), {"most": LIMIT + 1})
    return [(row.rule, capped(row.records)) for row in rows]


def one(connection: Connection, number: int) -> Any:
    """One record with its delivery; None when there is none."""
    return connection.execute(text(ONE), {"id": number}).first()


def cells_of(hub: Hub, flow: str, block: bytes | None) -> list[tuple[str, str]]:
    """What was read of a refused record, by column. Columns that nobody declared, and so nobody may read, are left out."""
    if block is None:
        return []
    clear = hub.vault.decrypt(block)
    try:
        read = orjson.loads(clear)
    except orjson.JSONDecodeError:  # a line that could not be cut into cells
        return [("ligne", clear.decode("utf-8", "replace"))]
    known = hub.in_mapping(flow).columns
    return [(name, _written(value)) for name, value in read.items() if name in known] if isinstance(read, dict) else []


def _written(value: Any) -> str:
    """A value as a line: what is nested is named and laid out, one after the other."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_written(each)}" for name, each in value.items())
    return " ; ".join(map(_written, value)) if isinstance(value, list) else str(value)


def masked(value: str) -> str:
    """The form of a value: its length and kinds of characters show, its letters and figures do not."""
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", value))[:60]
