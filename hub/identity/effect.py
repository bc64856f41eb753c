"""What matching again would do to persons, or did: who would be merged, who split, in how many households, worst first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.identity.records import Move

SHOWN = 50
ALWAYS_ALLOWED = 10

NOW_IN = """
select l.source_record_id as record, l.person_id as person, i.household
from link l left join source_identity i on i.source_record_id = l.source_record_id
where l.superseded_at is null and l.person_id = any(:persons)
"""

TOLD = (
    "select person_id, count(distinct partner) as partners from told where person_id = any(:persons) group by person_id"
)

PERSONS = "select count(distinct person_id) from link where superseded_at is null"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Counts, and the changes that touch most partners and records first: person ids only."""

    persons: int
    merges: int = 0
    splits: int = 0
    households: int = 0
    worst: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def above(self, limit: float) -> bool:
        """Whether more than a share of all persons change; a handful always may."""
        return self.merges + self.splits > max(ALWAYS_ALLOWED, limit * self.persons)

    def to_dict(self) -> dict[str, Any]:
        return {
            "persons": self.persons, "merges": self.merges, "splits": self.splits, "households": self.households,
            "worst": list(self.worst),
        }  # fmt: skip


def effect_of(connection: Connection, moved: Iterable[Move]) -> Effect:
    """What some moves came to, read in the transaction that made them."""
    persons = connection.execute(text(PERSONS)).scalar_one()
    old = {move.record: move.old for move in moved}
    touched = sorted({*old.values(), *(move.new for move in moved)})
    if not touched:
        return Effect(persons=persons)
    rows = connection.execute(text(NOW_IN), {"persons": touched}).all()
    told = {row.person_id: row.partners for row in connection.execute(text(TOLD), {"persons": touched})}
    before, after = (
        {row.record: old.get(row.record, row.person) for row in rows},
        {row.record: row.person for row in rows},
    )
    changes = _changes("merge", before, after) + _changes("split", after, before)
    worst = sorted(
        (change | {"partners_told": sum(told.get(person, 0) for person in change["persons"])} for change in changes),
        key=lambda change: (-change["partners_told"], -change["records"], [str(person) for person in change["persons"]]),
    )  # fmt: skip
    return Effect(
        persons=persons,
        merges=sum(change["kind"] == "merge" for change in changes),
        splits=sum(change["kind"] == "split" for change in changes),
        households=len({row.household for row in rows if row.household}),
        worst=worst[:SHOWN],
    )


def _changes(kind: str, one: Mapping[int, UUID], other: Mapping[int, UUID]) -> list[dict[str, Any]]:
    """Persons of one side that several of the other meet in. Ids are those of the persons there were before."""
    met: defaultdict[UUID, list[int]] = defaultdict(list)
    for record, person in other.items():
        met[person].append(record)
    found = []
    for person, records in met.items():
        parts = sorted({one[record] for record in records})
        if len(parts) > 1:
            found.append({"kind": kind, "persons": parts if kind == "merge" else [person], "records": len(records)})
    return found
