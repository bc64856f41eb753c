"""The running ledger: opening + entered − left = closing, per flow and month, beside the partners' own totals.

People are counted twice, by two ways that share nothing: from the movements each delivery made, and by counting the rows
that are there. A line where they differ is said not to close.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from sqlalchemy import Connection

OUTCOMES = ("applied", "unchanged", "superseded", "quarantined", "refused")

DELIVERIES = """
select flow, to_char(coalesce(reference_date, (arrived_at at time zone 'Europe/Paris')::date), 'YYYY-MM') as month,
       count(*) filter (where state = 'applied') as deliveries,
       count(*) filter (where state in ('refused', 'held', 'reverted')) as not_applied,
       count(*) filter (where state in ('repeated', 'redated', 'outdated')) as nothing_new,
       sum(units) filter (where state = 'applied') as units,
       sum(control_total) filter (where state = 'applied') as control_total,
       coalesce(sum(received), 0) as received,
       coalesce(sum(received) filter (where state in ('received', 'held')), 0) as waiting, coalesce(sum(applied), 0) as applied,
       coalesce(sum(unchanged), 0) as unchanged, coalesce(sum(superseded), 0) as superseded,
       coalesce(sum(quarantined), 0) as quarantined, coalesce(sum(refused), 0) as refused
from delivery
where cast(:flow as text) is null or flow = :flow
group by 1, 2
"""

MOVED = """
select d.flow, to_char(m."on", 'YYYY-MM') as month,
       count(*) filter (where m.kind in ('entered', 'returned')) as entered,
       count(*) filter (where m.kind = 'left') as "left"
from movement m join delivery d on d.id = m.delivery_id and d.state = 'applied'
where cast(:flow as text) is null or d.flow = :flow
group by 1, 2
"""

# Each record's last movement of each month says whether it was there when the month ended: rows, not sums.
PRESENT = """
with last_word as (
  select distinct on (d.flow, m.source_record_id, to_char(m."on", 'YYYY-MM'))
         d.flow, m.source_record_id, to_char(m."on", 'YYYY-MM') as month, m.kind <> 'left' as present
  from movement m join delivery d on d.id = m.delivery_id and d.state = 'applied'
  where cast(:flow as text) is null or d.flow = :flow
  order by d.flow, m.source_record_id, to_char(m."on", 'YYYY-MM'), m."on" desc, d.order_key desc, m.delivery_id desc
), spans as (
  select flow, present, month,
         lead(month) over (partition by flow, source_record_id order by month) as until
  from last_word
)
select months.flow, months.month, count(*) filter (where spans.present) as counted
from (select distinct flow, month from last_word) months
join spans on spans.flow = months.flow and spans.month <= months.month
  and (spans.until is null or spans.until > months.month)
group by 1, 2
"""

NOW = """
select flow, count(*) as people from source_record
where left_on is null and (cast(:flow as text) is null or flow = :flow) group by flow
"""

LINES = """
select id, flow, name, kind, state, reference_date, arrived_at, units, control_total, received, applied, unchanged,
       superseded, quarantined, refused, entered, "left", reason
from delivery
where (cast(:flow as text) is null or flow = :flow)
  and (cast(:first as date) is null or coalesce(reference_date, (arrived_at at time zone 'Europe/Paris')::date) >= :first)
  and (cast(:last as date) is null or coalesce(reference_date, (arrived_at at time zone 'Europe/Paris')::date) < :last)
order by flow, coalesce(closed_at, received_at), id
"""


def running_ledger(
    connection: Connection, *, flow: str | None = None, month: str | None = None
) -> list[dict[str, Any]]:
    """One line per flow and month, oldest first; ``month`` (YYYY-MM) keeps that one, its opening carried from the others."""
    asked = {"flow": flow}
    months = _by_month(connection, DELIVERIES, asked)
    for part in (MOVED, PRESENT):
        for place, row in _by_month(connection, part, asked).items():
            months.setdefault(place, {"flow": place[0], "month": place[1]}).update(row)
    now = {row.flow: row.people for row in connection.execute(text(NOW), asked)}
    lines: list[dict[str, Any]] = []
    for name, places in groupby(sorted(months), key=lambda place: place[0]):
        lines += _flow_lines([months[place] for place in places], now.get(name, 0))
    return [line for line in lines if month is None or line["month"] == month]


def delivery_lines(
    connection: Connection, *, flow: str | None = None, first: date | None = None, last: date | None = None
) -> list[dict[str, Any]]:
    """Each delivery of a period, in the order it was closed."""
    rows = connection.execute(text(LINES), {"flow": flow, "first": first, "last": last})
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name


def _by_month(
    connection: Connection, statement: str, asked: Mapping[str, Any]
) -> dict[tuple[str, str], dict[str, Any]]:
    rows = connection.execute(text(statement), asked)
    return {(row.flow, row.month): dict(row._mapping) for row in rows}  # noqa: SLF001 - public name


def _flow_lines(months: Iterable[dict[str, Any]], now: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    people = counted = 0
    for month in months:
        opening = people
        people += month.get("entered", 0) - month.get("left", 0)
        counted = month.get("counted", counted)
        lines.append(_line(month, opening=opening, closing=people, counted=counted))
    if lines:  # what the last month closes at is also what stands in the store today
        lines[-1]["in_store"] = now
        lines[-1]["closes"] = lines[-1]["closes"] and now == people
    return lines


def _line(month: Mapping[str, Any], *, opening: int, closing: int, counted: int) -> dict[str, Any]:
    line = {"flow": month["flow"], "month": month["month"], "opening": opening}
    line |= {"entered": month.get("entered", 0), "left": month.get("left", 0), "closing": closing, "counted": counted}
    names = ("deliveries", "not_applied", "nothing_new", "units", "control_total", *OUTCOMES)
    line |= {name: month.get(name) for name in names}
    line |= {"received": month.get("received", 0), "waiting": month.get("waiting", 0)}
    line["settled"] = sum(line[name] or 0 for name in OUTCOMES)
    closes = closing == counted and line["received"] == line["settled"] + line["waiting"]
    return line | {"closes": closes, "in_store": None}
