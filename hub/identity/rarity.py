"""How rare values are and how large the flows are, frozen: a pair weighs the same today, tomorrow and in a full run.

Counted by a full run once the store is large enough to tell; before that, every value is taken for a typical one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import text

from hub.identity.model.frequencies import FREQUENCIES, Frequencies
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from hub.identity.french.person import Person

ENOUGH = 5_000
NOMINAL = 100_000
TYPICAL = {"name": 11.0, "first": 8.0, "born": 14.0, "place": 9.0}
COLUMNS = {kind.name: kind.column for kind in FREQUENCIES}
CARRIED = {kind: (column, "usage_bare") if kind == "name" else (column,) for kind, column in COLUMNS.items()}
WHERE_SHARED = {
    "born",
    "place",
}  # asked of those alone that two carry: where they differ, how rare they are is not looked at
MOST_REMEMBERED = 200_000
_REMEMBERED: WeakKeyDictionary[Engine, tuple[tuple[object, ...], dict[tuple[str, str], float | None]]] = (
    WeakKeyDictionary()
)

IN_FORCE = "select id, counted_at, records, flows from matching_base order by id desc limit 1"

# The same beside whether pairs wait to be judged: one row, of a base without a number while nothing was counted.
AT_HAND = f"""
select b.*, exists (select from comparison where chance is null) as to_judge
from (select) one left join lateral ({IN_FORCE}) b on true
"""  # noqa: S608 - our own

RARITIES = """
select w.kind, w.value, r.bits
from unnest(%(kinds)s::text[], %(values)s::text[]) w(kind, value) left join value_rarity r using (kind, value)
"""

COUNT = """
insert into value_rarity (kind, value, bits)
select :kind, comparable ->> :column, log(2.0, cast(:records as numeric) / count(*))
from source_identity where comparable ? :column group by 2
"""


# Only what the records that go can have had to themselves when it was counted, and nobody carries now.
FORGET_RARE = """
with mine as (
  select distinct v.value from source_identity i join value_rarity v on v.kind = :kind and v.value = i.comparable ->> :column
  where i.source_record_id = any(:records)
    and v.bits > (select log(2.0, cast(records as numeric) / :most) - 0.01 from matching_base order by id desc limit 1)
)
delete from value_rarity v using mine m
where v.kind = :kind and v.value = m.value and not exists (
  select from source_identity o where o.comparable ->> :column = m.value and o.source_record_id <> all(:records))
"""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What pairs are weighed against: how many records were counted, how many of each flow, and in which count."""

    records: int
    flows: Mapping[str, int]
    counted: tuple[object, ...] = ()

    def size(self, flow: str) -> int:
        """Records of a flow; those of a middling one while it was not counted."""
        return self.flows.get(flow, NOMINAL)


NONE_YET = Base(records=0, flows={})


def base_in_force(connection: Connection) -> Base:
    """The last count, or none yet."""
    return base_of(ask(connection, (IN_FORCE, {}))[0])


def base_of(rows: Sequence[Any]) -> Base:
    """The same from what was read."""
    return next(
        (Base(records=row.records, flows=row.flows, counted=(row.id, row.counted_at)) for row in rows if row.id),
        NONE_YET,
    )


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


def forget_rarities(connection: Connection, records: Sequence[int]) -> int:
    """Take away the values that nobody carries but some records that go: a name alone may say who it was. Returns how many."""
    known = {"records": list(records), "most": max(1, len(records))}
    return sum(
        connection.execute(text(FORGET_RARE), known | {"kind": kind, "column": column}).rowcount
        for kind, column in COLUMNS.items()
    )


def frequencies_for(connection: Connection, base: Base, people: Iterable[Person]) -> Frequencies:
    """The rarities of the values that some people carry, as they were last counted."""
    if not base.records:
        return Frequencies(records=NOMINAL, bits={kind: {} for kind in COLUMNS}, typical=TYPICAL)
    wanted = _wanted(people)
    bits: dict[str, dict[object, float]] = {kind: {} for kind in COLUMNS}
    for (kind, text_), rarity in _rarities(connection, base, wanted).items():
        if rarity is not None:
            bits[kind][wanted[kind, text_]] = rarity
    return Frequencies(records=base.records, bits=bits)


def _wanted(people: Iterable[Person]) -> dict[tuple[str, str], object]:
    """The values whose rarity may be asked for when some people are compared, as they are kept and as they are."""
    carried = [
        (kind, value)
        for person in people
        for kind, columns in CARRIED.items()
        for column in columns
        if (value := getattr(person, column)) is not None
    ]
    times = Counter(carried)
    return {(kind, str(value)): value for kind, value in carried if kind not in WHERE_SHARED or times[kind, value] > 1}


def _rarities(
    connection: Connection, base: Base, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], float | None]:
    """As counted; what a process has read once it remembers for as long as that count is in force."""
    remembered = _remembered(connection.engine, base)
    if len(wanted) > MOST_REMEMBERED:
        return _read(connection, wanted)
    missing = [each for each in wanted if each not in remembered]
    if len(remembered) + len(missing) > MOST_REMEMBERED:
        remembered.clear()
        missing = list(wanted)
    remembered.update(_read(connection, missing))
    return {each: remembered[each] for each in wanted}


def _read(connection: Connection, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], float | None]:
    if not wanted:
        return {}
    asked = {"kinds": [kind for kind, _ in wanted], "values": [value for _, value in wanted]}
    return {(row.kind, row.value): row.bits for row in ask(connection, (RARITIES, asked))[0]}


def _remembered(engine: Engine, base: Base) -> dict[tuple[str, str], float | None]:
    counted, read = _REMEMBERED.get(engine, ((), {}))
    if counted != base.counted:
        counted, read = _REMEMBERED[engine] = (base.counted, {})
    return read
