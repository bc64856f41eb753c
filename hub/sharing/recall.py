"""Recall: take back what a partner was told about a person it should never have been told about."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.dossiers.protections import protections, silenced
from hub.sharing.news import not_yet_told
from hub.sharing.select import withdraw_told

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.sharing.agreements import Agreement
    from hub.sharing.news import Origin

FOLLOWED = """
select distinct r.partner, l.person_id from link l join source_record r on r.id = l.source_record_id and r.left_on is null
where l.superseded_at is null and l.person_id = any(:persons)
"""

TOLD = """
select t.partner, t.content, d.content as dossier,
  coalesce((select jsonb_agg(m.payload order by m.sequence desc) from message m
            where m.partner = t.partner and m.person_id = t.person_id and m.state in ('pending', 'parked') and m.sync_file_id is null
           ), '[]'::jsonb) as unsent
from told t left join dossier d on d.person_id = t.person_id where t.person_id = :person order by t.partner
"""

OWN = """
select r.partner, l.source_record_id as record from link l join source_record r on r.id = l.source_record_id
where l.superseded_at is null and l.person_id = :person
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAcross:
    """What partners had really been sent about one person: each field with the record it came from; and each partner's own records."""

    fields: Mapping[str, Mapping[str, int]]
    own: Mapping[str, Sequence[int]]

    def because_of(self, now_in: Mapping[int, UUID]) -> dict[str, list[str]]:
        """The fields that each partner would not have been sent, had the person been the persons there are now."""
        found = {
            partner: sorted(
                path
                for path, record in fields.items()
                if now_in.get(record) not in {now_in.get(own) for own in self.own.get(partner, ())}
            )
            for partner, fields in self.fields.items()
        }
        return {partner: paths for partner, paths in found.items() if paths}


def told_across(connection: Connection, person: UUID) -> ToldAcross:
    """Read it before the links of the person change. Messages that have not left were told to nobody."""
    fields: dict[str, dict[str, int]] = {}
    for row in connection.execute(text(TOLD), {"person": person}):
        sent = not_yet_told(row.content, row.unsent)
        dossier = row.dossier or {}
        fields[row.partner] = {path: dossier[path]["record"] for path in sent if path in dossier}
    own: defaultdict[str, list[int]] = defaultdict(list)
    for row in connection.execute(text(OWN), {"person": person}):
        own[row.partner].append(row.record)
    return ToldAcross(fields=fields, own=own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraction:
    """A partner's own record that was withdrawn: whom it spoke of, and in which words."""

    partner: str
    person_id: UUID
    own: Mapping[str, Any]


def retract(
    connection: Connection, agreements: Mapping[str, Agreement], retractions: Sequence[Retraction], *, now: datetime, origin: Origin,
) -> Counter[str]:  # fmt: skip
    """Tell each partner, in its own words, that all it was told of a person it follows no more does not hold."""
    persons = sorted({each.person_id for each in retractions})
    still = {(row.partner, row.person_id) for row in connection.execute(text(FOLLOWED), {"persons": persons})}
    silent = silenced(protections(connection, persons, now=now))
    chosen = {
        (each.partner, each.person_id): each.own
        for each in retractions
        if each.partner in agreements and (each.partner, each.person_id) not in still and each.person_id not in silent
    }
    return withdraw_told(connection, agreements, chosen, now=now, origin=origin)
