"""Protections: what holds for a person against its being told about. Each holds through records, so it follows merges and splits.

==============  ===========================================================================
``objection``   the person objected: nothing about it leaves, nobody is asked about it, its dossier is hidden
``threat``      the person is under threat: where it lives never leaves
``new``         a person who has just appeared waits, so that a threat can be said first
``returned``    an erased person came back in a file: hidden, and nothing leaves, until somebody decides
``archived``    nobody spoke of the person for long: kept apart, hidden, nothing leaves
``litigation``  nothing about the person may be erased
==============  ===========================================================================
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from hub.dossiers.survivorship import groups
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

SILENT = ("objection", "new", "returned", "archived")
HIDDEN = ("objection", "returned", "archived")

OPEN = """
select distinct l.person_id, p.kind
from protection p
join protection_record c on c.protection_id = p.id
join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
where p.closed_at is null and (p.until is null or p.until > :now) and l.person_id = any(:persons)
"""

CURRENT = """
with recursive onward as (
  select id, forwards_to from person where id = :person
  union all
  select p.id, p.forwards_to from person p join onward o on p.id = o.forwards_to
)
select id from onward where forwards_to is null
"""

IDS_OF = """
with recursive backward as (
  select p.id as who, p.id from unnest(cast(:persons as uuid[])) as p (id)
  union all
  select b.who, p.id from person p join backward b on p.forwards_to = b.id
)
select who, id from backward
"""

# Somebody spoke of them: they are in the active base again.
REOPEN = """
update protection set closed_at = :now, closed_by = 'hub'
where closed_at is null and kind = 'archived' and id in (
  select c.protection_id from protection_record c
  join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
  where l.person_id = any(:persons)
)
"""

PUT = """
insert into protection (kind, person_id, reason, author, opened_at, until)
select :kind, p.id, :reason, :author, :now, cast(:until as timestamptz) from unnest(cast(:persons as uuid[])) as p (id)
returning id, person_id
"""

COVER = """
insert into protection_record (protection_id, source_record_id)
select p.id, l.source_record_id from protection p join link l on l.person_id = p.person_id and l.superseded_at is null
where p.id = any(:numbers)
on conflict do nothing
"""

LIFT = """
update protection set closed_at = :now, closed_by = :author
where closed_at is null and kind = :kind and id in (
  select c.protection_id from protection_record c
  join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
  where l.person_id = :person
)
"""

CLOSE_OVER = """
with over as (
  update protection set closed_at = until, closed_by = 'hub' where closed_at is null and until <= :now returning id
)
select distinct l.person_id from over o join protection_record c on c.protection_id = o.id
join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
"""

LISTED = """
select p.id, p.kind, p.opened_at, p.until, p.author, array_agg(distinct l.person_id::text) as people
from protection p
left join protection_record c on c.protection_id = p.id
left join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
where p.closed_at is null and (cast(:kind as text) is null or p.kind = :kind)
group by p.id order by p.id limit :limit
"""


def whereabouts() -> frozenset[str]:
    """The fields that say where a person lives, or lie in its town because it lives there."""
    return frozenset({*groups()["contact.postcode"], "job_seeker.agency_name", "job_seeker.agency_safir"})


def protections(connection: Connection, persons: Collection[UUID], *, now: datetime) -> dict[UUID, set[str]]:
    """The kinds of protection each of some persons is under; those under none are left out."""
    found: defaultdict[UUID, set[str]] = defaultdict(set)
    for row in connection.execute(text(OPEN), {"persons": list(persons), "now": now}):
        found[row.person_id].add(row.kind)
    return dict(found)


def silenced(protected: Mapping[UUID, Collection[str]]) -> set[UUID]:
    """Those of whom nothing may leave."""
    return {person for person, kinds in protected.items() if not set(SILENT).isdisjoint(kinds)}


def current_person(connection: Connection, person: UUID) -> UUID:
    """Where to look now for a person that may have been merged; raises ``FixTheDeclaration`` when nobody has that id."""
    found = connection.execute(text(CURRENT), {"person": person}).scalar()
    if found is None:
        raise FixTheDeclaration(f"No person {person}.")
    return UUID(str(found))


def every_id(connection: Connection, person: UUID) -> list[UUID]:
    """Every id a person has had: its own, and those of the persons merged into it."""
    return ids_of(connection, [person])[person]


def ids_of(connection: Connection, persons: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Every id each of some persons has had."""
    found: dict[UUID, list[UUID]] = {person: [] for person in persons}
    for row in connection.execute(text(IDS_OF), {"persons": list(persons)}):
        found[row.who].append(row.id)
    return found


def put(
    connection: Connection, persons: Collection[UUID], *, kind: str, reason: str, author: str, now: datetime,
    until: datetime | None = None,
) -> int:  # fmt: skip
    """Put some persons under a protection, each by itself; returns how many."""
    known = {"kind": kind, "reason": reason, "author": author, "now": now, "until": until, "persons": sorted(persons)}
    numbers = [row.id for row in connection.execute(text(PUT), known)]
    connection.execute(text(COVER), {"numbers": numbers})
    return len(numbers)


def lift(connection: Connection, person: UUID, *, kind: str, author: str, now: datetime) -> int:
    """End a protection of a person; raises ``FixTheDeclaration`` when it is under none of that kind."""
    asked = {"person": person, "kind": kind, "author": author, "now": now}
    done = connection.execute(text(LIFT), asked).rowcount
    if not done:
        raise FixTheDeclaration(f"Person {person} is under no {kind}: hub person protections lists them.")
    return done


def reopen(connection: Connection, persons: Collection[UUID], *, now: datetime) -> None:
    """End the archive of persons somebody has spoken of."""
    connection.execute(text(REOPEN), {"persons": list(persons), "now": now})


def close_over(connection: Connection, *, now: datetime) -> set[UUID]:
    """End the protections whose time is over; returns the persons who may be told about again."""
    return {UUID(str(each)) for each in connection.execute(text(CLOSE_OVER), {"now": now}).scalars()}


def listed(connection: Connection, *, kind: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
    """The open protections: kind, since when, by whom, and the opaque ids of the persons they cover now. No reason: it is free text."""
    rows = connection.execute(text(LISTED), {"kind": kind, "limit": limit})
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name
