"""Review cases: the queue, and two records side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.identity.french.text import letters
from schemas.beneficiary import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

# Those worth most first, as `hub review list` has them; an index holds them in that order.
QUEUE = """
select c.id, c.kind, c.opened_at, c.chance, c.worth, a.flow as flow_a, b.flow as flow_b,
  (select count(*) from review_opinion p where p.case_id = c.id and p.superseded_at is null) as opinions,
  (select count(distinct r.partner)
   from link l join link m on m.person_id = l.person_id and m.superseded_at is null
   join source_record r on r.id = m.source_record_id and r.left_on is null
   where l.superseded_at is null and l.source_record_id in (c.record_a, c.record_b)) as partners
from (
  select * from review_case
  where closed_at is null and worth <= coalesce((select worth from review_case where id = :after), 'infinity')
    and (id > :after or worth < coalesce((select worth from review_case where id = :after), 'infinity'))
  order by worth desc, id limit :limit
) c
join source_record a on a.id = c.record_a join source_record b on b.id = c.record_b
order by c.worth desc, c.id
"""

ONE = """
select c.id, c.kind, c.evidence, c.opened_at, c.closed_at, c.closed_by, c.record_a, c.record_b,
       d.verdict, d.author, d.reason, d.decided_at
from review_case c
left join decision d on d.record_a = c.record_a and d.record_b = c.record_b and d.superseded_at is null
where c.id = :id
"""

RECORDS = """
select r.id, r.flow, r.partner, r.as_of, r.delivery_id, v.content, r.nir_hash, l.person_id
from source_record r join source_version v on v.source_record_id = r.id and v.version = r.version
left join link l on l.source_record_id = r.id and l.superseded_at is null
where r.id in (:a, :b)
"""

OPINIONS = """
select verdict, author, reason, given_at from review_opinion where case_id = :id and superseded_at is null order by id
"""

NEXT = """
select id from review_case
where closed_at is null and worth <= (select worth from review_case where id = :id)
  and (id > :id or worth < (select worth from review_case where id = :id))
order by worth desc, id limit 1
"""
PREVIOUS = """
select id from review_case
where closed_at is null and worth >= (select worth from review_case where id = :id)
  and (id < :id or worth > (select worth from review_case where id = :id))
order by worth, id desc limit 1
"""
PLACE = """
select count(*) from review_case
where closed_at is null and worth >= (select worth from review_case where id = :id)
  and (id <= :id or worth > (select worth from review_case where id = :id))
"""

# What tells people apart comes first; what is about their situation after it.
FIRST = ("identity", "contact", "identifiers")
HIDDEN = frozenset({"identity.nir", "identity.nir_key_status", "identity.nir_kind", "identity.birth_date_precision"})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field of two records: what each says, and whether that is the same."""

    path: str
    a: Any
    b: Any

    @property
    def agreement(self) -> str:
        if self.a is None or self.b is None:
            return "seul"
        if self.a == self.b:
            return "egal"
        return "proche" if _letters(self.a) == _letters(self.b) else "different"

    @property
    def tells_apart(self) -> bool:
        """Whether the field speaks of who somebody is, rather than of their situation."""
        return self.path.partition(".")[0] in FIRST


def _letters(value: Any) -> list[str | None]:
    """What is left of a value without case, accents and punctuation."""
    return [letters(str(each)) for each in (value if isinstance(value, list) else [value])]


def queue(connection: Connection, *, after: int, limit: int) -> Sequence[Any]:
    """The open cases, those worth most first, after a given one."""
    return connection.execute(text(QUEUE), {"after": after, "limit": limit}).all()


def one(connection: Connection, number: int) -> Any:
    """One case with the decision that stands about its pair; None when there is none."""
    return connection.execute(text(ONE), {"id": number}).first()


def opinions(connection: Connection, number: int) -> Sequence[Any]:
    """What each person said of a case so far."""
    return connection.execute(text(OPINIONS), {"id": number}).all()


def records(connection: Connection, a: int, b: int) -> tuple[Any, Any]:
    """The two records, with what they say now."""
    found = {row.id: row for row in connection.execute(text(RECORDS), {"a": a, "b": b})}
    return found[a], found[b]


def neighbours(connection: Connection, number: int) -> tuple[int | None, int | None]:
    """The open cases before and after one, in the order of the queue."""
    return (
        connection.execute(text(PREVIOUS), {"id": number}).scalar(),
        connection.execute(text(NEXT), {"id": number}).scalar(),
    )


def place(connection: Connection, number: int) -> int:
    """How far in the queue a case is, from one."""
    return int(connection.execute(text(PLACE), {"id": number}).scalar_one())


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """Field by field, in reading order; the number is compared, never shown."""
    order = list(facts())
    paths = [path for path in order if (path in a or path in b) and path not in HIDDEN]
    blocks = {name: place for place, name in enumerate(FIRST)}
    paths.sort(key=lambda path: (blocks.get(path.partition(".")[0], len(FIRST)), order.index(path)))
    return [Difference(path=path, a=a.get(path), b=b.get(path)) for path in paths]
