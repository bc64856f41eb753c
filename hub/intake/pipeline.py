"""What happens, in what order: receive, normalise, check, reconcile, share.

Commands and DAG tasks call these functions and nothing else. Each is restartable: killed anywhere and run again, it
ends where it would have ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from hub import telemetry
from hub.intake.apply import apply
from hub.intake.judging import the_judge
from hub.intake.ledger import Line, lines
from hub.intake.normalise import normalise
from hub.intake.receive import receive_arrivals, receive_file
from hub.logs import log
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from connectors.declaration import Flow
    from hub.opening import Hub


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a long step tells where it is; silent unless somebody listens."""

    delivery: Callable[[str], None] = lambda _name: None
    records: Callable[[int], None] = lambda _number: None


SILENT = Progress()


def receive(hub: Hub, flow: Flow, *, clock: Callable[[], datetime], progress: Progress = SILENT) -> list[Line]:
    """Take what has arrived for a flow and bring it to the current state of what its partner says."""
    taken = fetch(hub, flow, clock=clock)
    return settle(hub, sorted({*taken, *unfinished(hub, flow)}), clock=clock, progress=progress)


def receive_path(
    hub: Hub, flow: Flow, path: Path, *, clock: Callable[[], datetime], progress: Progress = SILENT
) -> list[Line]:
    """The same for a file given by hand."""
    the_judge()  # it loads while the file is stored
    return settle(hub, [receive_file(hub, flow, path, now=clock())], clock=clock, progress=progress)


def fetch(hub: Hub, flow: Flow, *, clock: Callable[[], datetime]) -> list[int]:
    """Store what the partner has for us; returns the ids of the deliveries."""
    if flow.protocol == "api":
        from hub.intake.pull import pull  # noqa: PLC0415 - only where there is an API to ask

        return pull(hub, flow, now=clock(), clock=clock)
    return receive_arrivals(hub, flow, now=clock())


def unfinished(hub: Hub, flow: Flow) -> list[int]:
    """Deliveries stored but not settled: a run was interrupted."""
    with hub.engine.connect() as connection:
        return list(
            connection.scalars(
                select(delivery.c.id).where(delivery.c.flow == flow.flow, delivery.c.state == "received")
            )
        )


def settle(
    hub: Hub, delivery_ids: Sequence[int], *, clock: Callable[[], datetime], progress: Progress = SILENT
) -> list[Line]:
    """Normalise and check each delivery, then apply them in the order their partner meant."""
    prepare(hub, delivery_ids, clock=clock, progress=progress)
    return finish(hub, delivery_ids, clock=clock)


def prepare(
    hub: Hub, delivery_ids: Sequence[int], *, clock: Callable[[], datetime], progress: Progress = SILENT
) -> None:
    """Normalise and check: the records of each delivery wait to be applied, or the delivery is refused or held."""
    for delivery_id in delivery_ids:
        progress.delivery(str(delivery_id))
        with telemetry.step("normalise", telemetry.deliveries(hub.engine, [delivery_id])):
            normalise(hub, delivery_id, now=clock(), progress=progress.records)


def finish(hub: Hub, delivery_ids: Sequence[int], *, clock: Callable[[], datetime]) -> list[Line]:
    """Apply prepared deliveries, oldest word first; returns their ledger lines."""
    with hub.engine.connect() as connection:
        ordered = connection.execute(
            select(delivery.c.id)
            .where(delivery.c.id.in_(delivery_ids), delivery.c.state == "received")
            .order_by(delivery.c.order_key, delivery.c.id)
        ).scalars()
        waiting = list(ordered)
    for delivery_id in waiting:
        with telemetry.step("apply", telemetry.deliveries(hub.engine, [delivery_id])):
            while not apply(hub, delivery_id, now=clock()):
                normalise(hub, delivery_id, now=clock())
    with hub.engine.connect() as connection:
        settled = lines(connection, delivery_ids)
    for line in settled:
        log().info(
            "delivery settled", delivery=line.id, flow=line.flow, state=line.state, received=line.received,
            applied=line.applied, unchanged=line.unchanged, quarantined=line.quarantined, refused=line.refused,
        )  # fmt: skip
    return settled
