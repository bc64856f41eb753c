"""The ledger: one line per delivery, closed by counting rows, never by adding counters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, insert, select, text, update

from schemas.tables import delivery, delivery_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from connectors.declaration import Flow
    from hub.raw import Stored

OUTCOMES = ("applied", "unchanged", "superseded", "quarantined", "refused")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What became of one delivery. ``state`` and ``reason`` say why when nothing was applied."""

    id: int
    flow: str
    name: str
    state: str
    reason: str | None
    units: int | None
    control_total: int | None
    received: int
    applied: int
    unchanged: int
    superseded: int
    quarantined: int
    refused: int
    left: int

    @property
    def balanced(self) -> bool:
        return self.received == self.applied + self.unchanged + self.superseded + self.quarantined + self.refused

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"balanced": self.balanced}


def open_line(
    connection: Connection, flow: Flow, *, name: str, stored: Stored, arrived_at: datetime, now: datetime
) -> int:
    """Write the line of a delivery that is safely stored, and say at once when the same bytes came before."""
    earlier = connection.execute(
        select(delivery.c.id, delivery.c.state)
        .where(delivery.c.flow == flow.flow, delivery.c.sha256 == stored.sha256, delivery.c.state != "repeated")
        .order_by(delivery.c.id)
    ).first()
    repeated = earlier is not None
    reason = f"Mêmes octets que la livraison {earlier.id} ({earlier.state}) : rien à faire." if earlier else None
    number: int = connection.execute(
        insert(delivery)
        .values(
            flow=flow.flow,
            partner=flow.partner,
            name=name,
            sha256=stored.sha256,
            size=stored.size,
            arrived_at=arrived_at,
            received_at=now,
            closed_at=now if repeated else None,
            state="repeated" if repeated else "received",
            reason=reason,
        )
        .returning(delivery.c.id)
    ).scalar_one()
    return number


def close_applied(connection: Connection, delivery_id: int, *, left: int, now: datetime) -> None:
    """Close the line of a delivery whose records all have an outcome; the store refuses one that does not balance."""
    counts = count_outcomes(connection, delivery_id)
    connection.execute(
        update(delivery).where(delivery.c.id == delivery_id).values(state="applied", closed_at=now, left=left, **counts)
    )


def close_refused(connection: Connection, delivery_id: int, *, reason: str, now: datetime, **known: Any) -> None:
    """Close the line of a delivery that applies nothing: every record read so far is refused with it."""
    connection.execute(
        text("""
            insert into delivery_record (delivery_id, record, unit, outcome)
            select delivery_id, record, unit, 'refused' from staged_record where delivery_id = :id
            union all
            select delivery_id, record, unit, 'refused' from quarantine where delivery_id = :id
            """),
        {"id": delivery_id},
    )
    connection.execute(text("delete from staged_record where delivery_id = :id"), {"id": delivery_id})
    connection.execute(text("delete from quarantine where delivery_id = :id"), {"id": delivery_id})
    counts = count_outcomes(connection, delivery_id)
    values = known | counts | {"received": sum(counts.values()), "left": 0}
    connection.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id)
        .values(state="refused", reason=reason, closed_at=now, **values)
    )


def count_outcomes(connection: Connection, delivery_id: int) -> dict[str, int]:
    """Count the rows of each outcome."""
    counted = connection.execute(
        select(delivery_record.c.outcome, func.count())
        .where(delivery_record.c.delivery_id == delivery_id)
        .group_by(delivery_record.c.outcome)
    ).all()
    return dict.fromkeys(OUTCOMES, 0) | dict(counted)


def lines(connection: Connection, delivery_ids: Sequence[int]) -> list[Line]:
    """The ledger lines of some deliveries, in order of arrival."""
    rows = connection.execute(select(delivery).where(delivery.c.id.in_(delivery_ids)).order_by(delivery.c.id)).all()
    return [_line(row) for row in rows]


def month_lines(connection: Connection, flow: str | None, first: date | None, last: date | None) -> list[Row[Any]]:
    """Per flow and month: deliveries and outcomes, then the people in the flow as counted now."""
    return list(
        connection.execute(
            text("""
            select flow, to_char(coalesce(reference_date, (arrived_at at time zone 'Europe/Paris')::date), 'YYYY-MM') as month,
                   count(*) filter (where state = 'applied') as deliveries,
                   count(*) filter (where state in ('refused', 'held')) as not_applied,
                   count(*) filter (where state = 'repeated') as repeated,
                   coalesce(sum(received), 0) as received,
                   coalesce(sum(applied), 0) as applied,
                   coalesce(sum(unchanged), 0) as unchanged,
                   coalesce(sum(superseded), 0) as superseded,
                   coalesce(sum(quarantined), 0) as quarantined,
                   coalesce(sum(refused), 0) as refused,
                   coalesce(sum("left"), 0) as "left"
            from delivery
            where (cast(:flow as text) is null or flow = :flow)
              and (cast(:first as date) is null or coalesce(reference_date, arrived_at::date) >= :first)
              and (cast(:last as date) is null or coalesce(reference_date, arrived_at::date) < :last)
            group by 1, 2 order by 1, 2
            """),
            {"flow": flow, "first": first, "last": last},
        )
    )


def _line(row: Row[Any]) -> Line:
    given = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    known: dict[str, Any] = {name: given[name] or 0 for name in ("received", *OUTCOMES, "left")}
    known |= {name: given[name] for name in ("id", "flow", "name", "state", "reason", "units", "control_total")}
    return Line(**known)
