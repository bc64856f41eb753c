"""Deliver: a partner's waiting messages reach it, by sync file or by API; the database first, the network after."""

from __future__ import annotations

import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text, update

from connectors.france_travail import FranceTravail, Outcome, Query
from hub import outbox
from hub.outbox import Failure
from hub.sharing.sync_file import open_sync_file, read_sync_file, undeposited
from hub.store import take_lock
from mappings.engine import render_body
from schemas.tables import sync_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

    from connectors.base import Connector
    from connectors.declaration import Flow
    from hub.sharing.sync_file import Deposit
    from hub.vault import Vault
    from mappings.declaration import OutMapping

BATCH = 100
AT_ONCE = 8
NOTHING_TO_SEND = (
    "Rien que l'API de Pôle emploi puisse recevoir : ni décision d'orientation, ni premier rendez-vous complet."
)

# With what France Travail is asked about a person: the best of the records held for it. An approximate birth date
# is not one it can be asked with.
KEYS = """
select distinct on (l.person_id) l.person_id, i.france_travail_number,
       case when i.birth_date_precision = 'day' then i.birth_date::text end as birth_date,
       case when i.nir_hash is not null then v.nir_encrypted end as nir_encrypted
from link l
join source_identity i on i.source_record_id = l.source_record_id
join source_record r on r.id = i.source_record_id and r.left_on is null
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.superseded_at is null and l.person_id = any(:persons)
order by l.person_id, (i.nir_hash is not null and i.birth_date_precision = 'day') desc, (i.france_travail_number is not null) desc, r.id
"""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Messages that left, and what is already known of them."""

    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    retried: int = 0
    nothing_to_send: int = 0


def deliver_files(
    engine: Engine, flow: Flow, mapping: OutMapping, connector: Connector, *, kind: str, clock: Callable[[], datetime]
) -> Delivered:
    """Deposit what waits as one sync file, after the files an interrupted run left behind; two runs take turns."""
    sent = 0
    with engine.begin() as turn:
        take_lock(turn, f"deposit:{flow.partner}")
        with engine.begin() as connection:
            earlier = undeposited(connection, flow.partner)
        for number in earlier:
            with engine.begin() as connection:
                deposit = read_sync_file(connection, flow, mapping, number)
            sent += _deposit(engine, connector, deposit, clock())
        with engine.begin() as connection:
            opened = open_sync_file(connection, flow, mapping, kind=kind, now=clock())
        if opened is not None:
            sent += _deposit(engine, connector, opened, clock())
    return Delivered(sent=sent)


def _deposit(engine: Engine, connector: Connector, deposit: Deposit, now: datetime) -> int:
    for name, content in deposit.files:
        connector.deposit(name, io.BytesIO(content))
    with engine.begin() as connection:
        connection.execute(update(sync_file).where(sync_file.c.id == deposit.number).values(deposited_at=now))
        connection.execute(
            text("update message set state = 'sent', sent_at = :now where sync_file_id = :file and state = 'pending'"),
            {"now": now, "file": deposit.number},
        )
    return deposit.records


def deliver_api(
    engine: Engine,
    flow: Flow,
    mapping: OutMapping,
    *,
    client: FranceTravail,
    vault: Vault,
    clock: Callable[[], datetime],
) -> Delivered:
    """Write what waits through France Travail's API; its reply is the acknowledgement, message by message.

    A batch stays claimed while it is sent: killed in between, it is sent again with the same idempotency keys. When
    nobody in a batch gets an answer the others are left for the next run: an outage must not use up their patience.
    """
    total: Counter[str] = Counter()
    while True:
        with engine.begin() as connection:
            batch = outbox.claim(connection, flow.partner, limit=BATCH, now=clock())
            if not batch:
                return Delivered(**total)
            queries = _queries(connection, batch, vault)
            outcomes = _send_all(client, mapping, batch, queries)
            _settle(connection, flow.partner, batch, outcomes, total=total, now=clock())
        if all(outcome is not None and outcome.retry for outcome in outcomes):
            return Delivered(**total)


def _send_all(
    client: FranceTravail, mapping: OutMapping, batch: Sequence[Any], queries: dict[Any, Query]
) -> list[Outcome | None]:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="share") as pool:
        return list(pool.map(lambda row: _send(client, mapping, row, queries.get(row.person_id)), batch))


def _queries(connection: Connection, batch: Sequence[Any], vault: Vault) -> dict[Any, Query]:
    rows = connection.execute(text(KEYS), {"persons": [row.person_id for row in batch]})
    return {
        row.person_id: Query(
            key=str(row.person_id), nir=vault.decrypt(row.nir_encrypted).decode() if row.nir_encrypted else None,
            birth_date=row.birth_date, france_travail_number=row.france_travail_number,
        )
        for row in rows
    }  # fmt: skip


def _send(client: FranceTravail, mapping: OutMapping, row: Row[Any], query: Query | None) -> Outcome | None:
    """The outcome of the bodies this message makes; None when it makes none."""
    if query is None:
        return Outcome(accepted=False, retry=False, code="NO_IDENTIFIER", message_fr="Personne introuvable.")
    fields, outcome = row.payload["fields"], None
    calls = {"decisionOrientation": client.decide_orientation, "rendez-vous": client.book_first_appointment}
    for name, write in calls.items():
        body = render_body(mapping, name, fields)
        if body is not None:
            outcome = write(query, body, message_id=f"{row.id}:{name}")
            if not outcome.accepted:
                return outcome
    return outcome


def _settle(
    connection: Connection, partner: str, batch: Sequence[Any], outcomes: Sequence[Outcome | None], *,
    total: Counter[str], now: datetime,
) -> None:  # fmt: skip
    failures: list[Failure] = []
    answers: list[tuple[Any, bool, str | None]] = []
    empty = []
    for row, outcome in zip(batch, outcomes, strict=True):
        if outcome is None:
            empty.append(row.id)
        elif outcome.retry:
            failures.append(
                Failure(message=row.id, attempts=row.attempts, reason=outcome.message_fr, after=outcome.retry_after)
            )
        else:
            reason = None if outcome.accepted else f"{outcome.code} : {outcome.message_fr}"
            answers.append((row.id, outcome.accepted, reason))
            total["acknowledged" if outcome.accepted else "rejected"] += 1
    total.update({"sent": len(answers), "retried": len(failures), "nothing_to_send": len(empty)})
    outbox.mark_answered(connection, partner, answers, now=now)
    outbox.retry_later(connection, failures, now=now)
    outbox.mark_nothing_to_send(connection, empty, reason=NOTHING_TO_SEND)
