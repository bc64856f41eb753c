"""Links written: each record's person, whose id it keeps, and where a person without records forwards to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson

from hub.identity.records import MATCHED, Move

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.identity.clusters import Edge
    from hub.identity.comparisons import Matcher
    from hub.identity.thresholds import Check

AUTHOR = "hub"
ALONE, BY_NUMBER, BY_MODEL, BY_HAND = "seul", "numero", "modele", "decision_humaine"

SUPERSEDE = "update link set superseded_at = %(now)s where superseded_at is null and source_record_id = any(%(records)s::bigint[])"

LINK = """
with appeared as (
  insert into person (id, created_at) select unnest(%(new)s::uuid[]), %(now)s
)
insert into link (source_record_id, person_id, method, score, evidence, author, decided_at)
select record, person, method, score, evidence::jsonb, author, %(now)s
from unnest(%(records)s::bigint[], %(persons)s::uuid[], %(methods)s::text[], %(scores)s::float8[], %(evidence)s::text[],
            %(authors)s::text[]) l(record, person, method, score, evidence, author)
"""

# The last of an event: its links, and what was read is done with.
LINK_AND_MATCHED = LINK.replace("with appeared as", f"with matched as ({MATCHED}), appeared as", 1)

STILL = "select distinct person_id as id from link where superseded_at is null and person_id = any(%(persons)s::uuid[])"

FORWARD = """
update person p set forwards_to = f.kept from unnest(%(gone)s::uuid[], %(kept)s::uuid[]) f(gone, kept) where p.id = f.gone
"""


@dataclass(kw_only=True)
class Reconciled:
    """What matching did: counts, and the persons it touched."""

    records: int = 0
    linked: int = 0
    new_persons: int = 0
    merged: int = 0
    reviews_opened: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    touched: set[UUID] = field(default_factory=set)
    moved: list[Move] = field(default_factory=list)
    placed: dict[int, UUID] = field(default_factory=dict)
    thresholds: Check | None = None


def write_links(
    matcher: Matcher, parts: list[list[int]], *, before: Mapping[int, tuple[Any, UUID]], brought: Mapping[int, Edge],
    done: Reconciled, now: datetime,
) -> None:  # fmt: skip
    moves: dict[int, UUID] = {}
    new_persons: list[UUID] = []
    claimed: set[UUID] = set()
    for members in parts:
        person, is_new = _choose(members, before, claimed)
        claimed.add(person)
        if is_new:
            new_persons.append(person)
        moves |= {record: person for record in members if record not in before or before[record][1] != person}
        done.placed |= dict.fromkeys(members, person)
    left = {before[record][1] for record in moves if record in before}
    done.touched |= left | set(moves.values())
    done.moved += [
        Move(record=record, old=before[record][1], new=person) for record, person in moves.items() if record in before
    ]
    done.new_persons += len(new_persons)
    done.linked += len(moves)
    if not moves:
        return
    links = [_link(record, person, brought.get(record)) for record, person in moves.items()]
    columns = dict(
        zip(
            ("records", "persons", "methods", "scores", "evidence", "authors"),
            map(list, zip(*links, strict=True)),
            strict=True,
        )
    )
    leaving = [record for record in moves if record in before]
    if leaving:
        matcher.later.append((SUPERSEDE, {"records": leaving, "now": now}))
    matcher.later.append((LINK, {**columns, "new": new_persons, "now": now}))
    _forward(matcher, moves, before=before, done=done)


def finish(matcher: Matcher, seen: Mapping[int, int]) -> None:
    """Write what is still to be written, and that some records are matched, in the versions that were read."""
    read = {"seen": list(seen), "versions": list(seen.values())}
    if matcher.later and matcher.later[-1][0] is LINK:
        matcher.ask((LINK_AND_MATCHED, {**matcher.later.pop()[1], **read}))
    else:
        matcher.ask((MATCHED, read))


def _choose(members: list[int], before: Mapping[int, tuple[Any, UUID]], claimed: set[UUID]) -> tuple[UUID, bool]:
    """The oldest person among the members, unless another part of a split already kept that id.

    Of two that appeared together it is that of the oldest record: never a matter of chance.
    """
    known = sorted((before[record] for record in members if record in before), key=lambda person: person[0])
    for _, person in known:
        if person not in claimed:
            return person, False
    return uuid4(), True


def _link(record: int, person: UUID, edge: Edge | None) -> tuple[Any, ...]:
    if edge is None:
        return record, person, ALONE, None, "{}", AUTHOR
    evidence = orjson.dumps({"avec": edge.b if edge.a == record else edge.a, **edge.evidence}).decode()
    if edge.human:
        return record, person, BY_HAND, 1.0, evidence, edge.evidence["auteur"]
    method = BY_NUMBER if "certified_number" in edge.evidence["regles"] else BY_MODEL
    return record, person, method, edge.chance, evidence, AUTHOR


def _forward(
    matcher: Matcher, moves: Mapping[int, UUID], *, before: Mapping[int, tuple[Any, UUID]], done: Reconciled
) -> None:
    """A person left without any record forwards to where its records went."""
    emptied: dict[UUID, UUID] = {before[record][1]: person for record, person in moves.items() if record in before}
    if not emptied:
        return
    (still,) = matcher.ask((STILL, {"persons": list(emptied)}))
    for row in still:
        emptied.pop(row.id, None)
    done.merged += len(emptied)
    if emptied:
        matcher.ask((FORWARD, {"gone": list(emptied), "kept": list(emptied.values())}))
