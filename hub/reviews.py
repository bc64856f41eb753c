"""Review cases: what the machine would not decide alone, and what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text, update

from hub.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import decision, review_case, source_record

if TYPE_CHECKING:
    from datetime import datetime

    from hub.opening import Hub

VERDICTS = ("same", "distinct", "unsure")


def open_cases(hub: Hub, *, limit: int = 50) -> list[dict[str, Any]]:
    """The cases that wait, oldest first."""
    a, b = source_record.alias("a"), source_record.alias("b")
    chosen = (
        select(
            review_case.c.id,
            review_case.c.kind,
            a.c.flow.label("flow_a"),
            b.c.flow.label("flow_b"),
            review_case.c.opened_at,
        )
        .join(a, a.c.id == review_case.c.record_a)
        .join(b, b.c.id == review_case.c.record_b)
        .where(review_case.c.closed_at.is_(None))
        .order_by(review_case.c.id)
        .limit(limit)
    )
    with hub.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(chosen)]  # noqa: SLF001 - public name


def show(hub: Hub, case: int) -> dict[str, Any]:
    """One case with its stored evidence; raises ``FixTheDeclaration`` when there is no such case."""
    with hub.engine.connect() as connection:
        row = connection.execute(select(review_case).where(review_case.c.id == case)).first()
    if row is None:
        raise FixTheDeclaration(f"No case {case}: hub review list shows them.")
    return dict(row._mapping)  # noqa: SLF001 - public name


def decide(hub: Hub, case: int, *, verdict: str, author: str, reason: str | None, now: datetime) -> None:
    """Keep a person's decision about a pair, close the case, and have both records matched again."""
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile", shared=True)  # a run under way would take the pair for matched
        row = connection.execute(
            select(review_case).where(review_case.c.id == case, review_case.c.closed_at.is_(None)).with_for_update()
        ).first()
        if row is None:
            raise FixTheDeclaration(f"No open case {case}: hub review list shows them.")
        pair = {"record_a": row.record_a, "record_b": row.record_b}
        connection.execute(
            update(decision)
            .where(
                decision.c.record_a == row.record_a,
                decision.c.record_b == row.record_b,
                decision.c.superseded_at.is_(None),
            )
            .values(superseded_at=now)
        )
        connection.execute(
            insert(decision).values(**pair, verdict=verdict, reason=reason, author=author, decided_at=now)
        )
        connection.execute(update(review_case).where(review_case.c.id == case).values(closed_at=now, closed_by=author))
        connection.execute(text("update source_record set to_match = true where id in (:record_a, :record_b)"), pair)
