"""Reconcile identities: compare, judge, gather, and write links that supersede and never erase."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import orjson

from hub.identity.cases import Asking, keep_cases
from hub.identity.clusters import Clusters, Edge, gather
from hub.identity.comparisons import TO_JUDGE, Matcher, compare_again, compared
from hub.identity.evidence import LINK as LINKED
from hub.identity.evidence import NEVER_ as NEVER
from hub.identity.judging import judge_again
from hub.identity.links import Reconciled, finish, write_links
from hub.identity.model.rules import forbidden
from hub.identity.rarity import AT_HAND, IN_FORCE, base_in_force, base_of, count_again
from hub.identity.records import asked, current_persons, refresh
from hub.identity.thresholds import check
from hub.identity.two_truths import keep_two_truths
from hub.storage.statements import FOR_MANY, ask
from hub.storage.store import lock_for_a_few

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.identity.clusters import Pair
    from hub.identity.comparable import Known
    from hub.identity.matching import Matching
    from hub.storage.vault import Vault

CHUNK = 20_000
FEW = 1_000
ROUNDS = 4
SAME, DISTINCT = VERDICTS = "same", "distinct"

# Everybody that some records may be one person with, through links of the model, of people, and of today; and whose each is now. Then,
# on lines without a record, what the model says of each pair among those that one record reaches, and what people said: looked up one
# by one (``offset 0``), for a plan made while the tables were small would read them whole.
REACH = """
with recursive whole(root, record) as (
  select r, r from unnest(%(records)s::bigint[]) r
  union
  select r.root, n.record from whole r cross join lateral (
    select c.record_b as record from comparison c where c.record_a = r.record and c.contended and c.decision = 'link'
    union all select c.record_a from comparison c where c.record_b = r.record and c.contended and c.decision = 'link'
    union all select d.record_b from decision d
      where d.record_a = r.record and d.superseded_at is null and d.verdict = 'same'
    union all select d.record_a from decision d
      where d.record_b = r.record and d.superseded_at is null and d.verdict = 'same'
    union all select o.source_record_id from link l join link o on o.person_id = l.person_id and o.superseded_at is null
      where l.source_record_id = r.record and l.superseded_at is null
  ) n
), reach as materialized (
select whole.record, now_in.person, now_in.created_at,
  coalesce((select true from review_case c where c.closed_at is null and c.record_a = whole.record limit 1),
           (select true from review_case c where c.closed_at is null and c.record_b = whole.record limit 1)) as in_review,
  coalesce((select true from comparison c where c.record_a = whole.record and c.contended and c.decision = 'review' limit 1),
           (select true from comparison c where c.record_b = whole.record and c.contended and c.decision = 'review' limit 1)) as to_review
from (select distinct record from whole) whole
cross join lateral (select true from source_identity i where i.source_record_id = whole.record limit 1) known
left join lateral (
  select l.person_id as person, p.created_at from link l join person p on p.id = l.person_id
  where l.source_record_id = whole.record and l.superseded_at is null limit 1
) now_in on true
), among as materialized (
select distinct x.record as a, y.record as b from whole x join whole y on y.root = x.root and y.record > x.record
)
select record, person, created_at, in_review, to_review,
  null::bigint as a, null::bigint as b, null::float8 as chance, null::text as said, null::text as by
