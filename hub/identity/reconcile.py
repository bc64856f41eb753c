"""Reconcile identities: pair, judge, gather, and write links that supersede and never erase."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from hub.identity.candidates import candidate_pairs, decided_pairs
from hub.identity.clusters import Clusters, Edge, gather
from hub.identity.ladder import judge
from hub.identity.records import Move, current_persons, load_keys, refresh_keys, with_companions
from hub.store import copy_rows, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.identity.standardise import Keys

AUTHOR = "hub"

SUPERSEDE = """
update link set superseded_at = :now
where superseded_at is null and source_record_id = any(:records)
"""

FORWARD = "update person set forwards_to = :kept where id = :gone"

OPEN_CASES = """
insert into review_case (record_a, record_b, kind, evidence, opened_at)
select n.a, n.b, n.kind, n.evidence, :now
from (select distinct on (a, b) * from new_case order by a, b) n
where not exists (select from decision d where d.record_a = n.a and d.record_b = n.b and d.superseded_at is null)
on conflict (record_a, record_b) where closed_at is null do nothing
"""

CLOSE_MOOT = """
update review_case c set closed_at = :now, closed_by = 'hub'
from link a, link b
where c.closed_at is null and a.source_record_id = c.record_a and b.source_record_id = c.record_b
  and a.superseded_at is null and b.superseded_at is null and a.person_id = b.person_id
