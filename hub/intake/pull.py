"""Pull: ask Pôle emploi about the people its partners follow; the answers are one delivery, stored as received."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from connectors.france_travail import Agent, FranceTravail, Patience, Query
from hub.dossiers.protections import SILENT
from hub.intake.ledger import open_line
from hub.intake.providers import StoredTokens
from hub.monitoring.oversight import alarm_delivery
from hub.monitoring.telemetry import Traced, received
from hub.sharing.budget import SharedBudget
from hub.storage.store import take_lock
from schemas.tables import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from connectors.declaration import Flow
    from hub.opening import Hub
    from hub.sharing.switches import Gate

# One question per person, put with the best of its records: a usable number first, the CAF's before the others'.
# Nobody is asked about who objected, or of whom nothing may leave for another reason. Nobody is asked about twice within the flow's freshness, unless what we would ask with has changed since.
WORK_LIST = """
select distinct on (l.person_id) r.id, i.birth_date::text as birth_date, v.nir_encrypted,
       i.nir_hash is not null as has_nir, i.france_travail_number
from link l
join source_record r on r.id = l.source_record_id and r.left_on is null
join source_identity i on i.source_record_id = r.id
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.superseded_at is null and r.partner <> :partner
  and i.birth_date_precision = 'day'
  and (i.nir_hash is not null or i.france_travail_number is not null)
  and not exists (
    select from asked a join link al on al.source_record_id = a.source_record_id and al.superseded_at is null
    where a.flow = :flow and al.person_id = l.person_id and a.asked_at > greatest(:stale, r.updated_at)
  )
  and not exists (
    select from protection p
    join protection_record c on c.protection_id = p.id
    join link pl on pl.source_record_id = c.source_record_id and pl.superseded_at is null
    where p.closed_at is null and (p.until is null or p.until > :now) and p.kind = any(:silent) and pl.person_id = l.person_id
  )
order by l.person_id, (i.nir_hash is not null) desc, (r.partner = 'caf') desc, r.id
"""


def pull(hub: Hub, flow: Flow, *, now: datetime, clock: Callable[[], datetime]) -> list[int]:
    """Ask about everybody whose answer is missing or stale; returns the delivery's id, or nothing to receive."""
    with hub.engine.connect() as connection:
        people = connection.execute(text(WORK_LIST), _limits(flow, now)).all()
    if not people:
        return []
    codes: dict[int, str] = {}
    began = time.time_ns()
    stored = hub.raw.put(lambda sink: _write_answers(hub, flow, people=people, sink=sink, codes=codes, clock=clock))
    with hub.engine.begin() as connection:
        take_lock(connection, f"flow:{flow.flow}")
        rows = [
            {"flow": flow.flow, "source_record_id": record, "asked_at": now, "answer": code}
            for record, code in codes.items()
        ]
        statement = insert(asked)
        if rows:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[asked.c.flow, asked.c.source_record_id],
                    set_={"asked_at": statement.excluded.asked_at, "answer": statement.excluded.answer},
                ),
                rows,
            )
        if not stored.size:
            return []
        name = f"usagers_{now:%Y%m%dT%H%M%S}.jsonl"
        number = open_line(connection, flow, name=name, stored=stored, arrived_at=now, now=now)
        alarm_delivery(connection, number, now=now)
    received(Traced(id=number, flow=flow.flow, sha256=stored.sha256), began_ns=began)
    return [number]


def _limits(flow: Flow, now: datetime) -> dict[str, Any]:
    assert flow.api is not None
    return {"flow": flow.flow, "partner": flow.partner, "now": now, "silent": list(SILENT),
            "stale": now - timedelta(hours=flow.api.freshness_hours)}  # fmt: skip


def _write_answers(
    hub: Hub,
    flow: Flow,
    *,
    people: Sequence[Any],
    sink: IO[bytes],
    codes: dict[int, str],
    clock: Callable[[], datetime],
) -> None:
    with open_france_travail(hub, flow, clock=clock) as client:
        for answer in client.ask(_queries(hub, people)):
            if answer.outcome != "unavailable":  # nobody answered: the person is asked about at the next pull
                codes[int(answer.key)] = answer.code
            if answer.outcome == "found":
                sink.write(orjson.dumps(answer.body, option=orjson.OPT_APPEND_NEWLINE))


def _queries(hub: Hub, people: Sequence[Any]) -> Iterator[Query]:
    for row in people:
        nir = hub.vault.decrypt(row.nir_encrypted).decode() if row.has_nir and row.nir_encrypted else None
        yield Query(
            key=str(row.id), nir=nir, birth_date=row.birth_date, france_travail_number=row.france_travail_number
        )


SENDING = Patience(attempts=2, first_wait=0.5, longest_backoff=2.0, longest_wait=5.0)  # the outbox has its own


def open_france_travail(
    hub: Hub, flow: Flow, *, clock: Callable[[], datetime], gate: Gate | None = None
) -> FranceTravail:
    """The API of France Travail with the store's tokens and the shared rate budget; a connection may state its own quota.

    With a ``gate`` it is to send: nothing leaves once the partner is switched off, and a long pause is not waited for.
    """
    assert flow.api is not None
    access = hub.settings.access(flow.connection)
    patience = SENDING if gate else Patience()
    per_second = float(access.extra.get("rate_per_second", flow.api.rate_per_second))
    return FranceTravail(
        access=access,
        tokens=StoredTokens(engine=hub.engine, vault=hub.vault),
        budget=SharedBudget(
            engine=hub.engine,
            provider=flow.api.provider,
            per_second=per_second,
            longest_wait=patience.longest_wait,
            may_send=gate.may_send if gate else lambda: None,
        ),
        clock=clock,
        patience=patience,
        agent=Agent(last_name=hub.settings.agent_name),
    )
