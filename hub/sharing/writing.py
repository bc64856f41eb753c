"""Writing: the messages of a chunk of persons, with what was told and the journal, in the transaction that decided them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from hub.sharing import journal
from hub.sharing.journal import Disclosure
from hub.sharing.news import UNKNOWN
from hub.storage.store import copy_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hub.sharing.agreements import Agreement
    from hub.sharing.news import NewestWord, Origin

URGENT, ALONE, ONE_OF_MANY = 0, 1, 2

REPLACE = "update message set state = 'replaced' where id = any(:ids)"

# The département a message is about: at a partner that serves several, each has its turn.
LANES = r"""
select l.person_id, min(case when r.partner like 'departement\_%' then lpad(substr(r.partner, 13), 3, '0')
                             else nullif(r.scope, '') end) as lane
from link l join source_record r on r.id = l.source_record_id and r.left_on is null
where l.superseded_at is null and l.person_id = any(:persons)
group by l.person_id
"""

TELL = """
insert into told (partner, person_id, sequence, content)
select partner, person, sequence, content
from jsonb_to_recordset(cast(:told as jsonb)) t(partner text, person uuid, sequence bigint, content jsonb)
on conflict (partner, person_id) do update set sequence = excluded.sequence, content = excluded.content
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a partner is to be told about a person, under one agreement."""

    id: UUID
    partner: str
    person_id: UUID
    agreement: Agreement
    sequence: int
    payload: dict[str, Any]


@dataclass(kw_only=True)
class Decided:
    """What a chunk of persons comes to: messages to write, those they replace, and what was told after that."""

    messages: list[Message] = field(default_factory=list)
    replaced: list[UUID] = field(default_factory=list)
    told: list[tuple[str, UUID, int, dict[str, Any]]] = field(default_factory=list)


def message_of(row: Row[Any], agreement: Agreement, sequence: int, payload: dict[str, Any]) -> Message:
    """Its id is the key the partner sees, however often it is sent. It is drawn: the journal keeps it for ever, and a hash of what was
    said would tell whoever guesses that he guessed right, the person being long erased.
    """
    return Message(
        id=uuid4(), partner=row.partner, person_id=row.person_id, agreement=agreement,
        sequence=sequence, payload=payload,
    )  # fmt: skip


def write(connection: Connection, decided: Decided, *, now: datetime, origin: Origin = UNKNOWN, many: bool) -> None:
    """Write what was decided; ``many`` goes after what came alone."""
    touched = sorted({each.person_id for each in decided.messages})
    lanes = {row.person_id: row.lane or "" for row in connection.execute(text(LANES), {"persons": touched})}
    connection.execute(text(REPLACE), {"ids": decided.replaced})
    copy_rows(
        connection,
        "copy message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, delivery_id, arrived_at, act_id, created_at, next_attempt_at) from stdin",
        (
            (each.id, each.partner, each.person_id, each.agreement.partner, each.sequence,
             orjson.dumps(each.payload).decode(), "pending", _priority(each, many=many or origin.flood), lanes.get(each.person_id, ""),
             *_arrived(origin.words.get(each.person_id)), origin.act, now, now)
            for each in decided.messages
        ),
    )  # fmt: skip
    _tell(connection, decided.told)
    journal.append(connection, [entry for message in decided.messages for entry in _disclosures(message, now)])


def _arrived(word: NewestWord | None) -> tuple[int | None, datetime | None]:
    return (word.delivery, word.at) if word else (None, None)


def _priority(message: Message, *, many: bool) -> int:
    if message.payload["fields"].keys() & set(message.agreement.urgent):
        return URGENT
    return ONE_OF_MANY if many else ALONE


def _tell(connection: Connection, told: Iterable[tuple[str, UUID, int, dict[str, Any]]]) -> None:
    rows = [dict(zip(("partner", "person", "sequence", "content"), each, strict=True)) for each in told]
    if rows:
        connection.execute(text(TELL), {"told": orjson.dumps(rows).decode()})


def _disclosures(message: Message, now: datetime) -> Iterator[Disclosure]:
    """One entry for each purpose the message's fields are told for."""
    for agreement, fields in message.agreement.attributed(message.payload["fields"]):
        yield Disclosure(
            at=now, partner=message.partner, person_id=message.person_id, agreement=agreement.title,
            purpose=agreement.purpose, fields=fields, message_id=message.id,
        )  # fmt: skip
