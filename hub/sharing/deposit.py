"""Deposit: what waits for a partner reaches it as sync files; the database first, the network after."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sqlalchemy import text, update

from hub.monitoring.logs import log, log_message
from hub.sharing.deliver import Delivered
from hub.sharing.sync_file import open_sync_file, read_sync_file, undeposited
from hub.storage.store import take_lock
from schemas.tables import sync_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from connectors.base import Connector
    from connectors.declaration import Flow
    from hub.sharing.switches import Gate
    from hub.sharing.sync_file import Deposit
    from mappings.declaration import OutMapping


LEFT = """
update message set state = 'sent', sent_at = :now where sync_file_id = :file and state = 'pending' returning id
"""


def deliver_files(
    engine: Engine,
    flow: Flow,
    mapping: OutMapping,
    connector: Connector,
    *,
    kind: str,
    clock: Callable[[], datetime],
    gate: Gate,
) -> Delivered:
    """Deposit what waits as sync files, after those an interrupted run left behind; two runs take turns.

    Raises ``NotNow`` when the partner is switched off: a file whose manifest is not there does not count as deposited.
    """
    sent = 0
    with engine.begin() as turn:
        take_lock(turn, f"deposit:{flow.partner}")
        with engine.begin() as connection:
            earlier = undeposited(connection, flow.partner)
        for number in earlier:
            with engine.begin() as connection:
                deposit = read_sync_file(connection, flow, mapping, number)
            sent += _deposit(engine, flow.partner, connector, deposit, now=clock(), gate=gate)
        while True:
            gate.may_send()
            with engine.begin() as connection:
                opened = open_sync_file(connection, flow, mapping, kind=kind, now=clock())
            if opened is None:
                return Delivered(sent=sent)
            sent += _deposit(engine, flow.partner, connector, opened, now=clock(), gate=gate)


def _deposit(engine: Engine, partner: str, connector: Connector, deposit: Deposit, *, now: datetime, gate: Gate) -> int:
    for name, content in deposit.files:
        connector.deposit(name, gate.watched(io.BytesIO(content)))
    with engine.begin() as connection:
        connection.execute(update(sync_file).where(sync_file.c.id == deposit.number).values(deposited_at=now))
        left = connection.execute(text(LEFT), {"now": now, "file": deposit.number}).scalars().all()
    log().info("sync file deposited", partner=partner, sequence=deposit.sequence, messages=deposit.records)
    for message in left:
        log_message("share", partner=partner, message=message, fate="sent", sequence=deposit.sequence)
    return deposit.records