from reach
union all
select null, null, null, null, null, c.record_a, c.record_b, c.chance, c.decision, case c.decision when 'link' then c.evidence::text end
from among cross join lateral (select * from comparison where record_a = among.a and record_b = among.b offset 0) c
union all
select null, null, null, null, null, d.record_a, d.record_b, null, d.verdict, d.author
from among cross join lateral (
  select * from decision where record_a = among.a and record_b = among.b and superseded_at is null and verdict in ('same', 'distinct') offset 0
) d
"""


def reconcile(
    connection: Connection, vault: Vault, matching: Matching, *, now: datetime, full: bool = False,
    chosen: Collection[int] | None = None,
) -> Reconciled:  # fmt: skip
    """Match what is new or changed (``full``: everything; ``chosen``: those of it), in the caller's transaction; one run at a time.

    Source records are never rewritten. A person keeps its id; when two turn out to be one, the older id stays and the
    other forwards to it; when one turns out to be two, the part with the oldest certified record keeps it. Running again
    with nothing new changes nothing, and records may come in any order.
    """
    _, rows, at_hand = ask(connection, lock_for_a_few("reconcile"), asked(chosen), (AT_HAND, {}))
    waiting: Sequence[Any] = ask(connection, (TO_JUDGE, {}))[0] if at_hand[0].to_judge else ()
    if full or len(rows) >= FEW:
        ask(connection, (FOR_MANY, {}))
    refreshed = refresh(connection, vault, full=full, chosen=chosen, first=None if full else rows)
    if full:
        count_again(connection, model=matching.model.version, now=now)
    matcher = Matcher(
        connection=connection, vault=vault, matching=matching, full=full, people=refreshed.people,
        base=base_in_force(connection) if full else base_of(at_hand),
    )  # fmt: skip
    done = Reconciled(records=len(refreshed.seen))
    concerned, fresh = compare_again(
        matcher, sorted(refreshed.changed), refreshed.before, done.set_aside, refreshed.found
    )
    turned = judge_again(matcher, concerned | {row.record for row in waiting}, fresh)
    _gather_all(matcher, turned | refreshed.in_question, done=done, now=now)
    if full:
        done.thresholds = check(matcher, refreshed.seen.keys(), now=now)
    others = refreshed.seen.keys() - done.placed.keys()
    done.touched |= {done.placed[record] for record in refreshed.seen.keys() & done.placed.keys()}
    done.touched |= {person for _, person in current_persons(connection, others).values()}
    finish(matcher, refreshed.seen)
    return done


def gather_again(
    connection: Connection, vault: Vault, matching: Matching, records: Collection[int], *, now: datetime
) -> Reconciled:
    """Make persons again of some records and all they may be one with, after people decided something about them."""
    _, counted = ask(connection, lock_for_a_few("reconcile"), (IN_FORCE, {}))
    matcher = Matcher(connection=connection, vault=vault, matching=matching, base=base_of(counted))
    done = Reconciled(records=len(records))
    _gather_all(matcher, records, done=done, now=now)
    matcher.ask()
    return done


def _gather_all(matcher: Matcher, records: Collection[int], *, done: Reconciled, now: datetime) -> None:
    """Make persons again of some records and all they may be one with, a bounded number at a time."""
    waiting, over = sorted(records), set[int]()
    for start in range(0, len(waiting), CHUNK):
        chosen = [record for record in waiting[start : start + CHUNK] if record not in over]
        (rows,) = matcher.ask((REACH, {"records": chosen})) if chosen else ((),)
        reached = sorted((row for row in rows if row.record is not None), key=lambda row: row.record)
        over.update(row.record for row in reached)
        if reached:
            _gather(matcher, reached, [row for row in rows if row.record is None], done=done, now=now)


def _gather(matcher: Matcher, reached: Sequence[Any], among: Sequence[Any], *, done: Reconciled, now: datetime) -> None:
    connection, records = matcher.connection, [row.record for row in reached]
    people = matcher.known(records)
    decided = {(row.a, row.b) for row in among if row.said in VERDICTS}
    edges = [
        Edge(a=row.a, b=row.b, chance=1.0, evidence={"auteur": row.by}, human=True) for row in among if row.said == SAME
    ] + [
        Edge(a=row.a, b=row.b, chance=row.chance, evidence=orjson.loads(row.by))
        for row in among
        if row.said == LINKED and (row.a, row.b) not in decided
    ]
    never = {(row.a, row.b) for row in among if row.said == NEVER}
    apart = frozenset((row.a, row.b) for row in among if row.said == DISTINCT)
    clusters, brought = _possible(
        matcher, people, edges, never=never, apart=apart, known={(row.a, row.b) for row in among}
    )
    parts = _parts(clusters, records)
    before = {row.record: (row.created_at, row.person) for row in reached if row.person is not None}
    write_links(matcher, parts, before=before, brought=brought, done=done, now=now)
    asked = Asking(
        records=records,
        waits=any(row.in_review for row in reached),
        doubtful=any(row.to_review for row in reached)
        or any(clusters.root(row.a) != clusters.root(row.b) for row in among if row.said == LINKED),
    )
    if asked.waits or asked.doubtful:
        matcher.ask()
    done.reviews_opened += keep_cases(connection, asked, now=now)
    done.reviews_opened += keep_two_truths(connection, people, parts, waits=asked.waits, now=now)


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
