"""Follow: when a record moves from one person to another, what its partner was told moves with it.

A partner knows its own record, not our persons. After a merge or a split, what it was told about the record is compared
with the dossier of the person the record belongs to now: what does not hold there is corrected, what holds is not repeated.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.sharing.news import not_yet_told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.identity.records import Move

UNSENT = """
select id, partner, person_id, payload from message
where state in ('pending', 'parked', 'unfound') and sync_file_id is null and person_id = any(:persons)
order by partner, person_id, sequence desc for update skip locked
"""

TOLD = "select partner, person_id, sequence, content from told where person_id = any(:persons)"

STILL_FOLLOWED = """
select distinct r.partner, l.person_id from link l join source_record r on r.id = l.source_record_id
where l.superseded_at is null and l.person_id = any(:persons)
"""

WRITE = """
insert into told (partner, person_id, sequence, content) values (:partner, :person_id, :sequence, cast(:content as jsonb))
on conflict (partner, person_id) do update set content = excluded.content
"""


def carry_told(connection: Connection, moves: Sequence[Move]) -> None:
    """Take what partners were told along with the records that moved, once the links are written."""
    if not moves:
        return
    persons = sorted({person for move in moves for person in (move.old, move.new)})
    told = _really_told(connection, persons)
    partners = _partners(connection, [move.record for move in moves])
    still = {(row.partner, row.person_id) for row in connection.execute(text(STILL_FOLLOWED), {"persons": persons})}
    before = {place: dict(content) for place, (_, content) in told.items()}
    changed: set[tuple[str, UUID]] = set()
    for move in moves:
        partner = partners[move.record]
        source, target = (partner, move.old), (partner, move.new)
        if not before.get(source):
            continue
        sequence, content = told.get(target, (0, {}))
        told[target] = (sequence, content | before[source])
        changed.add(target)
        if source not in still:
            told[source] = (told[source][0], {})
            changed.add(source)
    rows = [
        {"partner": place[0], "person_id": place[1], "sequence": told[place][0],
         "content": orjson.dumps(told[place][1]).decode()}
        for place in sorted(changed)
    ]  # fmt: skip
    if rows:
        connection.execute(text(WRITE), rows)


def _really_told(connection: Connection, persons: list[UUID]) -> dict[tuple[str, UUID], tuple[int, dict[str, Any]]]:
    """What partners have been told, once the messages that never left are withdrawn."""
    unsent: defaultdict[tuple[str, UUID], list[Any]] = defaultdict(list)
    for row in connection.execute(text(UNSENT), {"persons": persons}):
        unsent[row.partner, row.person_id].append(row)
    told: dict[tuple[str, UUID], tuple[int, dict[str, Any]]] = {}
    for row in connection.execute(text(TOLD), {"persons": persons}):
        waiting = unsent.get((row.partner, row.person_id), [])
        content = not_yet_told(row.content, [each.payload for each in waiting])
        told[row.partner, row.person_id] = (row.sequence, content)
    ids = [each.id for waiting in unsent.values() for each in waiting]
    connection.execute(text("update message set state = 'replaced' where id = any(:ids)"), {"ids": ids})
    rows = [
        {"partner": place[0], "person_id": place[1], "sequence": told[place][0],
         "content": orjson.dumps(told[place][1]).decode()}
        for place in sorted(unsent.keys() & told.keys())
    ]  # fmt: skip
    if rows:
        connection.execute(text(WRITE), rows)
    return told


def _partners(connection: Connection, records: list[int]) -> dict[int, str]:
    rows = connection.execute(
        text("select id, partner from source_record where id = any(:records)"), {"records": records}
    )
    return {row.id: row.partner for row in rows}
