"""Normalise and check: from stored bytes to staged records, refused ones in quarantine, the delivery judged whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import select

from connectors.base import Reading
from connectors.control import check_header
from connectors.opening import open_reader
from connectors.readers.sieve import Recall
from hub.days import day_of
from hub.intake.conclude import Concluded, Seen, conclude, known_of
from hub.intake.judging import the_judge
from hub.intake.ledger import close_refused, count_waiting
from hub.intake.remembered import Memory, fingerprint
from hub.intake.staging import Staging
from hub.intake.unsealed import unsealed
from hub.monitoring.oversight import alarm_delivery
from hub.sharing.needed import needed
from hub.storage.store import take_lock
from mappings.engine import normalise as apply_mapping
from quality.check import check
from quality.profile import Profile, shapes_of
from schemas.errors import FixTheDelivery
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from connectors.base import Chunk, Reader
    from hub.opening import Hub
    from mappings.declaration import InMapping


@dataclass(kw_only=True)
class Chunked:
    """What a chunk came to: records that passed, and those refused with their rule."""

    mapped: pd.DataFrame
    good: pd.DataFrame
    rejects: pd.DataFrame


def normalise(hub: Hub, delivery_id: int, *, now: datetime, progress: Callable[[int], None] | None = None) -> str:
    """Read, map and check one delivery; returns its state: still ``received``, or ``refused``, or ``held``.

    One transaction: killed anywhere, nothing is staged, and running it again starts from the stored bytes. What is staged
    whole and judged is left as it is.
    """
    with hub.engine.begin() as connection:
        return normalise_in(hub, connection, delivery_id, now=now, progress=progress)


def normalise_in(
    hub: Hub,
    connection: Connection,
    delivery_id: int,
    *,
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> str:
    """The same in the caller's transaction."""
    take_lock(connection, f"delivery:{delivery_id}")
    row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
    if row.state != "received":
        return str(row.state)
    if row.received is not None and row.received == count_waiting(connection, delivery_id):
        return "received"
    flow = hub.flow(row.flow)
    judge = the_judge()
    staging = staging_of(hub, connection, row, now=now)
    staging.clear()
    memory = Memory(connection=connection, flow=row.flow, delivery_id=delivery_id, kept=staging.kept)
    seen = Seen(_empty_profile(hub.in_mapping(row.flow)))
    reading = Reading()
    try:
        with unsealed(hub, row.flow, row.sha256) as stream:
            reader = open_delivery(hub, row.flow, stream, memory=memory)
            reading = reader.reading
            for chunk in reader.chunks():
                check_header(flow, reading.header, today=day_of(now))
                _take_chunk(hub, staging, chunk=chunk, reading=reading, row=row, seen=seen, memory=memory)
                if progress:
                    progress(reading.records)
            check_header(flow, reading.header, today=day_of(now))
        seen.profile.add(memory.stage(records=reading.remembered), rejected=0)
    except FixTheDelivery as error:
        close_refused(connection, delivery_id, reason=str(error), now=now, **known_of(flow, reading, row))
        alarm_delivery(connection, delivery_id, now=now)
        return "refused"
    read = Concluded(flow=flow, reading=reading, row=row, seen=seen)
    state = conclude(hub, connection, read, judge=judge, now=now)
    if state != "received":
        alarm_delivery(connection, delivery_id, now=now)
    return state


def _empty_profile(mapping: InMapping) -> Profile:
    return Profile(paths=list(mapping.fields), coded=mapping.coded)


def staging_of(hub: Hub, connection: Connection, row: Row[Any], *, now: datetime) -> Staging:
    """Where the records of a delivery wait, without the fields nobody may keep."""
    kept = needed(hub.in_mapping(row.flow), hub.agreements.values(), today=day_of(now))
    return Staging(connection=connection, vault=hub.vault, flow=row.flow, delivery_id=row.id, now=now, kept=kept)


def open_delivery(hub: Hub, flow: str, stream: Any, *, memory: Memory | None = None) -> Reader:
    """The reader of a flow on stored bytes; with ``memory``, units whose bytes were read before are not read again."""
    mapping = hub.in_mapping(flow)
    recall = None
    if memory:
        digest = hub.vault.fingerprinter("unit", of=fingerprint(hub, flow, memory.kept))
        recall = Recall(digest=digest, known=memory.known)
    return open_reader(
        hub.flow(flow), stream, mapping.columns, ignored=mapping.ignored, chunk=hub.settings.chunk, recall=recall
    )


def map_and_check(hub: Hub, chunk: Chunk, reading: Reading, row: Row[Any], *, counted: Seen | None = None) -> Chunked:
    """Map a chunk of a delivery to the common record and give each record its verdict."""
    context = reading.header | {"#delivery_date": row.arrived_at.date().isoformat()}
    mapped = apply_mapping(hub.in_mapping(row.flow), chunk.frame, context)
    refused = check(hub.qualities[row.flow], mapped.frame, today=context["#delivery_date"])
    rejects = pd.concat([mapped.rejects, refused], ignore_index=True)
    if counted:
        counted.repairs.update(mapped.repairs)
        counted.unknown_codes.update({f"{codes}:{code}": n for (codes, code), n in mapped.unknown_codes.items()})
    good = mapped.frame[~mapped.frame.index.isin(rejects["record"])]
    return Chunked(mapped=mapped.frame, good=good, rejects=rejects)


def _take_chunk(
    hub: Hub, staging: Staging, *, chunk: Chunk, reading: Reading, row: Row[Any], seen: Seen, memory: Memory
) -> None:
    refused = len(chunk.rejected)
    if len(chunk.frame):
        done = map_and_check(hub, chunk, reading, row, counted=seen)
        shapes = shapes_of(done.good, seen.profile.coded)
        staging.stage(done.good, shapes, chunk.digests)
        staging.quarantine(chunk, done.mapped, done.rejects)
        refused += done.rejects["record"].nunique()
        seen.profile.add(Counter(shapes), rejected=refused)
    else:
        staging.unread(chunk)
        seen.profile.add(Counter(), rejected=refused)
    if chunk.known:
        memory.set_aside(chunk.known)
