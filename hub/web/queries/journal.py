"""The journal of disclosures, a page at a time, by partner and month; and its last entry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.days import PARIS
from hub.web.queries.counting import LIMIT, PAGE, Capped, capped

if TYPE_CHECKING:
    from sqlalchemy import Connection

LAST = "select position, at, encode(entry_hash, 'hex') as seal from disclosure order by position desc limit 1"

# Each partner is looked up after the one before it; its first and last entries say which months there are.
PARTNERS = """
with recursive known (partner) as (
  select min(partner) from disclosure
  union all
  select (select min(d.partner) from disclosure d where d.partner > known.partner) from known where known.partner is not null
)
select k.partner, (select d.at from disclosure d where d.partner = k.partner order by d.at, d.position limit 1) as first,
       (select d.at from disclosure d where d.partner = k.partner order by d.at desc, d.position desc limit 1) as last
from known k where k.partner is not null
"""

# From each partner's own index, as many as a page holds: however deep the page, no more is read.
ENTRIES = """
select e.position, e.at, e.partner, e.person_id, e.agreement, e.purpose, e.fields, encode(e.entry_hash, 'hex') as seal
from unnest(cast(:partners as text[])) as p (partner)
cross join lateral (
  select * from disclosure d
  where d.partner = p.partner and d.at >= :since and d.at < :until
    and (cast(:before as bigint) is null
      or (d.at, d.position) < ((select b.at from disclosure b where b.position = :before), cast(:before as bigint)))
  order by d.at desc, d.position desc limit :limit
) e
order by e.at desc, e.position desc limit :limit
"""

HOW_MANY = """
select count(*) from (
  select from unnest(cast(:partners as text[])) as p (partner)
  join disclosure d on d.partner = p.partner and d.at >= :since and d.at < :until limit :most) counted
"""

EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


def last(connection: Connection) -> Any:
    """The last entry; None while nothing was disclosed."""
    return connection.execute(text(LAST)).first()


def partners(connection: Connection) -> dict[str, tuple[datetime, datetime]]:
    """The partners anything was ever told to, each with the hours of its first and last entries."""
    return {row.partner: (row.first, row.last) for row in connection.execute(text(PARTNERS))}


def months(spans: dict[str, tuple[datetime, datetime]]) -> list[str]:
    """The months (YYYY-MM, in Paris) from the first entry to the last, latest first."""
    if not spans:
        return []
    first = min(each[0] for each in spans.values()).astimezone(PARIS)
    last = max(each[1] for each in spans.values()).astimezone(PARIS)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12}-{number % 12 + 1:02}" for number in reversed(numbers)]


def entries(
    connection: Connection, *, partners: list[str], month: str | None = None, before: int | None = None
) -> list[Any]:
    """The entries of some partners, latest first; one more than a page, which says whether there is more."""
    since, until = bounds(month)
    asked = {"partners": partners, "since": since, "until": until, "before": before, "limit": PAGE + 1}
    return list(connection.execute(text(ENTRIES), asked))


def how_many(connection: Connection, *, partners: list[str], month: str | None) -> Capped:
    """How many entries a choice comes to; counting stops at a limit, and says so."""
    since, until = bounds(month)
    asked = {"partners": partners, "since": since, "until": until, "most": LIMIT + 1}
    return capped(connection.execute(text(HOW_MANY), asked).scalar_one())


def bounds(month: str | None) -> tuple[datetime, datetime]:
    """The first moment of a month in Paris, and that of the next; ever, when none is said."""
    if month is None:
        return EVER
    year, number = int(month[:4]), int(month[5:])
    return datetime(year, number, 1, tzinfo=PARIS), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=PARIS)
