"""Review cases: opened for pairs the model would not decide alone, closed when nothing is left to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

# A pair the model would link and that is not one person was refused by a rule of persons.
OPEN = """
insert into review_case (record_a, record_b, kind, evidence, chance, opened_at)
select c.record_a, c.record_b, case c.decision when 'link' then 'rapprochement_refuse' else 'a_confirmer' end,
       c.evidence, c.chance, %(now)s
from comparison c
join link a on a.source_record_id = c.record_a and a.superseded_at is null
join link b on b.source_record_id = c.record_b and b.superseded_at is null
where c.contended and c.decision in ('link', 'review') and (c.record_a = any(%(records)s::bigint[]) or c.record_b = any(%(records)s::bigint[]))
  and a.person_id <> b.person_id
  and not exists (
    select from decision d where d.record_a = c.record_a and d.record_b = c.record_b and d.superseded_at is null)
order by c.record_a, c.record_b
on conflict (record_a, record_b) where closed_at is null do nothing
returning 1
"""

# Nothing is left to ask: they are one person, or the model now says plainly that they are two.
CLOSE = """
update review_case r set closed_at = %(now)s, closed_by = 'hub'
where r.closed_at is null and r.kind <> 'deux_verites' and (r.record_a = any(%(records)s::bigint[]) or r.record_b = any(%(records)s::bigint[]))
  and (not exists (
      select from comparison c
      where c.record_a = r.record_a and c.record_b = r.record_b and c.decision in ('link', 'review'))
    or exists (
      select from link a join link b using (person_id)
      where a.source_record_id = r.record_a and b.source_record_id = r.record_b
        and a.superseded_at is null and b.superseded_at is null))
"""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Some records whose links are written: whether a case waits about any of them, and whether a pair of theirs is doubtful."""

    records: Collection[int]
    waits: bool
    doubtful: bool


def keep_cases(connection: Connection, asked: Asking, *, now: datetime) -> int:
    """Open and close the cases of some records; returns how many were opened."""
    known = {"records": list(asked.records), "now": now}
    if asked.waits:
        ask(connection, (CLOSE, known))
    return len(ask(connection, (OPEN, known))[0]) if asked.doubtful else 0
