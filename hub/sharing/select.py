"""Select: for each touched person and each partner that follows it, what changed since it was last told."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import text

from hub.dossiers.protections import protections, silenced, whereabouts
from hub.sharing import journal
from hub.sharing.journal import Disclosure
from hub.sharing.news import Known, news, not_yet_told
from hub.storage.store import copy_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hub.sharing.agreements import Agreement

CHUNK = 1000
MANY = 500  # persons touched at once: what comes alone goes before them
URGENT, ALONE, ONE_OF_MANY = 0, 1, 2
NAMESPACE = UUID("5d0d2f3e-6f5b-4f8e-9a43-3c6a0f1d8a52")

EVERYBODY = """
select distinct l.person_id from link l join source_record r on r.id = l.source_record_id and r.left_on is null
where l.superseded_at is null and r.partner = :partner
"""

# Who follows whom, with the partner's own words on the person. A partner that does not follow a person never appears
# here, so nothing can tell it that the person exists.
FOLLOWED = """
select f.person_id, f.partner, d.content as dossier, f.own
from (
  select l.person_id, r.partner, jsonb_agg(v.content order by r.id) as own
  from link l
  join source_record r on r.id = l.source_record_id and r.left_on is null
  join source_version v on v.source_record_id = r.id and v.version = r.version
  where l.superseded_at is null and l.person_id = any(:persons) and r.partner = any(:partners)
  group by l.person_id, r.partner
) f
left join dossier d on d.person_id = f.person_id
order by f.partner, f.person_id
"""

# What has not left yet, newest first: it is decided again with what is known now, so that nothing stale can leave. What
# a worker is sending this instant counts as told: what comes after it waits for it, and nobody waits for the worker.
WAITING = """
select id, partner, person_id, payload from message
where state in ('pending', 'parked', 'unfound') and sync_file_id is null
  and partner = any(:agreed) and person_id = any(:persons)
order by partner, person_id, sequence desc for update skip locked
"""

REPLACE = "update message set state = 'replaced' where id = any(:ids)"

TOLD = (
    "select partner, person_id, sequence, content from told where partner = any(:agreed) and person_id = any(:persons)"
)

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
select partner, person_id, sequence, content from new_told
on conflict (partner, person_id) do update set sequence = excluded.sequence, content = excluded.content
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When the newest word about somebody reached us, and the number of the delivery that last changed anything of them."""

    at: datetime
    delivery: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    id: UUID
    partner: str
    person_id: UUID
    agreement: Agreement
    sequence: int
    payload: dict[str, Any]


@dataclass(kw_only=True)
class _Decided:
    """What a chunk of persons comes to: messages to write, those they replace, and what was told after that."""

    messages: list[_Message] = field(default_factory=list)
    replaced: list[UUID] = field(default_factory=list)
    told: list[tuple[str, UUID, int, dict[str, Any]]] = field(default_factory=list)


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
    arrivals: Mapping[UUID, Arrival] | None = None,
    whole: bool = False,
    recalled: Collection[UUID] = (),
) -> Filled:
    """Write messages, what was told, and disclosures, in the caller's transaction; nothing for what did not change.

    A message that has not left is replaced when there is something newer to say, and withdrawn when there is nothing
    to say any more: nobody follows the person, or the agreement has ended. ``whole`` tells everything again. For persons
    ``recalled`` (a link or a delivery was undone), every value told that the dossier holds no more is taken back.
    """
    today = now.date()
    in_force = {name: agreement.on(today) for name, agreement in agreements.items() if agreement.in_force(today)}
    filled = Filled()
    ordered = sorted(persons)
    for start in range(0, len(ordered), CHUNK):
        known = {
            "persons": ordered[start : start + CHUNK],
            "partners": sorted(in_force),
            "agreed": sorted(agreements),
        }
        protected = protections(connection, ordered[start : start + CHUNK], now=now)
        decided = _decide(connection, in_force, known, whole=whole, recalled=frozenset(recalled), protected=protected)
        _write(connection, decided, now=now, arrivals=arrivals or {}, many=len(ordered) > MANY)
        for message in decided.messages:
            filled.messages[message.partner] += 1
            filled.fields.update((message.partner, path) for path in message.payload["fields"])
    return filled


def fill_whole(connection: Connection, agreement: Agreement, *, now: datetime) -> Filled:
    """Tell a partner again everything it may know of everybody it follows."""
    followed = connection.execute(text(EVERYBODY), {"partner": agreement.partner}).scalars().all()
    return fill(connection, {agreement.partner: agreement}, followed, now=now, whole=True)


def _decide(
    connection: Connection,
    in_force: Mapping[str, Agreement],
    known: Mapping[str, Any],
    *,
    whole: bool,
    recalled: frozenset[UUID],
    protected: Mapping[UUID, Collection[str]],
) -> _Decided:
    waiting: defaultdict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in connection.execute(text(WAITING), known):
        waiting[row.partner, row.person_id].append(row)
    told = {(row.partner, row.person_id): row for row in connection.execute(text(TOLD), known)}
    decided = _Decided()
    silent = silenced(protected)
    for row in connection.execute(text(FOLLOWED), known).all():
        if row.person_id in silent:
            continue
        key = (row.partner, row.person_id)
        how = {"whole": whole, "recall": row.person_id in recalled}
        agreement = _sheltered(in_force[row.partner], protected.get(row.person_id, ()))
        _tell_news(decided, row, agreement, told=told.get(key), waiting=waiting.pop(key, []), how=how)
    for key, unsent in waiting.items():
        decided.replaced += [each.id for each in unsent]
        decided.told.append((*key, told[key].sequence, _really_told(told[key], unsent)))
    return decided


