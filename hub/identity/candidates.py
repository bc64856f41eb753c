"""Which pairs are worth judging: found in sets, from few keys, with crowded blocks left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

CROWDED = 200

# One block per key of a record to match. A key that too many records share decides nothing: it is left out.
PAIRS = """
with wanted as (select i.* from source_identity i where i.source_record_id = any(:records)),
paired as (
  select w.source_record_id as one, o.source_record_id as other
  from wanted w join source_identity o on o.nir_hash = w.nir_hash
  union
  select w.source_record_id, o.source_record_id
  from wanted w join source_identity o on o.birth_date = w.birth_date and o.first_name = w.first_name
  union
  select w.source_record_id, o.source_record_id
  from wanted w join source_identity o
    on o.birth_date = w.birth_date and (o.birth_name in (w.birth_name, w.usage_name) or o.usage_name in (w.birth_name, w.usage_name))
  union
  select w.source_record_id, o.source_record_id
  from wanted w join source_identity o on o.france_travail_number = w.france_travail_number
), counted as (
  select one, other, count(*) over (partition by one) as crowd from paired where one <> other
)
select distinct least(one, other) as a, greatest(one, other) as b from counted where crowd <= :crowded order by 1, 2
"""

DECIDED = """
select record_a as a, record_b as b, verdict from decision
where superseded_at is null and (record_a = any(:records) or record_b = any(:records))
order by 1, 2
"""


def candidate_pairs(connection: Connection, records: Collection[int]) -> list[tuple[int, int]]:
    """Ordered pairs with at least one record of ``records``."""
    rows = connection.execute(text(PAIRS), {"records": list(records), "crowded": CROWDED})
    return [(row.a, row.b) for row in rows]


def decided_pairs(connection: Connection, records: Collection[int]) -> dict[tuple[int, int], str]:
    """What people decided about pairs with at least one record of ``records``."""
    return {(row.a, row.b): row.verdict for row in connection.execute(text(DECIDED), {"records": list(records)})}
