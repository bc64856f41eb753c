"""Recall: take back what a partner was told about a person it should never have been told about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.protections import protections, silenced
from hub.sharing.select import withdraw_told

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.sharing.agreements import Agreement

FOLLOWED = """
select distinct r.partner, l.person_id from link l join source_record r on r.id = l.source_record_id and r.left_on is null
where l.superseded_at is null and l.person_id = any(:persons)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraction:
    """A partner's own record that was withdrawn: whom it spoke of, and in which words."""

    partner: str
    person_id: UUID
    own: Mapping[str, Any]


def retract(
    connection: Connection, agreements: Mapping[str, Agreement], retractions: Sequence[Retraction], *, now: datetime
) -> Counter[str]:
    """Tell each partner, in its own words, that all it was told of a person it follows no more does not hold."""
    persons = sorted({each.person_id for each in retractions})
    still = {(row.partner, row.person_id) for row in connection.execute(text(FOLLOWED), {"persons": persons})}
    silent = silenced(protections(connection, persons, now=now))
    chosen = {
        (each.partner, each.person_id): each.own
        for each in retractions
        if each.partner in agreements and (each.partner, each.person_id) not in still and each.person_id not in silent
    }
    return withdraw_told(connection, agreements, chosen, now=now)
