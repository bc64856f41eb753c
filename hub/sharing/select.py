"""Select: for each touched person and each partner that follows it, what changed since it was last told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import text

from hub import journal
from hub.journal import Disclosure
from hub.store import copy_rows
from hub.survivorship import groups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hub.sharing.agreements import Agreement

CHUNK = 1000
NAMESPACE = UUID("5d0d2f3e-6f5b-4f8e-9a43-3c6a0f1d8a52")

# Who follows whom, with the partner's own words on the person and what it was last told. A partner that does not
# follow a person never appears here, so nothing can tell it that the person exists.
EVERYBODY = """
select distinct l.person_id from link l join source_record r on r.id = l.source_record_id and r.left_on is null
where l.superseded_at is null and r.partner = :partner
"""

FOLLOWED = """
select f.person_id, f.partner, d.content as dossier, f.own, t.sequence, t.content as told
from (
  select l.person_id, r.partner, jsonb_agg(v.content order by r.id) as own
  from link l
  join source_record r on r.id = l.source_record_id and r.left_on is null
  join source_version v on v.source_record_id = r.id and v.version = r.version
  where l.superseded_at is null and l.person_id = any(:persons) and r.partner = any(:partners)
  group by l.person_id, r.partner
) f
join dossier d on d.person_id = f.person_id
left join told t on t.partner = f.partner and t.person_id = f.person_id
order by f.partner, f.person_id
"""

PENDING = """
select id, partner, person_id, payload from message
where state = 'pending' and sync_file_id is null and partner = any(:partners) and person_id = any(:persons) for update
"""

TELL = """
insert into told (partner, person_id, sequence, content)
select partner, person_id, sequence, content from new_told
on conflict (partner, person_id) do update set sequence = excluded.sequence, content = excluded.content
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    id: UUID
    partner: str
    person_id: UUID
    agreement: Agreement
    sequence: int
    fields: dict[str, Any]
    told: dict[str, Any]
    reference: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """How many messages were written for each partner, and how often each field was."""

    messages: Counter[str] = field(default_factory=Counter)
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)


def fill(
    connection: Connection,
    agreements: Mapping[str, Agreement],
    persons: Collection[UUID],
    *,
    now: datetime,
    arrived_at: Mapping[UUID, datetime] | None = None,
    whole: bool = False,
) -> Filled:
    """Write messages, what was told, and disclosures, in the caller's transaction; nothing for what did not change.

    ``whole`` tells everything again, changed or not: a full picture.
    """
    in_force = {name: agreement for name, agreement in agreements.items() if agreement.in_force(now.date())}
    filled = Filled()
    ordered = sorted(persons)
    for start in range(0, len(ordered), CHUNK):
        known = {"persons": ordered[start : start + CHUNK], "partners": sorted(in_force)}
        pending = {(row.partner, row.person_id): row for row in connection.execute(text(PENDING), known)}
        rows = connection.execute(text(FOLLOWED), known).all()
        messages = [message for row in rows if (message := _message(row, in_force[row.partner], pending, whole=whole))]
        _write(connection, messages, pending=pending, now=now, arrived_at=arrived_at or {})
        for message in messages:
            filled.messages[message.partner] += 1
            filled.fields.update((message.partner, path) for path in message.fields)
    return filled


def fill_whole(connection: Connection, agreement: Agreement, *, now: datetime) -> Filled:
    """Tell a partner again everything it may know of everybody it follows."""
    followed = connection.execute(text(EVERYBODY), {"partner": agreement.partner}).scalars().all()
    return fill(connection, {agreement.partner: agreement}, followed, now=now, whole=True)


def _message(
    row: Row[Any], agreement: Agreement, pending: Mapping[tuple[str, UUID], Any], *, whole: bool
) -> _Message | None:
    said = set()
    for own in row.own:
        said |= {(path, orjson.dumps(value, option=orjson.OPT_SORT_KEYS)) for path, value in own.items()}
    told = row.told or {}
    may_know = _may_know(row.dossier, agreement, said)
    changed = {path for path, value in may_know.items() if whole or told.get(path) != value}
    if not changed:
        return None
    together = {path for each in changed for path in groups().get(each, (each,))}
    fields = {path: value for path, value in may_know.items() if path in together}
    waiting = pending.get((row.partner, row.person_id))
    if waiting is not None:
        fields = waiting.payload["fields"] | fields
    sequence = (row.sequence or 0) + 1
    content = orjson.dumps([row.partner, str(row.person_id), sequence, fields], option=orjson.OPT_SORT_KEYS)
    return _Message(
        id=uuid5(NAMESPACE, content.hex()), partner=row.partner, person_id=row.person_id, agreement=agreement,
        sequence=sequence, fields=fields, told=told | fields, reference=_reference(row.own),
    )  # fmt: skip


def _may_know(dossier: Mapping[str, Any], agreement: Agreement, said: set[tuple[str, bytes]]) -> dict[str, Any]:
    """The agreement's fields, less the partner's own words; a group goes whole when any of it is news."""
    allowed = {
        path: dossier[path]["value"]
        for path in agreement.all_fields
        if path in dossier and dossier[path]["partner"] != agreement.partner
    }
    news = {
        path for path, value in allowed.items() if (path, orjson.dumps(value, option=orjson.OPT_SORT_KEYS)) not in said
    }
    together = {path for each in news for path in groups().get(each, (each,))}
    return {path: value for path, value in allowed.items() if path in together}


def _reference(own: list[dict[str, Any]]) -> dict[str, Any]:
    """How the partner itself names the person: taken from its own words, so that it learns nothing."""
    wanted = (
        "identifiers.departement_id", "identifiers.claim_number", "identifiers.france_travail_number", "identity.birth_name",
        "identity.first_names", "identity.birth_date",
    )  # fmt: skip
    return {path: each[path] for each in reversed(own) for path in wanted if path in each}


def _write(
    connection: Connection,
    messages: list[_Message],
    *,
    pending: Mapping[tuple[str, UUID], Any],
    now: datetime,
    arrived_at: Mapping[UUID, datetime],
) -> None:
    replaced = [
        pending[message.partner, message.person_id].id
        for message in messages
        if (message.partner, message.person_id) in pending
    ]
    connection.execute(text("update message set state = 'replaced' where id = any(:ids)"), {"ids": replaced})
    copy_rows(
        connection,
        "copy message (id, partner, person_id, agreement, sequence, payload, state, arrived_at, created_at, next_attempt_at) from stdin",
        (
            (each.id, each.partner, each.person_id, each.agreement.partner, each.sequence, _payload(each), "pending",
             arrived_at.get(each.person_id), now, now)
            for each in messages
        ),
    )  # fmt: skip
    _tell(connection, messages)
    journal.append(connection, [_disclosure(message, now) for message in messages])


def _payload(message: _Message) -> str:
    return orjson.dumps({"reference": message.reference, "fields": message.fields}).decode()


def _tell(connection: Connection, messages: Iterable[_Message]) -> None:
    connection.execute(text("create temporary table new_told (like told) on commit drop"))
    rows = ((each.partner, each.person_id, each.sequence, orjson.dumps(each.told).decode()) for each in messages)
    copy_rows(connection, "copy new_told (partner, person_id, sequence, content) from stdin", rows)
    connection.execute(text(TELL))
    connection.execute(text("drop table new_told"))


def _disclosure(message: _Message, now: datetime) -> Disclosure:
    return Disclosure(
        at=now, partner=message.partner, person_id=message.person_id, agreement=message.agreement.partner,
        purpose=message.agreement.purpose, fields=sorted(message.fields), message_id=message.id,
    )  # fmt: skip
