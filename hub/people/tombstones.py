"""Tombstones: by what an erased person would be recognised, as keyed hashes; whoever comes back is seen, and waits.

A record that bears such a mark is hidden and nothing leaves about its person, until somebody readmits or erases it. A namesake
born the same day is held too: somebody looks, nobody is turned away by a machine.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.alarms import Alarm, raise_alarms
from hub.dossiers.protections import put
from hub.storage.store import copy_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from hub.opening import Hub
    from hub.storage.vault import Vault

CASE = "personne_effacee_revenue"
RETURNED = (
    "Des personnes effacées à leur demande reviennent dans un fichier : rien ne part à leur sujet. "
    "hub person protections --kind returned, puis hub person readmit ou hub person erase."
)

BURIED = """
select e.id as erasure, x.record, r.flow, r.key, r.nir_hash, i.comparable ->> 'birth_name' as birth_name,
       i.comparable ->> 'first_name' as first_name, i.birth_date
from erased_record x
join erasure e on e.person_id = x.who
join source_record r on r.id = x.record
left join source_identity i on i.source_record_id = x.record
"""

# The records linked just now, unless somebody already decided that this one may be here.
ARRIVED = """
select l.person_id, r.id as record, r.flow, r.key, r.nir_hash, i.comparable ->> 'birth_name' as birth_name,
       i.comparable ->> 'first_name' as first_name, i.birth_date
from link l
join source_record r on r.id = l.source_record_id
left join source_identity i on i.source_record_id = r.id
where l.superseded_at is null and l.decided_at = :now and l.person_id = any(:persons)
  and not exists (
    select from protection_record c join protection p on p.id = c.protection_id
    where c.source_record_id = r.id and p.kind = 'returned'
  )
"""


def marks(vault: Vault, row: Row[Any]) -> Iterator[bytes]:
    """The keyed hashes a record would be recognised by: its number, its partner's key, its civil status.

    None is a hash of a hash: another search key can be laid over each as it is.
    """
    with suppress(ValueError):
        yield bytes.fromhex(row.key)
    if row.nir_hash is not None:
        yield bytes(row.nir_hash)
    if row.birth_name and row.first_name and row.birth_date:
        civil = f"civil\0{row.birth_name}\0{row.first_name}\0{row.birth_date.isoformat()}"
        yield vault.hash("grave", civil.encode())


def leave_tombstones(hub: Hub, connection: Connection, erasures: Collection[int]) -> None:
    """Remember by what the people of ``erased_record`` would be recognised."""
    rows = connection.execute(text(BURIED)).all()
    found = sorted({(row.erasure, mark) for row in rows if row.erasure in erasures for mark in marks(hub.vault, row)})
    connection.execute(text("create temporary table left_mark (like tombstone) on commit drop"))
    copy_rows(connection, "copy left_mark (erasure_id, mark) from stdin", found)
    connection.execute(text("insert into tombstone select * from left_mark on conflict do nothing"))


def hold_returned(hub: Hub, connection: Connection, persons: Collection[UUID], *, now: datetime) -> int:
    """Hold back whoever of some persons was linked just now and bears the mark of an erased one; raises an alarm."""
    if not connection.execute(text("select exists (select from tombstone)")).scalar_one():
        return 0
    borne: dict[bytes, UUID] = {}
    for row in connection.execute(text(ARRIVED), {"now": now, "persons": list(persons)}):
        borne |= dict.fromkeys(marks(hub.vault, row), row.person_id)
    known = connection.execute(
        text("select mark from tombstone where mark = any(:marks)"), {"marks": list(borne)}
    ).scalars()
    returned = {borne[bytes(mark)] for mark in known}
    if returned:
        put(
            connection, returned, kind="returned", reason="effacée, puis revenue dans un fichier", author="hub", now=now
        )
        raise_alarms(connection, [Alarm(kind=CASE, subject="personnes", message=RETURNED)], now=now)
    return len(returned)
