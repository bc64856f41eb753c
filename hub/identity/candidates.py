"""Which pairs are worth comparing: found in sets by the keys they share; a key that explodes is counted, not followed.

Two certified numbers decide by themselves, so every rule but the number's looks only at pairs where one side has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import text

from hub.identity.keys import LARGEST_BLOCK, NUMBER, RULES

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

NUMBER_END = next(place for place, rule in enumerate(RULES) if rule.name == "fin du numéro, prénom")

SIZED = """
create temporary table block on commit drop as
with wanted as (
  select k.key, k.rule, k.source_record_id, k.certified
  from identity_key k join source_identity i using (source_record_id)
  where k.source_record_id = any(:records)
    and not (case when k.rule = :number_end then :number else k.rule end = any(i.shared))
), sized as (
  select b.key, b.rule, count(*) as holders, count(*) filter (where b.rule = :number or not o.certified) as few
  from (select distinct key, rule from wanted) b
  cross join lateral (select certified from identity_key o where o.key = b.key limit :largest + 1) o
  group by b.key, b.rule
)
select w.key, w.rule, w.source_record_id, w.certified, s.holders * s.few as pairs
from wanted w join sized s using (key)
where s.holders > 1
"""

PAIRS = """
select distinct least(w.source_record_id, o.source_record_id) as a, greatest(w.source_record_id, o.source_record_id) as b
from block w join identity_key o on o.key = w.key
where w.pairs <= :largest and o.source_record_id <> w.source_record_id and (w.rule = :number or not (w.certified and o.certified))
order by 1, 2
"""

ASIDE = "select distinct on (key) rule, pairs from block where pairs > :largest"

DECIDED = """
select record_a as a, record_b as b, verdict from decision
where superseded_at is null and (record_a = any(:records) or record_b = any(:records))
order by 1, 2
"""


@dataclass(kw_only=True)
class Found:
    """Ordered pairs of records, and how many blocks of each rule were too large to follow."""

    pairs: list[tuple[int, int]] = field(default_factory=list)
    set_aside: Counter[str] = field(default_factory=Counter)


def candidate_pairs(connection: Connection, records: Collection[int]) -> Found:
    """Pairs with at least one record of ``records``."""
    known = {
        "records": list(records), "largest": LARGEST_BLOCK, "number": NUMBER, "number_end": NUMBER_END,
    }  # fmt: skip
    connection.execute(text(SIZED), known)
    rows = connection.execute(text(PAIRS), known)
    found = Found(pairs=[(row.a, row.b) for row in rows])
    found.set_aside.update(RULES[row.rule].name for row in connection.execute(text(ASIDE), known))
    connection.execute(text("drop table block"))
    return found


def decided_pairs(connection: Connection, records: Collection[int]) -> dict[tuple[int, int], str]:
    """What people decided about pairs with at least one record of ``records``."""
    return {(row.a, row.b): row.verdict for row in connection.execute(text(DECIDED), {"records": list(records)})}