def _sheltered(agreement: Agreement, kinds: Collection[str]) -> Agreement:
    """The agreement as it holds for one person: of somebody under threat, it does not say where it lives."""
    if "threat" not in kinds:
        return agreement
    fields = tuple(path for path in agreement.fields if path not in whereabouts())
    return agreement.model_copy(update={"fields": fields})


def _tell_news(
    decided: _Decided,
    row: Row[Any],
    agreement: Agreement,
    *,
    told: Any,
    waiting: Sequence[Any],
    how: Mapping[str, bool],
) -> None:
    really = _really_told(told, waiting)
    fields = news(agreement, Known(dossier=row.dossier or {}, own=row.own, told=really), **how)
    payload = {
        "reference": _reference(row.own),
        "fields": fields,
        "before": {path: really[path] for path in fields if path in really},
    }
    if [each.payload for each in waiting] == ([payload] if fields else []):
        return
    sequence = told.sequence if told else 0
    decided.replaced += [each.id for each in waiting]
    if fields:
        sequence += 1
        decided.messages.append(_message(row, agreement, sequence, payload))
    decided.told.append((row.partner, row.person_id, sequence, really | fields))


def withdraw_told(
    connection: Connection,
    agreements: Mapping[str, Agreement],
    own: Mapping[tuple[str, UUID], Mapping[str, Any]],
    *,
    now: datetime,
) -> Counter[str]:
    """Take back all that partners were told of persons, named in the partners' ``own`` words; returns messages per partner."""
    persons = sorted({person for _, person in own})
    known = {"agreed": sorted(agreements), "persons": persons}
    waiting: defaultdict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in connection.execute(text(WAITING), known):
        waiting[row.partner, row.person_id].append(row)
    decided = _Decided()
    for row in connection.execute(text(TOLD), known).all():
        key = (row.partner, row.person_id)
        if key not in own:
            continue
        really = _really_told(row, waiting[key])
        decided.replaced += [each.id for each in waiting[key]]
        fields = dict.fromkeys(sorted(path for path, value in really.items() if value is not None))
        sequence = row.sequence + bool(fields)
        if fields:
            payload = {"reference": _reference([dict(own[key])]), "fields": fields, "before": really}
            decided.messages.append(_message(row, agreements[row.partner], sequence, payload))
        decided.told.append((*key, sequence, {}))
    _write(connection, decided, now=now, arrivals={}, many=len(persons) > MANY)
    return Counter(message.partner for message in decided.messages)


def _really_told(told: Any, waiting: Sequence[Any]) -> dict[str, Any]:
    return not_yet_told(told.content if told else {}, [each.payload for each in waiting])


def _message(row: Row[Any], agreement: Agreement, sequence: int, payload: dict[str, Any]) -> _Message:
    """The same change has the same id whenever it is written: it is the key the partner sees."""
    content = orjson.dumps([row.partner, str(row.person_id), sequence, payload["fields"]], option=orjson.OPT_SORT_KEYS)
    return _Message(
        id=uuid5(NAMESPACE, content.hex()), partner=row.partner, person_id=row.person_id, agreement=agreement,
        sequence=sequence, payload=payload,
    )  # fmt: skip


def _reference(own: list[dict[str, Any]]) -> dict[str, Any]:
    """How the partner itself names the person: taken from its own words, so that it learns nothing."""
    wanted = (
        "identifiers.departement_id", "identifiers.claim_number", "identifiers.france_travail_number", "identity.birth_name",
        "identity.first_names", "identity.birth_date",
    )  # fmt: skip
    return {path: each[path] for each in reversed(own) for path in wanted if path in each}


def _write(
    connection: Connection, decided: _Decided, *, now: datetime, arrivals: Mapping[UUID, Arrival], many: bool
) -> None:
    touched = sorted({each.person_id for each in decided.messages})
    lanes = {row.person_id: row.lane or "" for row in connection.execute(text(LANES), {"persons": touched})}
    connection.execute(text(REPLACE), {"ids": decided.replaced})
    copy_rows(
        connection,
        "copy message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, delivery_id, arrived_at, created_at, next_attempt_at) from stdin",
        (
            (each.id, each.partner, each.person_id, each.agreement.partner, each.sequence,
             orjson.dumps(each.payload).decode(), "pending", _priority(each, many=many), lanes.get(each.person_id, ""),
             *_arrived(arrivals.get(each.person_id)), now, now)
            for each in decided.messages
        ),
    )  # fmt: skip
    _tell(connection, decided.told)
    journal.append(connection, [entry for message in decided.messages for entry in _disclosures(message, now)])


def _arrived(word: Arrival | None) -> tuple[int | None, datetime | None]:
    return (word.delivery, word.at) if word else (None, None)


def _priority(message: _Message, *, many: bool) -> int:
    if message.payload["fields"].keys() & set(message.agreement.urgent):
        return URGENT
    return ONE_OF_MANY if many else ALONE


def _tell(connection: Connection, told: Iterable[tuple[str, UUID, int, dict[str, Any]]]) -> None:
    connection.execute(text("create temporary table new_told (like told) on commit drop"))
    rows = ((partner, person, sequence, orjson.dumps(content).decode()) for partner, person, sequence, content in told)
    copy_rows(connection, "copy new_told (partner, person_id, sequence, content) from stdin", rows)
    connection.execute(text(TELL))
    connection.execute(text("drop table new_told"))


def _disclosures(message: _Message, now: datetime) -> Iterator[Disclosure]:
    """One entry for each purpose the message's fields are told for."""
    for agreement, fields in message.agreement.attributed(message.payload["fields"]):
        yield Disclosure(
            at=now, partner=message.partner, person_id=message.person_id, agreement=agreement.title,
            purpose=agreement.purpose, fields=fields, message_id=message.id,
        )  # fmt: skip
