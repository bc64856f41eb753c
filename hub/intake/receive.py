"""Receive: look for deliveries, store them as they came, open their ledger line."""

from __future__ import annotations

import io
import re
import shutil
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sqlalchemy import select, tuple_

from connectors.base import Arrival
from hub.intake.ledger import close_refused, open_line
from hub.monitoring.oversight import alarm_delivery
from hub.monitoring.telemetry import Traced, received
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from connectors.base import Connector
    from connectors.declaration import Flow
    from hub.opening import Hub

LONGEST_MANIFEST = 4096
SHA256 = re.compile(r"\s*[0-9a-fA-F]{64}\b")
OTHER_BYTES = (
    "Les octets reçus ne sont pas ceux qu'annonce le fichier d'empreinte : envoi incomplet ou modifié. "
    "Rien n'est appliqué : demander un nouvel envoi."
)
UNREADABLE_MANIFEST = (
    "Le fichier d'empreinte ne commence pas par un SHA-256. Rien n'est appliqué : demander un nouvel envoi."
)
ENDINGS = frozenset({".xml", ".csv", ".json", ".jsonl", ".xlsx", ".zip", ".gz"})


def receive_arrivals(hub: Hub, flow: Flow, *, now: datetime) -> list[int]:
    """Take every complete file that was not taken yet; returns the ids of their deliveries."""
    with hub.connect(flow) as connector:
        return take_arrivals(hub, flow, connector, connector.arrivals(), now=now)


def take_arrivals(hub: Hub, flow: Flow, connector: Connector, arrivals: list[Arrival], *, now: datetime) -> list[int]:
    """Take those of these files that were not taken yet; returns the ids of their deliveries."""
    taken = [
        _take(
            hub,
            flow,
            arrival=arrival,
            fetch=partial(connector.fetch, arrival),
            announced=_announced(connector, arrival),
            watched=True,
            now=now,
        )
        for arrival in unseen(hub, flow, arrivals)
    ]
    return [number for number in taken if number is not None]


def _announced(connector: Connector, arrival: Arrival) -> str | None:
    """The SHA-256 the partner's manifest says the file has; an empty text when it says none."""
    if arrival.manifest is None:
        return None
    said = io.BytesIO()
    if arrival.manifest.size <= LONGEST_MANIFEST:
        connector.fetch(arrival.manifest, said)
    found = SHA256.match(said.getvalue().decode("ascii", "replace"))
    return found[0].lower() if found else ""


def receive_file(hub: Hub, flow: Flow, path: Path, *, now: datetime) -> int:
    """Take a file given by hand as if it had just arrived."""
    if not path.is_file():
        raise FixTheDeclaration(f"There is no file {path.name} to receive.")
    if not path.name.isprintable():
        raise FixTheDeclaration("The name of this file holds characters that cannot be shown: rename it.")
    stat = path.stat()
    arrival = Arrival(name=path.name, size=stat.st_size, modified_at=datetime.fromtimestamp(stat.st_mtime, tz=UTC))

    def fetch(sink: IO[bytes]) -> None:
        with path.open("rb") as source:
            shutil.copyfileobj(source, sink, 1 << 20)

    number = _take(hub, flow, arrival=arrival, fetch=fetch, now=now)
    assert number is not None
    return number


def unseen(hub: Hub, flow: Flow, arrivals: list[Arrival]) -> list[Arrival]:
    """Leave out the files already taken: same name, size and date on the partner's side."""
    if not arrivals:
        return []
    with hub.engine.connect() as connection:
        return _unseen(hub, connection, flow, arrivals)


def _unseen(hub: Hub, connection: Connection, flow: Flow, arrivals: list[Arrival]) -> list[Arrival]:
    seen_columns = tuple_(delivery.c.name, delivery.c.size, delivery.c.arrived_at)
    asked = [(name_kept(hub, flow, arrival.name), arrival.size, arrival.modified_at) for arrival in arrivals]
    rows = connection.execute(
        select(delivery.c.name, delivery.c.size, delivery.c.arrived_at).where(
            delivery.c.flow == flow.flow, seen_columns.in_(asked)
        )
    )
    seen = {tuple(row) for row in rows}
    return [arrival for arrival, key in zip(arrivals, asked, strict=True) if key not in seen]


def name_kept(hub: Hub, flow: Flow, name: str) -> str:
    """The name a delivery is kept and shown under: its own where the flow's convention is followed, else a mark of it.

    People name files after people. The mark is the same each time, so that names can still be compared.
    """
    if flow.named and re.fullmatch(flow.named, name):
        return name
    ending = Path(name).suffix.lower()
    mark = hub.vault.hash("file name", name.encode()).hex()[:12]
    return f"hors-convention-{mark}{ending if ending in ENDINGS else ''}"


def _take(
    hub: Hub,
    flow: Flow,
    *,
    arrival: Arrival,
    fetch: Callable[[IO[bytes]], None],
    now: datetime,
    announced: str | None = None,
    watched: bool = False,
) -> int | None:
    """Store one file and open its line; None for a ``watched`` one that another run took while it was being fetched."""
    began = time.time_ns()
    stored, name = hub.raw.put(fetch), name_kept(hub, flow, arrival.name)
    with hub.engine.begin() as connection:
        take_lock(connection, f"flow:{flow.flow}")
        if watched and not _unseen(hub, connection, flow, [arrival]):
            return None
        number = open_line(connection, flow, name=name, stored=stored, arrived_at=arrival.modified_at, now=now)
        if announced is not None and announced != stored.sha256:
            reason = OTHER_BYTES if announced else UNREADABLE_MANIFEST
            close_refused(connection, number, reason=reason, now=now)
        alarm_delivery(connection, number, now=now)
    received(Traced(id=number, flow=flow.flow, sha256=stored.sha256), began_ns=began)
    return number
