"""One delivery, as an operator reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from schemas.errors import FixTheDeclaration
from schemas.tables import delivery

if TYPE_CHECKING:
    from hub.opening import Hub

SHOWN = (
    "id", "flow", "partner", "name", "state", "reason", "kind", "reference_date", "arrived_at", "received_at", "closed_at", "size",
    "units", "control_total", "received", "applied", "unchanged", "superseded", "quarantined", "refused", "entered", "left",
    "released_by", "closed_by",
)  # fmt: skip


def show(hub: Hub, number: int) -> dict[str, Any]:
    """Its ledger line, the suite's measures and findings; raises ``FixTheDeclaration`` when there is no such delivery."""
    with hub.engine.connect() as connection:
        row = connection.execute(select(delivery).where(delivery.c.id == number)).first()
    if row is None:
        raise FixTheDeclaration(f"There is no delivery {number}: hub ledger shows them.")
    given = row._mapping  # noqa: SLF001 - public name
    measures = (row.profile or {}).get("measures", {})
    return {name: given[name] for name in SHOWN} | {"measures": measures, "findings": row.findings or []}
