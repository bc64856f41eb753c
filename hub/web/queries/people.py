"""One person: what is known, who said it, which records, what was shared; and how a person is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.identity.french.text import letters
from schemas.beneficiary import facts
from schemas.nir import Nir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.storage.vault import Vault

MOST = 20

PERSON = """
select p.id, p.created_at, p.forwards_to, d.content, d.updated_at
from person p left join dossier d on d.person_id = p.id where p.id = :person
"""

RECORDS = """
select r.id, r.flow, r.partner, r.as_of, r.delivery_id, r.left_on, l.method, l.author, l.decided_at, v.content, v.nir_encrypted
from link l join source_record r on r.id = l.source_record_id
join source_version v on v.source_record_id = r.id and v.version = r.version
where l.person_id = :person and l.superseded_at is null order by r.id limit :most
"""

SHARED = """
select m.id, m.partner, m.state, m.created_at, m.sent_at, m.acknowledged_at, m.reason, d.fields, d.purpose
from (select * from message where person_id = :person order by created_at desc limit :most) m
left join lateral (select fields, purpose from disclosure where person_id = :person and message_id = m.id limit 1) d on true
order by m.created_at desc, m.partner
"""

BY_NUMBER = """
select distinct l.person_id from source_identity i join link l on l.source_record_id = i.source_record_id
and l.superseded_at is null where i.nir_hash = :hash limit :most
"""

BY_CIVIL_STATUS = """
select distinct l.person_id from source_identity i join link l on l.source_record_id = i.source_record_id
and l.superseded_at is null
where i.birth_date = :born and (cast(:first_name as text) is null or i.comparable ->> 'first_name' = :first_name) limit :most
"""

SUMMARY = """
select d.person_id, d.content -> 'identity.birth_name' ->> 'value' as birth_name,
       d.content -> 'identity.first_names' -> 'value' ->> 0 as first_name,
       d.content -> 'identity.birth_date' ->> 'value' as birth_date, d.content -> 'contact.commune_name' ->> 'value' as commune
from dossier d where d.person_id = any(:persons) order by 2, 3
"""


def person(connection: Connection, number: UUID) -> Any:
    """The person and their dossier; None when nobody has that id."""
    return connection.execute(text(PERSON), {"person": number}).first()


def records(connection: Connection, number: UUID) -> Sequence[Any]:
    """The records linked to a person, with why."""
    return connection.execute(text(RECORDS), {"person": number, "most": MOST}).all()


def shared(connection: Connection, number: UUID) -> Sequence[Any]:
    """The last messages about a person: to whom, which fields, for what, and what became of them."""
    return connection.execute(text(SHARED), {"person": number, "most": MOST}).all()


def by_number(connection: Connection, vault: Vault, typed: str) -> list[UUID]:
    """The persons a NIR stands for; nobody when what was typed is none."""
    nir = Nir.parse(typed)
    if nir is None or not nir.usable:
        return []
    asked = {"hash": vault.hash("nir", nir.value.encode()), "most": MOST}
    return list(connection.execute(text(BY_NUMBER), asked).scalars())


def by_civil_status(connection: Connection, born: date, first_name: str) -> list[UUID]:
    """The persons born that day, with that first name where one is given."""
    given = (letters(first_name) or "").split()
    asked = {"born": born, "first_name": given[0] if given else None, "most": MOST}
    return list(connection.execute(text(BY_CIVIL_STATUS), asked).scalars())


def summaries(connection: Connection, persons: Sequence[UUID]) -> Sequence[Any]:
    """What is enough to tell them apart in a list."""
    return connection.execute(text(SUMMARY), {"persons": list(persons)}).all()


def blocks(content: Mapping[str, Mapping[str, Any]], said: Sequence[Any]) -> list[dict[str, Any]]:
    """The dossier by block, in reading order: each field's value, who said it and when, and who says otherwise."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in facts():
        if path in content and path not in TECHNICAL:
            kept = dict(content[path])
            others = [
                {"partner": row.partner, "value": row.content[path]}
                for row in said
                if path in row.content and row.content[path] != kept["value"]
            ]
            found.setdefault(path.partition(".")[0], []).append({"path": path, **kept, "others": others})
    return [{"name": BLOCKS.get(name, name), "fields": fields} for name, fields in found.items()]


# About the number itself, which has its own place on the page.
TECHNICAL = frozenset({"identity.nir_key_status", "identity.nir_kind", "identity.birth_date_precision"})

BLOCKS = {
    "identity": "État civil",
    "identifiers": "Identifiants",
    "household": "Foyer",
    "contact": "Contact",
    "rsa": "RSA",
    "job_seeker": "Demandeur d'emploi",
    "orientation": "Orientation",
    "referent": "Référent",
    "contract": "Contrat",
    "appointment": "Rendez-vous",
    "actions": "Actions",
    "diagnosis": "Diagnostic",
    "follow_ups": "Accompagnements",
    "structure": "Structure",
}
