"""The ledger: one line per delivery, closed by counting rows, never by adding counters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, func, insert, select, text, update

from schemas.tables import delivery, delivery_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connectors.declaration import Flow
    from hub.storage.raw import Stored

OUTCOMES = ("applied", "unchanged", "superseded", "quarantined", "refused")
OUTDATED = "Plus ancienne que ce qui est déjà appliqué : tout ce qu'elle dit a été dit depuis. Rien n'est appliqué."

SEEN = text("""
select id, state, name from delivery
where flow = :flow and sha256 = :sha256 and state in ('received', 'applied', 'outdated', 'held')
order by (name = :name) desc, id desc limit 1
""")

WAITING = text("""
select (select count(*) from staged_record where delivery_id = :id)
     + (select count(*) from quarantine where delivery_id = :id)
""")


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
    entered: int
    left: int
    notices: tuple[str, ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether every record read has an outcome; one that waits, whole, for an operator has none yet."""
        if self.state == "held":
            return True
        return self.received == self.applied + self.unchanged + self.superseded + self.quarantined + self.refused

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"balanced": self.balanced}


def open_line(
    connection: Connection, flow: Flow, *, name: str, stored: Stored, arrived_at: datetime, now: datetime
) -> int:
    """Write the line of a delivery that is safely stored, and say at once when the same bytes came before.

    Under the same name it is an old file with a new date: ``redated``; under another, a file received twice: ``repeated``.
    A delivery that was refused or reverted may come again.
    """
    state, reason = _seen_before(connection, flow, name, stored.sha256)
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
            closed_at=None if state == "received" else now,
            state=state,
            reason=reason,
        )
        .returning(delivery.c.id)
    ).scalar_one()
    return number


def _seen_before(connection: Connection, flow: Flow, name: str, sha256: str) -> tuple[str, str | None]:
    last = connection.execute(SEEN, {"flow": flow.flow, "sha256": sha256, "name": name}).first()
    if last is None:
        return "received", None
    if last.name == name:
        reason = (
            f"Ancien fichier remis avec une autre date : mêmes nom et octets que la livraison {last.id} ({last.state})."
        )
        return "redated", f"{reason} Rien n'est appliqué."
    return "repeated", f"Mêmes octets que la livraison {last.id} ({last.state}) sous un autre nom : rien à faire."


def close_applied(connection: Connection, delivery_id: int, *, now: datetime) -> None:
    """Close the line of a delivery whose records all have an outcome; the store refuses one that does not balance.

    One that has nothing to say any more, because all it says was said later, is ``outdated``.
    """
    counts = count_outcomes(connection, delivery_id)
    moved = count_movements(connection, delivery_id)
    outdated = counts["superseded"] > 0 and counts["superseded"] == sum(counts.values())
    values: dict[str, Any] = {"state": "outdated", "reason": OUTDATED} if outdated else {"state": "applied"}
    connection.execute(
        update(delivery).where(delivery.c.id == delivery_id).values(**values, closed_at=now, **moved, **counts)
    )


def count_again(connection: Connection, delivery_id: int) -> None:
    """Count the rows of a closed delivery again, after some of its records were replayed."""
    counts = count_outcomes(connection, delivery_id) | count_movements(connection, delivery_id)
    connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(**counts))


def count_movements(connection: Connection, delivery_id: int) -> dict[str, int]:
    """Count who entered and who left by a delivery; whoever came back has entered again."""
    row = connection.execute(
        text("""
            select count(*) filter (where kind in ('entered', 'returned')) as entered,
                   count(*) filter (where kind = 'left') as "left"
            from movement where delivery_id = :id
            """),
        {"id": delivery_id},
    ).one()
    return {"entered": row.entered, "left": row.left}


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


def count_waiting(connection: Connection, delivery_id: int) -> int:
    """Count the records of a delivery that wait to be applied or corrected."""
    return int(connection.execute(WAITING, {"id": delivery_id}).scalar_one())


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


def _line(row: Row[Any]) -> Line:
    given = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    known: dict[str, Any] = {name: given[name] or 0 for name in ("received", *OUTCOMES, "entered", "left")}
    known |= {name: given[name] for name in ("id", "flow", "name", "state", "reason", "units", "control_total")}
    notices = tuple(dict.fromkeys(finding["rule"] for finding in given["findings"] or ()))
    return Line(**known, notices=notices)