"""


@dataclass(kw_only=True)
class Reconciled:
    """What matching did: counts, and the persons it touched."""

    records: int = 0
    linked: int = 0
    new_persons: int = 0
    merged: int = 0
    reviews_opened: int = 0
    touched: set[UUID] = field(default_factory=set)
    moved: list[Move] = field(default_factory=list)


def reconcile(connection: Connection, *, now: datetime, full: bool = False) -> Reconciled:
    """Match what is new or changed (``full``: everything), in the caller's transaction; one run at a time.

    Source records are never rewritten. A person keeps its id; when two turn out to be one, the older id stays and the
    other forwards to it. Running again with nothing new changes nothing.
    """
    take_lock(connection, "reconcile")
    seen, in_question = refresh_keys(connection, full=full)
    done = Reconciled(records=len(seen))
    if in_question:
        _match(connection, with_companions(connection, in_question), done=done, now=now)
    done.touched |= {person for _, person in current_persons(connection, seen).values()}
    connection.execute(text("update source_record set to_match = false where to_match"))
    return done


def _match(connection: Connection, records: list[int], *, done: Reconciled, now: datetime) -> None:
    pairs = candidate_pairs(connection, records)
    decided = decided_pairs(connection, records)
    around = sorted({*records, *(each for pair in (*pairs, *decided) for each in pair)})
    around = with_companions(connection, around)
    keys = load_keys(connection, around)
    edges, doubtful, apart = _judge_all(pairs, decided, keys)
    before = current_persons(connection, around)
    clusters = Clusters(keys=keys, apart=frozenset(apart))
    for held in _held(before, set(records)):
        clusters.hold_together(held)
    brought, refused = gather(clusters, edges)
    _write_links(connection, clusters, records, before=before, brought=brought, done=done, now=now)
    doubtful += [(edge.a, edge.b, "rapprochement_refuse", edge.levels) for edge in refused]
    apart_still = [case for case in doubtful if clusters.root(case[0]) != clusters.root(case[1])]
    _open_cases(connection, apart_still, done=done, now=now)


def _judge_all(
    pairs: Iterable[tuple[int, int]], decided: Mapping[tuple[int, int], str], keys: Mapping[int, Keys]
) -> tuple[list[Edge], list[tuple[int, int, str, Mapping[str, object]]], set[tuple[int, int]]]:
    edges = [
        Edge(a=a, b=b, score=1.0, rung="decision_humaine", levels={}, human=True)
        for (a, b), verdict in decided.items()
        if verdict == "same"
    ]
    apart = {pair for pair, verdict in decided.items() if verdict == "distinct"}
    doubtful: list[tuple[int, int, str, Mapping[str, object]]] = []
    for a, b in pairs:
        if decided.get((a, b)) in {"same", "distinct"}:
            continue
        verdict, seen = judge(keys[a], keys[b])
        if verdict is None:
            continue
        if verdict.decision == "link":
            edges.append(Edge(a=a, b=b, score=verdict.score, rung=verdict.rung, levels=seen.levels()))
        elif verdict.decision == "review":
            doubtful.append((a, b, verdict.rung, seen.levels()))
        else:
            apart.add((a, b))
    return edges, doubtful, apart


def _held(before: Mapping[int, tuple[Any, UUID]], in_question: set[int]) -> Iterable[list[int]]:
    """Records of one person that nobody questions stay together."""
    held: defaultdict[UUID, list[int]] = defaultdict(list)
    for record, (_, person) in before.items():
        if record not in in_question:
            held[person].append(record)
    return held.values()


def _write_links(
    connection: Connection, clusters: Clusters, records: list[int], *, before: Mapping[int, tuple[Any, UUID]],
    brought: Mapping[int, Edge], done: Reconciled, now: datetime,
) -> None:  # fmt: skip
    moves: dict[int, UUID] = {}
    new_persons: list[UUID] = []
    claimed: set[UUID] = set()
    for members in _clusters_of(clusters, records):
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
    done.new_persons, done.linked = len(new_persons), len(moves)
    copy_rows(connection, "copy person (id, created_at) from stdin", ((person, now) for person in new_persons))
    connection.execute(text(SUPERSEDE), {"records": [record for record in moves if record in before], "now": now})
    copy_rows(
        connection,
        "copy link (source_record_id, person_id, method, score, evidence, author, decided_at) from stdin",
        (_link(record, person, brought.get(record), now) for record, person in moves.items()),
    )
    _forward(connection, moves, before=before, done=done)


def _clusters_of(clusters: Clusters, records: list[int]) -> list[list[int]]:
    return [sorted(clusters.members(root)) for root in sorted({clusters.root(record) for record in records})]


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
        return record, person, "seul", None, "{}", AUTHOR, now
    evidence = orjson.dumps({"avec": edge.b if edge.a == record else edge.a, "niveaux": edge.levels}).decode()
    return record, person, edge.rung, edge.score, evidence, AUTHOR, now


def _forward(
    connection: Connection, moves: Mapping[int, UUID], *, before: Mapping[int, tuple[Any, UUID]], done: Reconciled
) -> None:
    """A person left without any record forwards to where its records went."""
    emptied: dict[UUID, UUID] = {before[record][1]: person for record, person in moves.items() if record in before}
    still = connection.execute(
        text("select distinct person_id from link where superseded_at is null and person_id = any(:ids)"),
        {"ids": list(emptied)},
    ).scalars()
    for person in still.all():
        emptied.pop(person, None)
    done.merged = len(emptied)
    if emptied:
        connection.execute(text(FORWARD), [{"kept": kept, "gone": gone} for gone, kept in emptied.items()])


def _open_cases(
    connection: Connection,
    doubtful: list[tuple[int, int, str, Mapping[str, object]]],
    *,
    done: Reconciled,
    now: datetime,
) -> None:
    connection.execute(
        text("create temporary table new_case (a bigint, b bigint, kind text, evidence jsonb) on commit drop")
    )
    copy_rows(
        connection,
        "copy new_case (a, b, kind, evidence) from stdin",
        ((a, b, kind, orjson.dumps({"niveaux": levels}).decode()) for a, b, kind, levels in doubtful),
    )
    done.reviews_opened = connection.execute(text(OPEN_CASES), {"now": now}).rowcount
    connection.execute(text("drop table new_case"))
    connection.execute(text(CLOSE_MOOT), {"now": now})
