"""The suites' Data Docs: what each flow's past deliveries measured, handed to the pages. Measures only leave the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.web.french import PARIS, state_name
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.opening import Hub
    from quality.docs import PastDelivery


def write_suite_docs(hub: Hub, out: Path, *, flow: str | None = None, latest: int = 30) -> int:
    """Write the Data Docs of a flow, or of every incoming one, under ``out``; returns the number of pages."""
    from quality.docs import Documented, write_docs  # noqa: PLC0415 - Great Expectations takes two seconds to import

    chosen = [hub.flow(flow)] if flow else [each for each in hub.flows.values() if each.direction == "in"]
    with hub.engine.connect() as connection:
        documented = [
            Documented(
                label=each.label, quality=hub.qualities[each.flow], deliveries=list(_past(connection, each.flow, latest))
            )
            for each in chosen
        ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    return write_docs(documented, out)


def _past(connection: Connection, flow: str, latest: int) -> Iterator[PastDelivery]:
    from quality.docs import PastDelivery  # noqa: PLC0415

    shown = (delivery.c.id, delivery.c.kind, delivery.c.state, delivery.c.received_at, delivery.c.profile["measures"])
    judged = select(*shown).where(delivery.c.flow == flow, delivery.c.profile["measures"].is_not(None))
    for number, kind, state, received_at, measures in connection.execute(
        judged.order_by(delivery.c.id.desc()).limit(latest)
    ):
        yield PastDelivery(
            id=number, kind=kind, state=state_name(state), received_at=received_at.astimezone(PARIS), measures=measures
        )
