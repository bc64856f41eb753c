"""How rare values are and how large the flows are, frozen: a pair weighs the same today, tomorrow and in a full run.

Counted by a full run once the store is large enough to tell; before that, every value is taken for a typical one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import text

from hub.identity.model.frequencies import FREQUENCIES, Frequencies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.identity.french.person import Person

ENOUGH = 5_000
NOMINAL = 100_000
TYPICAL = {"name": 11.0, "first": 8.0, "born": 14.0, "place": 9.0}
COLUMNS = {kind.name: kind.column for kind in FREQUENCIES}

IN_FORCE = "select records, flows from matching_base order by id desc limit 1"

RARITIES = """
select w.kind, w.value, r.bits
from unnest(cast(:kinds as text[]), cast(:values as text[])) w(kind, value) join value_rarity r using (kind, value)
"""

COUNT = """
insert into value_rarity (kind, value, bits)
select :kind, comparable ->> :column, log(2.0, cast(:records as numeric) / count(*))
from source_identity where comparable ? :column group by 2
"""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What pairs are weighed against: how many records were counted, and how many of each flow."""

    records: int
    flows: Mapping[str, int]

    def size(self, flow: str) -> int:
        """Records of a flow; those of a middling one while it was not counted."""
        return self.flows.get(flow, NOMINAL)


def base_in_force(connection: Connection) -> Base:
    """The last count, or none yet."""
    row = connection.execute(text(IN_FORCE)).first()
    return Base(records=row.records, flows=row.flows) if row else Base(records=0, flows={})


def count_again(connection: Connection, *, model: str, now: datetime) -> None:
    """Count the store as it is, when it is large enough to tell; what is compared after that is compared with it."""
    flows = {
        row.flow: row.records
        for row in connection.execute(text("select flow, count(*) as records from source_identity group by flow"))
    }
    records = sum(flows.values())
    if records < ENOUGH:
        return
    connection.execute(text("delete from value_rarity"))
    for kind, column in COLUMNS.items():
        connection.execute(text(COUNT), {"kind": kind, "column": column, "records": records})
    connection.execute(
        text(
            "insert into matching_base (counted_at, model, records, flows) values (:now, :model, :records, cast(:flows as jsonb))"
        ),
        {"now": now, "model": model, "records": records, "flows": orjson.dumps(flows).decode()},
    )


def frequencies_for(connection: Connection, base: Base, people: Iterable[Person]) -> Frequencies:
    """The rarities of the values that some people carry, as they were last counted."""
    if not base.records:
        return Frequencies(records=NOMINAL, bits={kind: {} for kind in COLUMNS}, typical=TYPICAL)
    wanted: dict[tuple[str, str], object] = {}
    for person in people:
        for kind, column in COLUMNS.items():
            for name in (column, "usage_bare") if kind == "name" else (column,):
                if (value := getattr(person, name)) is not None:
                    wanted[kind, str(value)] = value
    bits: defaultdict[str, dict[object, float]] = defaultdict(dict, {kind: {} for kind in COLUMNS})
    kinds, values = [kind for kind, _ in wanted], [value for _, value in wanted]
    for row in connection.execute(text(RARITIES), {"kinds": kinds, "values": values}):
        bits[row.kind][wanted[row.kind, row.value]] = row.bits
    return Frequencies(records=base.records, bits=bits)
