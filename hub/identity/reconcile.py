"""Reconcile identities: compare, judge, gather, and write links that supersede and never erase."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from hub.identity.cases import keep_cases
from hub.identity.clusters import Clusters, Edge, gather
from hub.identity.comparisons import Matcher, compare_again, compared, judge_again, to_judge
from hub.identity.model.rules import forbidden
from hub.identity.rarity import base_in_force, count_again
from hub.identity.records import Move, current_persons, load_known, refresh
from hub.identity.two_truths import keep_two_truths
from hub.storage.store import copy_rows, take_lock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.identity.clusters import Pair
    from hub.identity.comparable import Known
    from hub.identity.matching import Matching
    from hub.storage.vault import Vault

AUTHOR = "hub"
CHUNK = 20_000
ROUNDS = 4
ALONE, BY_NUMBER, BY_MODEL, BY_HAND = "seul", "numero", "modele", "decision_humaine"

# Everybody that some records may be one person with: through links of the model, of people, and of today.
REACH = """
with recursive reach(record) as (
  select unnest(cast(:records as bigint[]))
  union
  select n.record from reach r cross join lateral (
    select c.record_b as record from comparison c where c.record_a = r.record and c.decision = 'link'
    union all select c.record_a from comparison c where c.record_b = r.record and c.decision = 'link'
    union all select d.record_b from decision d
      where d.record_a = r.record and d.superseded_at is null and d.verdict = 'same'
    union all select d.record_a from decision d
      where d.record_b = r.record and d.superseded_at is null and d.verdict = 'same'
    union all select o.source_record_id from link l join link o on o.person_id = l.person_id and o.superseded_at is null
      where l.source_record_id = r.record and l.superseded_at is null
  ) n
)
select i.source_record_id from reach join source_identity i on i.source_record_id = reach.record
"""

AMONG = """
select record_a as a, record_b as b, chance, decision, evidence from comparison
where record_a = any(:records) and record_b = any(:records)
"""

SAID = """
select record_a as a, record_b as b, verdict, author from decision
where superseded_at is null and verdict in ('same', 'distinct') and record_a = any(:records) and record_b = any(:records)
"""

SUPERSEDE = """
update link set superseded_at = :now
where superseded_at is null and source_record_id = any(:records)
"""

FORWARD = "update person set forwards_to = :kept where id = :gone"


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


def reconcile(
    connection: Connection, vault: Vault, matching: Matching, *, now: datetime, full: bool = False
) -> Reconciled:
    """Match what is new or changed (``full``: everything), in the caller's transaction; one run at a time.

    Source records are never rewritten. A person keeps its id; when two turn out to be one, the older id stays and the
    other forwards to it; when one turns out to be two, the part with the oldest certified record keeps it. Running again
    with nothing new changes nothing, and records may come in any order.
    """
    take_lock(connection, "reconcile")
    refreshed = refresh(connection, vault, full=full)
    if full:
        count_again(connection, model=matching.model.version, now=now)
    matcher = _matcher(connection, vault, matching, full=full)
    done = Reconciled(records=len(refreshed.seen))
    concerned = compare_again(matcher, sorted(refreshed.changed), done.set_aside)
    turned = judge_again(matcher, concerned | to_judge(connection))
    _gather_all(matcher, turned | refreshed.in_question, done=done, now=now)
    done.touched |= {person for _, person in current_persons(connection, refreshed.seen).values()}
    connection.execute(text("update source_record set to_match = false where to_match"))
    return done


def gather_again(
    connection: Connection, vault: Vault, matching: Matching, records: Collection[int], *, now: datetime
) -> Reconciled:
    """Make persons again of some records and all they may be one with, after people decided something about them."""
    take_lock(connection, "reconcile")
    done = Reconciled(records=len(records))
    _gather_all(_matcher(connection, vault, matching), records, done=done, now=now)
    return done


def _matcher(connection: Connection, vault: Vault, matching: Matching, *, full: bool = False) -> Matcher:
    return Matcher(connection=connection, vault=vault, matching=matching, base=base_in_force(connection), full=full)


def _gather_all(matcher: Matcher, records: Collection[int], *, done: Reconciled, now: datetime) -> None:
    """Make persons again of some records and all they may be one with, a bounded number at a time."""
    waiting, over = sorted(records), set[int]()
    for start in range(0, len(waiting), CHUNK):
        chosen = [record for record in waiting[start : start + CHUNK] if record not in over]
        reached = sorted(matcher.connection.execute(text(REACH), {"records": chosen}).scalars())
        over.update(reached)
        if reached:
            _gather(matcher, reached, done=done, now=now)


def _gather(matcher: Matcher, records: list[int], *, done: Reconciled, now: datetime) -> None:
    connection = matcher.connection
    people = load_known(connection, matcher.vault, records)
    compared_pairs = connection.execute(text(AMONG), {"records": records}).all()
    said = connection.execute(text(SAID), {"records": records}).all()
    decided = {(row.a, row.b) for row in said}
    edges = [
        Edge(a=row.a, b=row.b, chance=1.0, evidence={"auteur": row.author}, human=True)
        for row in said
        if row.verdict == "same"
    ] + [
        Edge(a=row.a, b=row.b, chance=row.chance, evidence=row.evidence)
        for row in compared_pairs
        if row.decision == "link" and (row.a, row.b) not in decided
    ]
    never = {(row.a, row.b) for row in compared_pairs if row.decision == "never"}
    apart = frozenset((row.a, row.b) for row in said if row.verdict == "distinct")
    known = decided | {(row.a, row.b) for row in compared_pairs}
    clusters, brought = _possible(matcher, people, edges, never=never, apart=apart, known=known)
    parts = _parts(clusters, records)
    _write_links(connection, parts, brought=brought, done=done, now=now)
    done.reviews_opened += keep_cases(connection, records, now=now)
    done.reviews_opened += keep_two_truths(connection, people, parts, now=now)


def _possible(
    matcher: Matcher, people: Mapping[int, Known], edges: Sequence[Edge], *, never: set[Pair], apart: frozenset[Pair],
    known: set[Pair],
) -> tuple[Clusters, dict[int, Edge]]:  # fmt: skip
    """Persons in which no two records are forbidden to each other, those that no key brought together included."""
    looked_at = set(known)
    for _ in range(ROUNDS):
        clusters = Clusters(people=people, never=frozenset(never), apart=apart)
        brought, _ = gather(clusters, edges)
        implied = _implied(clusters, looked_at)
        if not implied:
            break
        looked_at.update(implied)
        pairs = compared(matcher, implied)
        refused = forbidden(pairs.levels)
        if not refused.any():
            break
        never |= set(zip(pairs.a[refused].tolist(), pairs.b[refused].tolist(), strict=True))
    return clusters, brought


def _implied(clusters: Clusters, known: set[Pair]) -> list[Pair]:
    """Pairs inside one person that were never compared."""
    roots = {clusters.root(record) for record in clusters.people}
    inside = (pair for root in roots for pair in combinations(sorted(clusters.members(root)), 2))
    return [pair for pair in inside if pair not in known]


def _parts(clusters: Clusters, records: Iterable[int]) -> list[list[int]]:
    """The persons, that with the oldest certified record first: on a split it keeps the id."""
    parts = [sorted(clusters.members(root)) for root in {clusters.root(record) for record in records}]

    def age(members: list[int]) -> tuple[bool, int]:
        certified = [record for record in members if clusters.people[record].certified is not None]
        return not certified, min(certified or members)

    return sorted(parts, key=age)


def _write_links(
    connection: Connection, parts: list[list[int]], *, brought: Mapping[int, Edge], done: Reconciled, now: datetime
) -> None:
    before = current_persons(connection, [record for members in parts for record in members])
    moves: dict[int, UUID] = {}
    new_persons: list[UUID] = []
    claimed: set[UUID] = set()
    for members in parts:
        person, is_new = _choose(members, before, claimed)
        claimed.add(person)
        if is_new:
            new_persons.append(person)
        moves |= {record: person for record in members if record not in before or before[record][1] != person}
    left = {before[record][1] for record in moves if record in before}
    done.touched |= left | set(moves.values())
    done.moved += [
        Move(record=record, old=before[record][1], new=person) for record, person in moves.items() if record in before
    ]
    done.new_persons += len(new_persons)
    done.linked += len(moves)
    copy_rows(connection, "copy person (id, created_at) from stdin", ((person, now) for person in new_persons))
    if not moves:
        return
    connection.execute(text(SUPERSEDE), {"records": [record for record in moves if record in before], "now": now})
    copy_rows(
        connection,
        "copy link (source_record_id, person_id, method, score, evidence, author, decided_at) from stdin",
        (_link(record, person, brought.get(record), now) for record, person in moves.items()),
    )
    _forward(connection, moves, before=before, done=done)


def _choose(members: list[int], before: Mapping[int, tuple[Any, UUID]], claimed: set[UUID]) -> tuple[UUID, bool]:
    """The oldest person among the members, unless another part of a split already kept that id.

    Of two that appeared together it is that of the oldest record: never a matter of chance.
    """
    known = sorted((before[record] for record in members if record in before), key=lambda person: person[0])
    for _, person in known:
        if person not in claimed:
            return person, False
    return uuid4(), True


def _link(record: int, person: UUID, edge: Edge | None, now: datetime) -> tuple[Any, ...]:
    if edge is None:
        return record, person, ALONE, None, "{}", AUTHOR, now
    evidence = orjson.dumps({"avec": edge.b if edge.a == record else edge.a, **edge.evidence}).decode()
    if edge.human:
        return record, person, BY_HAND, 1.0, evidence, edge.evidence["auteur"], now
    method = BY_NUMBER if "certified_number" in edge.evidence["regles"] else BY_MODEL
    return record, person, method, edge.chance, evidence, AUTHOR, now


def _forward(
    connection: Connection, moves: Mapping[int, UUID], *, before: Mapping[int, tuple[Any, UUID]], done: Reconciled
) -> None:
    """A person left without any record forwards to where its records went."""
    emptied: dict[UUID, UUID] = {before[record][1]: person for record, person in moves.items() if record in before}
    if not emptied:
        return
    still = connection.execute(
        text("select distinct person_id from link where superseded_at is null and person_id = any(:ids)"),
        {"ids": list(emptied)},
    ).scalars()
    for person in still.all():
        emptied.pop(person, None)
    done.merged += len(emptied)
    if emptied:
        connection.execute(text(FORWARD), [{"kept": kept, "gone": gone} for gone, kept in emptied.items()])
