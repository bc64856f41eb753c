"""Receive: look for deliveries, store them as they came, open their ledger line."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from functools import partial
from typing import IO, TYPE_CHECKING

from sqlalchemy import select, tuple_

from connectors.base import Arrival
from hub.ledger import open_line
from hub.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connectors.declaration import Flow
    from hub.opening import Hub


def receive_arrivals(hub: Hub, flow: Flow, *, now: datetime) -> list[int]:
    """Take every complete file that was not taken yet; returns the ids of their deliveries."""
    with hub.connect(flow) as connector:
        return [
            _take(hub, flow, arrival=arrival, fetch=partial(connector.fetch, arrival), now=now)
            for arrival in unseen(hub, flow, connector.arrivals())
        ]


def receive_file(hub: Hub, flow: Flow, path: Path, *, now: datetime) -> int:
    """Take a file given by hand as if it had just arrived."""
    if not path.is_file():
        raise FixTheDeclaration(f"There is no file {path.name} to receive.")
    stat = path.stat()
    arrival = Arrival(name=path.name, size=stat.st_size, modified_at=datetime.fromtimestamp(stat.st_mtime, tz=UTC))

    def fetch(sink: IO[bytes]) -> None:
        with path.open("rb") as source:
            shutil.copyfileobj(source, sink, 1 << 20)

    return _take(hub, flow, arrival=arrival, fetch=fetch, now=now)


def unseen(hub: Hub, flow: Flow, arrivals: list[Arrival]) -> list[Arrival]:
    """Leave out the files already taken: same name, size and date on the partner's side."""
    if not arrivals:
        return []
    seen_columns = tuple_(delivery.c.name, delivery.c.size, delivery.c.arrived_at)
    asked = [(arrival.name, arrival.size, arrival.modified_at) for arrival in arrivals]
    with hub.engine.connect() as connection:
        rows = connection.execute(
            select(delivery.c.name, delivery.c.size, delivery.c.arrived_at).where(
                delivery.c.flow == flow.flow, seen_columns.in_(asked)
            )
        )
        seen = {tuple(row) for row in rows}
    return [arrival for arrival, key in zip(arrivals, asked, strict=True) if key not in seen]


def _take(hub: Hub, flow: Flow, *, arrival: Arrival, fetch: Callable[[IO[bytes]], None], now: datetime) -> int:
    stored = hub.raw.put(fetch)
    with hub.engine.begin() as connection:
        take_lock(connection, f"flow:{flow.flow}")
        return open_line(connection, flow, name=arrival.name, stored=stored, arrived_at=arrival.modified_at, now=now)
