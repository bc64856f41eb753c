"""Which pairs are worth comparing: found in sets by the keys they share; a key that explodes is counted, not followed.

Two certified numbers decide by themselves, so every rule but the number's looks only at pairs where one side has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.identity.keys import LARGEST_BLOCK, NUMBER, RULES
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.storage.statements import Asked

# Of a record i, of its source r and its version v: what ``hub.identity.records.known_of`` reads.
WHO = """i.source_record_id as record, i.flow, i.partner, i.flow || ' ' || r.key as label, i.comparable, i.number_hash, i.nir_state,
  i.shared, v.nir_encrypted"""
NUMBER_END = next(place for place, rule in enumerate(RULES) if rule.name == "fin du numéro, prénom")

# A block too large is seen by its first holders only: whoever is asked about is counted though not among them (``open``).
_BLOCKS = """
with wanted as materialized (
  select k.key, k.rule, k.source_record_id, k.certified
  from source_identity i cross join lateral (
    select key, rule, source_record_id, certified from identity_key o where o.source_record_id = i.source_record_id
  ) k
  where i.source_record_id = any(%(records)s::bigint[])
    and not (case when k.rule = %(number_end)s then %(number)s else k.rule end = any(i.shared))
), holder as materialized (
  select b.key, b.rule, b.open, o.source_record_id, o.certified
  from (select key, rule, max((not certified)::int) as open from wanted group by key, rule) b
  cross join lateral (select source_record_id, certified from identity_key o where o.key = b.key limit %(largest)s + 1) o
), block as materialized (
  select key, rule, count(*) as holders, count(*) * greatest(count(*) filter (where rule = %(number)s or not certified), max(open)) as pairs
  from holder group by key, rule
), pair as materialized (
select distinct least(w.source_record_id, o.source_record_id) as a, greatest(w.source_record_id, o.source_record_id) as b,
   null::smallint as rule
 from wanted w join block using (key) join holder o on o.key = w.key
 where block.holders > 1 and block.pairs <= %(largest)s and o.source_record_id <> w.source_record_id
   and (w.rule = %(number)s or not (w.certified and o.certified))
)
"""

# One statement: the pairs, then a line without a pair for each block that is too large.
PAIRS = f"""{_BLOCKS}
select a, b, null::smallint as rule from pair union all select null, null, rule from block where pairs > %(largest)s
"""  # noqa: S608 - our own

# The same, then a line for each other record that some pair brings in: who it is.
PAIRS_AND_WHO = f"""{_BLOCKS}
select a, b, null::smallint as rule, null::bigint as record, null::text as flow, null::text as partner, null::text as label,
  null::jsonb as comparable, null::bytea as number_hash, null::smallint as nir_state, null::smallint[] as shared, null::bytea as nir_encrypted
from pair
union all select null, null, rule, null, null, null, null, null, null, null, null, null from block where pairs > %(largest)s
union all select null, null, null, {WHO}
from (select a as id from pair union select b from pair) other
join source_identity i on i.source_record_id = other.id
join source_record r on r.id = i.source_record_id
join source_version v on v.source_record_id = r.id and v.version = r.version
where other.id <> all(%(records)s::bigint[])
"""  # noqa: S608 - our own


@dataclass(kw_only=True)
class Found:
    """Ordered pairs of records, who the ``others`` are where that was asked, and how many blocks of each rule were too large to follow."""

    pairs: list[tuple[int, int]] = field(default_factory=list)
    others: list[Any] = field(default_factory=list, repr=False)
    set_aside: Counter[str] = field(default_factory=Counter)


def pairs_and_who(records: Collection[int]) -> Asked:
    """The statement that finds the pairs of a few records, and who the others are."""
    return PAIRS_AND_WHO, _of(records)


def _of(records: Collection[int]) -> dict[str, object]:
    return {"records": list(records), "largest": LARGEST_BLOCK, "number": NUMBER, "number_end": NUMBER_END}


def candidate_pairs(connection: Connection, records: Collection[int], asked: Sequence[Any] | None = None) -> Found:
    """Pairs with at least one record of ``records``; from what ``pairs_and_who`` answered, where it was ``asked`` already."""
    found = Found()
    for row in ask(connection, (PAIRS, _of(records)))[0] if asked is None else asked:
        if row.a is not None:
            found.pairs.append((row.a, row.b))
        elif row.rule is not None:
            found.set_aside[RULES[row.rule].name] += 1
        else:
            found.others.append(row)
    found.pairs.sort()
    return found
