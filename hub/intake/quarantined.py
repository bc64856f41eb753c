"""Quarantine: the records that were refused, why, and what to correct."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from schemas.errors import FixTheDeclaration
from schemas.tables import delivery as came_in
from schemas.tables import quarantine

if TYPE_CHECKING:
    from datetime import datetime

    from hub.opening import Hub

SHOWN = (quarantine.c.id, came_in.c.flow, quarantine.c.delivery_id, quarantine.c.record, quarantine.c.unit,
         quarantine.c.field, quarantine.c.rule, quarantine.c.hint, quarantine.c.state, quarantine.c.opened_at)  # fmt: skip


def reference_of(delivery_id: int, record: int) -> str:
    """How a record in quarantine is named in a ticket: its delivery and its number there, and nothing of the person."""
    return f"L{delivery_id}-E{record}"


def number_of(hub: Hub, reference: str) -> int:
    """The id of a record given by reference or id; raises ``FixTheDeclaration`` when there is none."""
    match = re.fullmatch(r"L(\d+)-E(\d+)|(\d+)", reference.strip())
    if match is None:
        raise FixTheDeclaration(f"{reference!r} is neither a reference like L12-E345 nor an id.")
    delivery_id, record, number = match.groups()
    asked = select(quarantine.c.id)
    if number:
        asked = asked.where(quarantine.c.id == int(number))
    else:
        asked = asked.where(quarantine.c.delivery_id == int(delivery_id), quarantine.c.record == int(record))
    with hub.engine.connect() as connection:
        found = connection.execute(asked).scalar()
    if found is None:
        raise FixTheDeclaration(f"No record {reference} in quarantine: hub quarantine list shows them.")
    return int(found)


def quarantined(
    hub: Hub, *, flow: str | None = None, delivery: int | None = None, rule: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The open records, latest delivery first; no value of a person."""
    chosen = (
        select(*SHOWN)
        .join(came_in, came_in.c.id == quarantine.c.delivery_id)
        .where(quarantine.c.state == "open")
        .order_by(quarantine.c.delivery_id.desc(), quarantine.c.record)
        .limit(limit)
    )
    if flow:
        chosen = chosen.where(came_in.c.flow == hub.flow(flow).flow)
    if delivery:
        chosen = chosen.where(quarantine.c.delivery_id == delivery)
    if rule:
        chosen = chosen.where(quarantine.c.rule == rule)
    with hub.engine.connect() as connection:
        return [_shown(row) for row in connection.execute(chosen)]


def _shown(row: Any) -> dict[str, Any]:
    return {"reference": reference_of(row.delivery_id, row.record), **row._mapping}  # noqa: SLF001 - public name


def show(hub: Hub, reference: str) -> dict[str, Any]:
    """One record: where it stood, why it was refused, and the names of the fields that were read."""
    number = number_of(hub, reference)
    with hub.engine.connect() as connection:
        row = connection.execute(
            select(*SHOWN, quarantine.c.block_encrypted)
            .join(came_in, came_in.c.id == quarantine.c.delivery_id)
            .where(quarantine.c.id == number)
        ).one()
    document = _shown(row)
    known = hub.in_mapping(row.flow).columns
    return document | {"fields_read": [name for name in _fields(hub, document.pop("block_encrypted")) if name in known]}


def _fields(hub: Hub, block: bytes | None) -> list[str]:
    if block is None:
        return []
    try:
        read = orjson.loads(hub.vault.decrypt(block))
    except orjson.JSONDecodeError:  # a line that could not be cut into fields
        return []
    return sorted(read) if isinstance(read, dict) else []


def drop(hub: Hub, reference: str, *, reason: str, now: datetime) -> None:
    """Close a record for good; raises ``FixTheDeclaration`` when it is not open."""
    number = number_of(hub, reference)
    with hub.engine.begin() as connection:
        closed = connection.execute(
            update(quarantine)
            .where(quarantine.c.id == number, quarantine.c.state == "open")
            .values(state="dropped", state_reason=reason, closed_at=now)
        ).rowcount
    if not closed:
        raise FixTheDeclaration(f"No open record {reference} in quarantine: hub quarantine list shows them.")
