"""Erasure: a person goes from everything the hub holds and from its partners, and a signed certificate says so.

In one transaction the rows go: versions, keys, links, dossier, quarantined blocks, what was told; what remains are opaque ids
and counts, so that ledgers still close. Partners are told, in their own words, that what they were told holds no more. Then
the deliveries as received are crossed out (``hub.rights.redaction``), and once every partner has answered the words kept to name
the person to it go too. A tombstone of keyed hashes stays: whoever comes back in a later file is seen, and waits.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from sqlalchemy import text

from hub.acts import ERASURE, begin_act
from hub.backups.keys import bury, renew_keys
from hub.dossiers.protections import current_person, every_id, protections
from hub.identity.rarity import forget_rarities
from hub.people.tombstones import leave_tombstones
from hub.rights.certificates import empty_messages, finish_erasures
from hub.rights.redaction import redact_pending
from hub.sharing.news import Origin
from hub.sharing.recalls import note_recall
from hub.sharing.select import withdraw_told
from hub.storage.store import copy_rows, take_lock
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.acts import Act
    from hub.opening import Hub

# Every id each person had, and the records it holds now or held last: those that belong to nobody else.
IDS = "create temporary table erased_id (who uuid, id uuid) on commit drop"
RECORDS = """
create temporary table erased_record on commit drop as
select distinct e.who, l.source_record_id as record
from erased_id e join link l on l.person_id = e.id
where l.superseded_at is null
   or not exists (select from link o where o.source_record_id = l.source_record_id and o.id > l.id)
"""

# A partner's own words on the person, by which it is told whom to forget.
OWN = """
select distinct on (r.partner) r.partner, v.content
from source_record r join source_version v on v.source_record_id = r.id and v.version = r.version
where r.id = any(:records)
order by r.partner, (r.left_on is null) desc, r.id
"""

OPEN = """
insert into erasure (person_id, cause, author, reason, erased_at, counts)
select p.id, :cause, :author, :reason, :now, '{}' from unnest(cast(:people as uuid[])) as p (id)
on conflict (person_id) do update
set erased_at = excluded.erased_at, cause = excluded.cause, author = excluded.author, reason = excluded.reason,
    certificate = null, partners_done_at = null
returning id
"""

STANDS = """
select exists (select from person p join link l on l.person_id = p.id and l.superseded_at is null where p.id = :person)
"""

TOLD = "select partner, person_id from told where person_id = any(:persons) and jsonb_path_exists(content, '$.* ? (@ != null)')"

STOOD = """
insert into redaction (erasure_id, delivery_id, record, unit)
select e.id, s.delivery_id, s.record, s.unit
from (
  select x.who, o.delivery_id, o.record, o.unit from erased_record x join delivery_record o on o.source_record_id = x.record
  union
  select x.who, q.delivery_id, q.record, q.unit from erased_record x join source_record r on r.id = x.record
  join quarantine q on q.key = r.key join delivery d on d.id = q.delivery_id and d.flow = r.flow
) s
join erasure e on e.person_id = s.who
on conflict do nothing
"""

# Whatever waits but what was written just now to take it back.
LEAVES_NO_MORE = """
update message set state = 'replaced'
where person_id = any(:persons) and state in ('pending', 'parked', 'unfound') and sync_file_id is null and created_at < :now
"""

# Everything that says anything about the person, or from which it could be guessed. Rows that ledgers count stay, empty.
FORGET: Mapping[str, str] = {
    "backup_keys": """
        insert into backup_key (subject)
        select 'r' || x from unnest(cast(:records as bigint[])) as x
        union all select 'p' || x from unnest(cast(:persons as uuid[])) as x
        union all select 'q' || q.id from quarantine q join delivery d on d.id = q.delivery_id
          join source_record r on r.flow = d.flow and r.key = q.key where r.id = any(:records)
        on conflict (subject) do update set key = null
    """,
    "quarantined": """
        update quarantine q set block_encrypted = null, key = null, closed_at = coalesce(q.closed_at, :now),
          state = case when q.state = 'open' then 'dropped' else q.state end, state_reason = 'personne effacée'
        from delivery d, source_record r
        where d.id = q.delivery_id and r.flow = d.flow and r.key = q.key and r.id = any(:records)
    """,
    "staged": "delete from staged_record s using source_record r where r.key = s.key and r.id = any(:records)",
    "remembered": """
        delete from remembered_unit u where (u.flow, u.digest) in (
          select m.flow, m.digest from remembered_unit m join source_record r on r.flow = m.flow and r.key = m.key
          where r.id = any(:records))
    """,
    "versions": "delete from source_version where source_record_id = any(:records)",
    "keys": "delete from source_identity where source_record_id = any(:records)",
    "questions": "delete from asked where source_record_id = any(:records)",
    "opinions": """
        delete from review_opinion where case_id in (
          select id from review_case where record_a = any(:records) or record_b = any(:records))
    """,
    "cases": "delete from review_case where record_a = any(:records) or record_b = any(:records)",
    "decisions": "delete from decision where record_a = any(:records) or record_b = any(:records)",
    "links": "delete from link where source_record_id = any(:records)",
    "protections": "delete from protection_record where source_record_id = any(:records)",
    "dossiers": "delete from dossier where person_id = any(:persons)",
    "told": "delete from told where person_id = any(:persons)",
    "movements": "update movement set before = null where source_record_id = any(:records) and before is not null",
    "records": """
        update source_record set key = 'effacé ' || id, content_hash = '', nir_hash = null, to_match = false
        where id = any(:records)
    """,
}


def erase(
    hub: Hub, person: UUID, *, author: str, reason: str, clock: Callable[[], datetime], dry_run: bool
) -> dict[str, Any]:
    """Erase a person; returns counts, and with ``dry_run`` what they would be.

    Raises ``FixTheDeclaration`` when nobody has that id, or when a litigation hold forbids it.
    """
    now = clock()
    with hub.engine.connect() as connection, connection.begin() as transaction:
        take_lock(connection, "reconcile")
        who = current_person(connection, person)
        if "litigation" in protections(connection, [who], now=now).get(who, ()):
            raise FixTheDeclaration(f"Person {who} is under a litigation hold: nothing about it may be erased.")
        persons = every_id(connection, who)
        act = begin_act(connection, ERASURE, now=now)
        done = destroy(hub, connection, {who: persons}, act=act, author=author, reason=reason, now=now)
        if dry_run:
            transaction.rollback()
            return {"person": who, "dry_run": True, **done}
    act.told()
    _note_outside(hub.settings.erasures, [who], now)
    redacted = redact_pending(hub, now=clock())
    renew_keys(hub)
    finish_erasures(hub, now=clock())
    return {"person": who, "dry_run": False, **done, "stored_deliveries": redacted}


def erase_again(hub: Hub, *, author: str, clock: Callable[[], datetime]) -> dict[str, Any]:
    """After a backup was restored: erase again whoever was erased since, as the register outside the database says.

    Partners were told then; they are told again, which changes nothing to them. Returns counts.
    """
    buried, again = bury(hub, now=clock()), 0
    for person in _noted_outside(hub.settings.erasures):
        with hub.engine.connect() as connection:
            stands = connection.execute(text(STANDS), {"person": person}).scalar_one()
        if stands:
            erase(hub, person, author=author, reason="après restauration", clock=clock, dry_run=False)
            again += 1
    return {"erased_again": again, "marks_brought_back": buried}


def _note_outside(file: Path, persons: Sequence[UUID], now: datetime) -> None:
    """Keep the opaque ids of the erased outside the database: a backup of it does not know them."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("a", encoding="ascii") as register:
        register.writelines(f"{person} {now.isoformat()}\n" for person in persons)
        register.flush()
        os.fsync(register.fileno())


