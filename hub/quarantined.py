"""Quarantine: the records that were refused, why, and what to correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from schemas.errors import FixTheDeclaration
from schemas.tables import delivery, quarantine

if TYPE_CHECKING:
    from datetime import datetime

    from hub.opening import Hub

SHOWN = (quarantine.c.id, delivery.c.flow, quarantine.c.delivery_id, quarantine.c.record, quarantine.c.unit,
         quarantine.c.field, quarantine.c.rule, quarantine.c.hint, quarantine.c.state, quarantine.c.opened_at)  # fmt: skip


def quarantined(hub: Hub, *, flow: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """The open records, latest delivery first; no value of a person."""
    chosen = (
        select(*SHOWN)
        .join(delivery, delivery.c.id == quarantine.c.delivery_id)
        .where(quarantine.c.state == "open")
        .order_by(quarantine.c.delivery_id.desc(), quarantine.c.record)
        .limit(limit)
    )
    if flow:
        chosen = chosen.where(delivery.c.flow == hub.flow(flow).flow)
    with hub.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(chosen)]  # noqa: SLF001 - public name


def show(hub: Hub, number: int) -> dict[str, Any]:
    """One record: where it stood, why it was refused, and the names of the fields that were read."""
    with hub.engine.connect() as connection:
        row = connection.execute(
            select(*SHOWN, quarantine.c.block_encrypted)
            .join(delivery, delivery.c.id == quarantine.c.delivery_id)
            .where(quarantine.c.id == number)
        ).first()
    if row is None:
        raise FixTheDeclaration(f"No record {number} in quarantine: hub quarantine list shows them.")
    document = dict(row._mapping)  # noqa: SLF001 - public name
    return document | {"fields_read": _fields(hub, document.pop("block_encrypted"))}


def _fields(hub: Hub, block: bytes | None) -> list[str]:
    if block is None:
        return []
    try:
        read = orjson.loads(hub.vault.decrypt(block))
    except orjson.JSONDecodeError:  # a line that could not be cut into fields
        return []
    return sorted(read) if isinstance(read, dict) else []


def drop(hub: Hub, number: int, *, reason: str, now: datetime) -> None:
    """Close a record for good; raises ``FixTheDeclaration`` when it is not open."""
    with hub.engine.begin() as connection:
        closed = connection.execute(
            update(quarantine)
            .where(quarantine.c.id == number, quarantine.c.state == "open")
            .values(state="dropped", state_reason=reason, closed_at=now)
        ).rowcount
    if not closed:
        raise FixTheDeclaration(f"No open record {number} in quarantine: hub quarantine list shows them.")
