"""Review cases: what the machine would not decide alone, in the order in which deciding helps most, and what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text, update

from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration
from schemas.tables import decision, review_case, review_opinion

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from hub.opening import Hub

VERDICTS = ("same", "distinct", "unsure")
BOTH = " et "

# What an answer is worth: how little the model knows, what a wrong merge would harm, and how many partners wait for it.
# A case between relatives who look alike counts four times, as the model's own costs have it. Kept beside the case, so that
# the queue is read in that order from an index; weighed again whenever its records' persons are touched.
WEIGH = """
with concerned as materialized (
  select distinct source_record_id as record from link where superseded_at is null and person_id = any(:persons)
), mine as (
  select c.id from concerned join review_case c on c.record_a = concerned.record and c.closed_at is null
  union
  select c.id from concerned join review_case c on c.record_b = concerned.record and c.closed_at is null
), weighed as (
  select c.id, round(((0.1 + 4 * coalesce(c.chance * (1 - c.chance), 0.25))
    * (case when c.evidence -> 'regles' ?| array['perhaps_twins', 'perhaps_father_and_son', 'another_name', 'twins_with_one_number', 'another_sex'] then 4 else 1 end + w.told)
    * (1 + w.partners))::numeric, 3)::float as worth
  from mine join review_case c on c.id = mine.id
  cross join lateral (
    select count(distinct r.partner) as partners, count(distinct t.partner) as told
    from link l join link m on m.person_id = l.person_id and m.superseded_at is null
    join source_record r on r.id = m.source_record_id and r.left_on is null
    left join told t on t.person_id = l.person_id and t.content <> '{}'::jsonb
    where l.superseded_at is null and l.source_record_id in (c.record_a, c.record_b)
  ) w
)
update review_case c set worth = w.worth from weighed w where c.id = w.id and c.worth <> w.worth
"""

WAITING = """
select c.id, c.kind, a.flow as flow_a, b.flow as flow_b, c.opened_at, c.chance, c.owner, c.worth as priority,
  (select count(*) from review_opinion p where p.case_id = c.id and p.superseded_at is null) as opinions,
  (select count(distinct r.partner)
   from link l join link m on m.person_id = l.person_id and m.superseded_at is null
   join source_record r on r.id = m.source_record_id and r.left_on is null
   where l.superseded_at is null and l.source_record_id in (c.record_a, c.record_b)) as partners,
  (select count(distinct t.partner)
   from link l join told t on t.person_id = l.person_id and t.content <> '{}'::jsonb
   where l.superseded_at is null and l.source_record_id in (c.record_a, c.record_b)) as told
from (
  select * from review_case where closed_at is null and (cast(:owner as text) is null or owner = :owner)
  order by worth desc, id limit :limit
) c
join source_record a on a.id = c.record_a
join source_record b on b.id = c.record_b
order by c.worth desc, c.id
"""


def weigh_cases(connection: Connection, persons: Collection[UUID]) -> None:
    """Say again what an answer is worth, of the open cases of some persons: once links and what was told are written."""
    connection.execute(text(WEIGH), {"persons": list(persons)})


def open_cases(hub: Hub, *, limit: int = 50, owner: str | None = None) -> list[dict[str, Any]]:
    """The cases that wait, those worth most first; ``owner``: only those for the owner of a field."""
    with hub.engine.connect() as connection:
        rows = connection.execute(text(WAITING), {"limit": limit, "owner": owner})
        return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public name


def show(hub: Hub, case: int) -> dict[str, Any]:
    """One case with its stored evidence and what people said of it; raises ``FixTheDeclaration`` when there is no such case."""
    opinion = review_opinion.c
    with hub.engine.connect() as connection:
        row = connection.execute(select(review_case).where(review_case.c.id == case)).first()
        said = connection.execute(
            select(opinion.verdict, opinion.author, opinion.reason, opinion.given_at)
            .where(opinion.case_id == case, opinion.superseded_at.is_(None))
            .order_by(opinion.id)
        ).all()
    if row is None:
        raise FixTheDeclaration(f"No case {case}: hub review list shows them.")
    return dict(row._mapping) | {"opinions": [dict(each._mapping) for each in said]}  # noqa: SLF001 - public name


def takes_two(hub: Hub, case: int, verdict: str) -> bool:
    """Whether two people must agree before an open case is decided so."""
    with hub.engine.connect() as connection:
        row = connection.execute(
            select(review_case).where(review_case.c.id == case, review_case.c.closed_at.is_(None))
        ).first()
    return row is not None and _needed(row, verdict, two_above=hub.settings.review_two_above) > 1


def decide(hub: Hub, case: int, *, verdict: str, author: str, reason: str | None, now: datetime) -> bool:
    """Keep what a person says of a pair. Once it is decided, close the case and have both records matched again.

    Against a model that is sure of the contrary (``HUB_REVIEW_TWO_ABOVE``), two different people must agree: returns whether the
    case is decided.
    """
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile", shared=True)  # a run under way would take the pair for matched
        row = connection.execute(
            select(review_case).where(review_case.c.id == case, review_case.c.closed_at.is_(None)).with_for_update()
        ).first()
        if row is None:
            raise FixTheDeclaration(f"No open case {case}: hub review list shows them.")
        agreed = _hear(connection, case, verdict=verdict, author=author, reason=reason, now=now)
        if len(agreed) < _needed(row, verdict, two_above=hub.settings.review_two_above):
            return False
        keep_decision(
            connection, (row.record_a, row.record_b), verdict=verdict, author=BOTH.join(agreed), reason=reason, now=now
        )
        connection.execute(update(review_case).where(review_case.c.id == case).values(closed_at=now, closed_by=author))
        pair = {"record_a": row.record_a, "record_b": row.record_b}
        connection.execute(text("update source_record set to_match = true where id in (:record_a, :record_b)"), pair)
    return True


def _needed(row: Row[Any], verdict: str, *, two_above: float) -> int:
    """How many people must agree: two where the verdict is far from the chance the model gave."""
    if row.chance is None or verdict == "unsure":
        return 1
    return 2 if abs((verdict == "same") - row.chance) > two_above else 1


def _hear(
    connection: Connection, case: int, *, verdict: str, author: str, reason: str | None, now: datetime
) -> list[str]:
    """Keep an opinion over the author's earlier one; returns who holds the same now, in the order they said so."""
    opinion = review_opinion.c
    current = (opinion.case_id == case) & opinion.superseded_at.is_(None)
    mine = text("lower(trim(author)) = lower(trim(:me))").bindparams(me=author)
    connection.execute(update(review_opinion).where(current, mine).values(superseded_at=now))
    connection.execute(
        insert(review_opinion).values(case_id=case, verdict=verdict, author=author, reason=reason, given_at=now)
    )
    chosen = select(opinion.author).where(current, opinion.verdict == verdict).order_by(opinion.id)
    return list(connection.execute(chosen).scalars())


def keep_decision(
    connection: Connection, pair: tuple[int, int], *, verdict: str, author: str, reason: str | None, now: datetime
) -> None:
    """Keep a decision about an ordered pair over an earlier one, which stays readable."""
    held = (decision.c.record_a == pair[0]) & (decision.c.record_b == pair[1]) & decision.c.superseded_at.is_(None)
    connection.execute(update(decision).where(held).values(superseded_at=now))
    connection.execute(
        insert(decision).values(
            record_a=pair[0], record_b=pair[1], verdict=verdict, reason=reason, author=author, decided_at=now
        )
    )