def _noted_outside(file: Path) -> list[UUID]:
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    return list(dict.fromkeys(UUID(line.partition(" ")[0]) for line in lines))


def destroy(
    hub: Hub, connection: Connection, people: Mapping[UUID, Sequence[UUID]], *, act: Act | None, author: str, reason: str, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    """Take the rows of some people away, in the caller's transaction; ``people`` maps each to every id it had.

    On request, an ``act``, partners are told; what retention takes away was true, and is not taken back.
    """
    connection.execute(text(IDS))
    copy_rows(
        connection, "copy erased_id (who, id) from stdin", ((who, each) for who, ids in people.items() for each in ids)
    )
    connection.execute(text(RECORDS))
    records = list(connection.execute(text("select record from erased_record order by record")).scalars())
    persons = sorted({each for ids in people.values() for each in ids})
    cause = "retention" if act is None else "request"
    numbers = _open_erasures(connection, people, cause=cause, author=author, reason=reason, now=now)
    counts: dict[str, Any] = {"people": len(people), "records": len(records)}
    counts["stood_in_deliveries"] = connection.execute(text(STOOD)).rowcount
    counts |= {"withdrawn": {}, "partners_to_tell_by_hand": []}
    if act is not None:
        leave_tombstones(hub, connection, numbers)
        withdrawn, by_hand = _withdraw(hub, connection, persons, records, now=now, origin=Origin(act=act.id))
        counts |= {"withdrawn": withdrawn, "partners_to_tell_by_hand": by_hand}
    known = {"records": records, "persons": persons, "now": now}
    connection.execute(text(LEAVES_NO_MORE), known)
    counts["rare_values"] = forget_rarities(connection, records)
    counts |= {name: connection.execute(text(statement), known).rowcount for name, statement in FORGET.items()}
    counts["messages_emptied"] = empty_messages(connection)
    connection.execute(
        text("update erasure set counts = cast(:counts as jsonb) where id = any(:numbers)"),
        {"counts": orjson.dumps(counts).decode(), "numbers": numbers},
    )
    return counts


def _open_erasures(
    connection: Connection, people: Collection[UUID], *, cause: str, author: str, reason: str, now: datetime
) -> list[int]:
    known = {"cause": cause, "author": author, "reason": reason, "now": now, "people": sorted(people)}
    return list(connection.execute(text(OPEN), known).scalars())


def _withdraw(
    hub: Hub, connection: Connection, persons: Collection[UUID], records: list[int], *, now: datetime, origin: Origin
) -> tuple[dict[str, int], list[str]]:
    """How many messages tell each partner, and the partners that were told something and must be told otherwise."""
    words = {row.partner: row.content for row in connection.execute(text(OWN), {"records": records})}
    told = connection.execute(text(TOLD), {"persons": list(persons)}).all()
    reached = {row.partner for row in told if row.partner in words and _takes_withdrawals(hub, row.partner)}
    own = {(row.partner, row.person_id): words[row.partner] for row in told if row.partner in reached}
    withdrawn = withdraw_told(connection, hub.agreements, own, now=now, origin=origin)
    if withdrawn:
        note_recall(connection, cause="erasure", subject="1", persons=persons, now=now)
    return dict(withdrawn), sorted({row.partner for row in told} - reached)


def _takes_withdrawals(hub: Hub, partner: str) -> bool:
    """France Travail's API takes decisions and appointments, and has no way to take one back."""
    return partner in hub.agreements and hub.flow(hub.agreements[partner].out_flow).protocol != "api"
