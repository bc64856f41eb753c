"""The running ledger as it was last counted, row by row: kept for the screens, and an alarm when a month does not close.

Counting reads every movement of a flow, a second per million: too long for each look at a page. It is counted again when
something moved it, by `oversee` if nobody looks before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.alarms import Alarm, close_alarms, raise_alarms
from hub.intake.running_ledger import running_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Engine

NOT_CLOSING = "registre_non_boucle"

# Rows that vanish by themselves move nothing that a mark could see: a count does not stand longer than this.
STANDS = timedelta(hours=24)
FEW = 50_000  # movements counted while somebody waits for a page: some fifty milliseconds
MONTHS_SAID = 3

# What the figures rest on: each delivery's own, and that no erasure came since, which touches the same rows.
MARK = """
select coalesce(md5(string_agg(concat_ws('/', id, state, reference_date, units, control_total, received, applied, unchanged,
         superseded, quarantined, refused, entered, "left"), ',' order by id)), '') || '/'
         || coalesce((select max(id) from erasure), 0) as mark,
       coalesce(sum(entered), 0) + coalesce(sum("left"), 0) + coalesce(sum(applied), 0) as movements
from delivery where flow = :flow
"""

KEPT = "select lines, mark, counted_at from counted_ledger where flow = :flow"

KEEP = """
insert into counted_ledger (flow, lines, mark, counted_at) values (:flow, cast(:lines as jsonb), :mark, :now)
on conflict (flow) do update set lines = excluded.lines, mark = excluded.mark, counted_at = excluded.counted_at
"""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The months of a flow's running ledger, oldest first, and when they were counted: None, if never.

    ``stale`` says that something has moved since, or that it was too long ago.
    """

    lines: list[dict[str, Any]]
    counted_at: datetime | None
    stale: bool

    @property
    def closes(self) -> bool:
        return all(line["closes"] for line in self.lines)


def ledger_to_show(engine: Engine, flow: str, *, now: datetime) -> Counted:
    """The ledger as last counted; counted first where that is too quick to be noticed, else said to be stale."""
    with engine.connect() as connection:
        kept, movements = _kept(connection, flow, now=now)
    return count_ledger(engine, flow, now=now) if kept.stale and movements <= FEW else kept


def count_ledger(engine: Engine, flow: str, *, now: datetime) -> Counted:
    """Count a flow's ledger as it stands at one instant, keep it, and raise or close the alarm of one that does not close."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        mark = connection.execute(text(MARK), {"flow": flow}).one().mark
        lines = running_ledger(connection, flow=flow)
    written = {"flow": flow, "mark": mark, "lines": orjson.dumps(lines).decode(), "now": now}
    with engine.begin() as connection:
        connection.execute(text(KEEP), written)
        _say(connection, flow, lines, now=now)
    return Counted(lines=lines, counted_at=now, stale=False)


def count_ledgers(engine: Engine, flows: Iterable[str], *, now: datetime) -> int:
    """Count the ledgers that something moved; returns how many flows have a month that does not close."""
    open_ones = 0
    for flow in flows:
        with engine.connect() as connection:
            kept, _ = _kept(connection, flow, now=now)
        found = count_ledger(engine, flow, now=now) if kept.stale else kept
        open_ones += not found.closes
    return open_ones


def _kept(connection: Connection, flow: str, *, now: datetime) -> tuple[Counted, int]:
    stands = connection.execute(text(MARK), {"flow": flow}).one()
    kept = connection.execute(text(KEPT), {"flow": flow}).first()
    if kept is None:
        return Counted(lines=[], counted_at=None, stale=True), stands.movements
    stale = kept.mark != stands.mark or kept.counted_at <= now - STANDS
    return Counted(lines=kept.lines, counted_at=kept.counted_at, stale=stale), stands.movements


def _say(connection: Connection, flow: str, lines: list[dict[str, Any]], *, now: datetime) -> None:
    subject = f"registre {flow}"
    faults = [_fault(line) for line in lines if not line["closes"]]
    if not faults:
        close_alarms(connection, subject, now=now, kind=NOT_CLOSING)
        return
    more = f" ; et {len(faults) - MONTHS_SAID} mois plus anciens" if len(faults) > MONTHS_SAID else ""
    message = f"{flow} : {' ; '.join(faults[::-1][:MONTHS_SAID])}{more}."
    raise_alarms(connection, [Alarm(kind=NOT_CLOSING, subject=subject, flow=flow, message=message)], now=now)


def _fault(line: dict[str, Any]) -> str:
    """Which of the three equalities of a month does not hold, in figures."""
    month = f"{line['month'][5:]}/{line['month'][:4]}"
    if line["closing"] != line["counted"]:
        return f"{month}, {line['closing']} fiches à la fin d'après les mouvements, {line['counted']} recomptées"
    if line["in_store"] is not None and line["in_store"] != line["closing"]:
        return f"{month}, {line['closing']} fiches à la fin d'après les mouvements, {line['in_store']} dans la base"
    settled = line["received"] - line["waiting"]
    return f"{month}, {settled} enregistrements reçus et réglés, {line['settled']} dont on sait ce qu'ils sont devenus"
