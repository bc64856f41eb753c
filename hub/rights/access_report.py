"""The right of access: what is known of a person, from whom, who was told what, and a proof of it that needs no hub.

Relatives' data are masked: a telephone or an address that somebody else's records give too may be theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import text

from hub.dossiers.protections import current_person, every_id, protections
from hub.proof.checkpoints import sign_journal
from hub.proof.journal_export import proof_of
from schemas.beneficiary import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.opening import Hub

SHARED = "partagé avec une autre personne : masqué"
HELD_SEALED = "détenu, chiffré"

SAID = """
select r.id, r.partner, r.flow, r.left_on, v.version, v.as_of, v.recorded_at, v.withdrawn_at, v.content,
       v.nir_encrypted is not null as has_nir
from link l join source_record r on r.id = l.source_record_id join source_version v on v.source_record_id = r.id
where l.superseded_at is null and l.person_id = :person
order by r.partner, r.id, v.version
"""

TOLD = """
select d.position, d.at, d.partner, d.purpose, d.fields, m.state, m.payload -> 'fields' as told
from disclosure d left join message m on m.id = d.message_id
where d.person_id = any(:persons) order by d.position
"""

# What the records of anybody else give as well.
OTHERS = """
select coalesce(array_agg(distinct i.email) filter (where i.email = any(:emails)), '{}') as emails,
       coalesce(array_agg(distinct i.phone) filter (where i.phone = any(:phones)), '{}') as phones
from (select source_record_id, comparable ->> 'email' as email, comparable ->> 'phone' as phone from source_identity) i
where (i.email = any(:emails) or i.phone = any(:phones)) and i.source_record_id <> all(:records)
"""


def access_report(hub: Hub, person: UUID, *, now: datetime) -> dict[str, Any]:
    """The whole report as one JSON document; the journal is signed first, so that every line can be proven.

    Raises ``FixTheDeclaration`` when nobody has that id.
    """
    if hub.can_sign:
        sign_journal(hub, now=now)
    with hub.engine.connect() as connection:
        who = current_person(connection, person)
        persons = every_id(connection, who)
        said = connection.execute(text(SAID), {"person": who}).all()
        hidden = _shared_with_others(connection, said)
        dossier = (
            connection.execute(text("select content from dossier where person_id = :p"), {"p": who}).scalar() or {}
        )
        return {
            "person": str(who),
            "ids": [str(each) for each in persons],
            "established_at": now.isoformat(),
            "protections": sorted(protections(connection, [who], now=now).get(who, ())),
            "known": [_known(path, each, hidden) for path, each in sorted(dossier.items())],
            "said": _said(hub, said, hidden),
            "told": _told(connection, persons, hidden),
            "proof": {**proof_of(connection, persons), "public_key": hub.public_key.hex() if hub.public_key else None},
        }


def _shared_with_others(connection: Connection, said: Sequence[Any]) -> set[str]:
    """The contacts that somebody else's records give too."""
    contents = [row.content for row in said]
    phones = sorted({phone for each in contents for phone in each.get("contact.phones") or ()})
    emails = sorted({each["contact.email"] for each in contents if each.get("contact.email")})
    asked = {"emails": emails, "phones": [phone[-9:] for phone in phones], "records": sorted({row.id for row in said})}
    others = connection.execute(text(OTHERS), asked).one()
    return {*others.emails, *(phone for phone in phones if phone[-9:] in others.phones)}


def _shown(value: Any, hidden: set[str]) -> Any:
    if isinstance(value, list):
        return [_shown(each, hidden) for each in value]
    return SHARED if isinstance(value, str) and value in hidden else value


def _known(path: str, kept: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    return {
        "field": path,
        "label": facts()[path].label,
        "value": _shown(kept["value"], hidden),
        "partner": kept["partner"],
        "as_of": kept["as_of"],
    }


def _said(hub: Hub, rows: Sequence[Any], hidden: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "partner": row.partner,
            "flow": row.flow,
            "source": hub.flows[row.flow].label if row.flow in hub.flows else row.flow,
            "version": row.version,
            "as_of": row.as_of.isoformat() if row.as_of else None,
            "recorded_at": row.recorded_at.isoformat(),
            "withdrawn": row.withdrawn_at is not None,
            "left_on": row.left_on.isoformat() if row.left_on else None,
            "nir": HELD_SEALED if row.has_nir else None,
            "facts": [
                {"field": path, "label": facts()[path].label, "value": _shown(value, hidden)}
                for path, value in sorted(row.content.items())
                if path in facts()
            ],
        }
        for row in rows
    ]


def _told(connection: Connection, persons: Sequence[UUID], hidden: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "entry": row.position,
            "at": row.at.isoformat(),
            "partner": row.partner,
            "purpose": row.purpose,
            "state": row.state,
            "fields": [
                {"field": path, "label": facts()[path].label, "value": _shown((row.told or {}).get(path), hidden)}
                for path in row.fields
            ],
        }
        for row in connection.execute(text(TOLD), {"persons": list(persons)})
    ]


def as_page(report: Mapping[str, Any]) -> str:
    """The report in French, as a page that prints; it fetches nothing and runs nothing."""
    environment = Environment(
        loader=PackageLoader("hub.rights"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["jour"] = lambda moment: "/".join(reversed(moment[:10].split("-"))) if moment else "–"
    environment.filters["dit"] = _in_words
    return environment.get_template("acces.html").render(report=report)


def _in_words(value: Any) -> str:
    if value is None:
        return "retirée, ou plus gardée"
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, list):
        return " ; ".join(_in_words(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} : {_in_words(each)}" for name, each in value.items() if each is not None)
    return str(value)
