"""Select: for each touched person and each partner that follows it, what changed since it was last told."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.days import day_of
from hub.dossiers.protections import protections
from hub.sharing.holding import holding
from hub.sharing.news import UNKNOWN, Known, Origin, news, not_yet_told
from hub.sharing.writing import Decided, message_of, write

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from hub.sharing.agreements import Agreement

CHUNK = 1000
MANY = 500  # persons touched at once: what comes alone goes before them

EVERYBODY = """
select distinct l.person_id from link l join source_record r on r.id = l.source_record_id and r.left_on is null
where l.superseded_at is null and r.partner = :partner
"""

# Who follows whom, with the partner's own words on the person. A partner that does not follow a person never appears
# here, so nothing can tell it that the person exists.
FOLLOWED = """
select l.person_id, r.partner, jsonb_agg(v.content order by r.id) as own
from link l
join source_record r on r.id = l.source_record_id and r.left_on is null
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.superseded_at is null and l.person_id = any(:persons) and r.partner = any(:partners)
group by l.person_id, r.partner
order by r.partner, l.person_id
"""

# One for a person, however many partners follow it: read with each of them, it would be most of what is read.
DOSSIERS = "select person_id, content from dossier where person_id = any(:persons)"

# What has not left yet, newest first: it is decided again with what is known now, so that nothing stale can leave. What
# a worker is sending this instant counts as told: what comes after it waits for it, and nobody waits for the worker.
WAITING = """
select id, partner, person_id, payload from message
where state in ('pending', 'parked', 'unfound') and sync_file_id is null
  and partner = any(:agreed) and person_id = any(:persons)
order by partner, person_id, sequence desc for update skip locked
"""

TOLD = (
    "select partner, person_id, sequence, content from told where partner = any(:agreed) and person_id = any(:persons)"
)


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
    origin: Origin = UNKNOWN,
    whole: bool = False,
    recalled: Collection[UUID] = (),
) -> Filled:
    """Write messages, what was told, and disclosures, in the caller's transaction; nothing for what did not change.

    A message that has not left is replaced when there is something newer to say, and withdrawn when there is nothing
    to say any more: nobody follows the person, or the agreement has ended. ``whole`` tells everything again. For persons
    ``recalled`` (a link or a delivery was undone), every value told that the dossier holds no more is taken back.
    What came in a flood goes after what came alone.
    """
    today = day_of(now)
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
        write(connection, decided, now=now, origin=origin, many=len(ordered) > MANY)
        for message in decided.messages:
            filled.messages[message.partner] += 1
            filled.fields.update((message.partner, path) for path in message.payload["fields"])
    return filled


def fill_whole(connection: Connection, agreement: Agreement, *, now: datetime, origin: Origin = UNKNOWN) -> Filled:
    """Tell a partner again everything it may know of everybody it follows."""
    followed = connection.execute(text(EVERYBODY), {"partner": agreement.partner}).scalars().all()
    return fill(connection, {agreement.partner: agreement}, followed, now=now, origin=origin, whole=True)


def _decide(
    connection: Connection,
    in_force: Mapping[str, Agreement],
    known: Mapping[str, Any],
    *,
    whole: bool,
    recalled: frozenset[UUID],
    protected: Mapping[UUID, Collection[str]],
) -> Decided:
    waiting: defaultdict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in connection.execute(text(WAITING), known):
        waiting[row.partner, row.person_id].append(row)
    told = {(row.partner, row.person_id): row for row in connection.execute(text(TOLD), known)}
    dossiers = {row.person_id: row.content for row in connection.execute(text(DOSSIERS), known)}
    decided = Decided()
    for row in connection.execute(text(FOLLOWED), known).all():
        key, how = (row.partner, row.person_id), {"whole": whole, "recall": row.person_id in recalled}
        kinds = protected.get(row.person_id, ())
        holds = holding(in_force[row.partner], dossiers.get(row.person_id, {}), kinds, recall=how["recall"])
        if holds is not None:
            _tell_news(decided, row, holds, told=told.get(key), waiting=waiting.pop(key, []), how=how)
    for key, unsent in waiting.items():
        decided.replaced += [each.id for each in unsent]
        decided.told.append((*key, told[key].sequence, _really_told(told[key], unsent)))
    return decided


def _tell_news(
    decided: Decided,
    row: Row[Any],
    holds: tuple[Agreement, Mapping[str, Any]],
    *,
    told: Any,
    waiting: Sequence[Any],
    how: Mapping[str, bool],
) -> None:
    agreement, dossier = holds
    really = _really_told(told, waiting)
    fields = news(agreement, Known(dossier=dossier, own=row.own, told=really), **how)
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
        decided.messages.append(message_of(row, agreement, sequence, payload))
    decided.told.append((row.partner, row.person_id, sequence, really | fields))


def withdraw_told(
    connection: Connection,
    agreements: Mapping[str, Agreement],
    own: Mapping[tuple[str, UUID], Mapping[str, Any]],
    *,
    now: datetime,
    origin: Origin,
) -> Counter[str]:
    """Take back all that partners were told of persons, named in the partners' ``own`` words; returns messages per partner."""
    persons = sorted({person for _, person in own})
    known = {"agreed": sorted(agreements), "persons": persons}
    waiting: defaultdict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in connection.execute(text(WAITING), known):
        waiting[row.partner, row.person_id].append(row)
    decided = Decided()
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
            decided.messages.append(message_of(row, agreements[row.partner], sequence, payload))
        decided.told.append((*key, sequence, {}))
    write(connection, decided, now=now, origin=origin, many=len(persons) > MANY)
    return Counter(message.partner for message in decided.messages)


def _really_told(told: Any, waiting: Sequence[Any]) -> dict[str, Any]:
    return not_yet_told(told.content if told else {}, [each.payload for each in waiting])


def _reference(own: list[dict[str, Any]]) -> dict[str, Any]:
    """How the partner itself names the person: taken from its own words, so that it learns nothing."""
    wanted = (
        "identifiers.departement_id", "identifiers.claim_number", "identifiers.france_travail_number", "identity.birth_name",
        "identity.first_names", "identity.birth_date",
    )  # fmt: skip
    return {path: each[path] for each in reversed(own) for path in wanted if path in each}
