"""Which pairs are worth comparing: found in sets by the keys they share; a key that explodes is counted, not followed.

Two certified numbers decide by themselves, so every rule but the number's looks only at pairs where one side has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.identity.keys import LARGEST_BLOCK, NUMBER, RULES
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

NUMBER_END = next(place for place, rule in enumerate(RULES) if rule.name == "fin du numéro, prénom")

# One statement: the pairs, then a line without a pair for each block that is too large.
PAIRS = """
with wanted as materialized (
  select k.key, k.rule, k.source_record_id, k.certified
  from identity_key k join source_identity i using (source_record_id)
  where k.source_record_id = any(%(records)b::bigint[])
    and not (case when k.rule = %(number_end)s then %(number)s else k.rule end = any(i.shared))
), block as materialized (
  select b.key, b.rule, count(*) as holders, count(*) * count(*) filter (where b.rule = %(number)s or not o.certified) as pairs
  from (select distinct key, rule from wanted) b
  cross join lateral (select certified from identity_key o where o.key = b.key limit %(largest)s + 1) o
  group by b.key, b.rule
)
(select distinct least(w.source_record_id, o.source_record_id) as a, greatest(w.source_record_id, o.source_record_id) as b,
   null::smallint as rule
 from wanted w join block using (key) join identity_key o on o.key = w.key
 where block.holders > 1 and block.pairs <= %(largest)s and o.source_record_id <> w.source_record_id
   and (w.rule = %(number)s or not (w.certified and o.certified))
 order by 1, 2)
union all select null, null, rule from block where pairs > %(largest)s
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
    found = Found()
    for row in ask(connection, (PAIRS, known))[0]:
        if row.rule is None:
            found.pairs.append((row.a, row.b))
        else:
            found.set_aside[RULES[row.rule].name] += 1
    return found
