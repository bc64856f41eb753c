"""Are the thresholds still right? Certified numbers answer, on pairs judged as if nobody had a number.

Two records with one certified number are one person, two with different ones are two: what the model makes of them without the number
is what it makes of people who have none. Numbers are wrong too, now and then, so that nought is not to be expected.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.identity.comparisons import Matcher, compared
from hub.identity.keys import NUMBER
from hub.identity.model.decision import decide
from hub.identity.model.levels import COMPARISONS, NIR
from hub.identity.model.scorecard import rivals_of
from hub.identity.rarity import base_in_force
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from hub.identity.matching import Matching
    from hub.identity.model.pairs import Pairs
    from hub.storage.vault import Vault

SAMPLED = 10_000  # records with a certified number looked at in a run
BESIDE = 50  # records looked at under one key
ENOUGH = 1_000  # pairs below which a share says nothing
# Of what the model links by itself, the most that certified numbers may contradict: the precision asked of automatic links.
CONTRADICTED = 0.001
# Of the pairs that certified numbers unite, the most that the model may neither link nor propose to a person.
MISSED = 0.05

# Pairs of certified records that share a key: the number's own, or any other.
CERTIFIED = """
with sample as materialized (
  select distinct k.source_record_id as record from identity_key k
  where k.source_record_id = any(%(records)s::bigint[]) and k.rule = %(number)s and k.certified
)
select distinct least(k.source_record_id, o.source_record_id) as a, greatest(k.source_record_id, o.source_record_id) as b
from sample s join identity_key k on k.source_record_id = s.record
cross join lateral (
  select o.source_record_id from identity_key o
  where o.key = k.key and o.certified and o.source_record_id <> k.source_record_id limit %(beside)s
) o
"""

KEEP = """
insert into threshold_check (checked_at, model, same, same_linked, same_to_review, different, different_linked, different_to_review)
values (%(now)s, %(model)s, %(same)s, %(same_linked)s, %(same_to_review)s, %(different)s, %(different_linked)s, %(different_to_review)s)
"""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Pairs that certified numbers unite and pairs that they hold apart, and what the model makes of both without numbers."""

    same: int = 0
    same_linked: int = 0
    same_to_review: int = 0
    different: int = 0
    different_linked: int = 0
    different_to_review: int = 0
    cost_needed: float | None = None

    @property
    def contradicted(self) -> float:
        """Of what the model links, the share that numbers contradict."""
        linked = self.same_linked + self.different_linked
        return self.different_linked / linked if linked else 0.0

    @property
    def missed(self) -> float:
        """Of what numbers unite, the share that the model refuses."""
        return 1 - (self.same_linked + self.same_to_review) / self.same if self.same else 0.0

    @property
    def drifted(self) -> bool:
        """Whether either share passes its limit, on enough pairs to tell."""
        return self.same >= ENOUGH and (self.contradicted > CONTRADICTED or self.missed > MISSED)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "contradicted": round(self.contradicted, 6), "contradicted_limit": CONTRADICTED,
            "missed": round(self.missed, 6), "missed_limit": MISSED, "drifted": self.drifted,
        }  # fmt: skip


def check_among(
    connection: Connection, vault: Vault, matching: Matching, records: Collection[int], *, now: datetime
) -> Check | None:
    """The same once a run is over, whatever the number of transactions it took."""
    matcher = Matcher(connection=connection, vault=vault, matching=matching, base=base_in_force(connection))
    return check(matcher, records, now=now)


def check(matcher: Matcher, records: Collection[int], *, now: datetime) -> Check | None:
    """Judge again, without numbers, the pairs that some of the certified among these records have; keeps what it came to.

    Nothing where there is none.
    """
    ordered = sorted(records)
    sample = ordered[:: -(-len(ordered) // SAMPLED) or 1]
    (rows,) = ask(matcher.connection, (CERTIFIED, {"records": sample, "number": NUMBER, "beside": BESIDE}))
    if not rows:
        return None
    found = _judged(matcher, compared(matcher, [(row.a, row.b) for row in rows]))
    if not found.same and not found.different:
        return None
    counts = {name: value for name, value in asdict(found).items() if name != "cost_needed"}
    ask(matcher.connection, (KEEP, {**counts, "now": now, "model": matcher.matching.model.version}))
    return found


def _judged(matcher: Matcher, pairs: Pairs) -> Check:
    """What the model makes of pairs without their numbers, each among the others of this sample."""
    matching, column = matcher.matching, COMPARISONS.index(NIR)
    numbers, levels = pairs.levels[:, column], pairs.levels.copy()
    levels[:, column] = 0
    blind = replace(pairs, levels=levels)
    rivals = rivals_of(blind, matching.model.weights(blind.levels, blind.bits).sum(axis=1))
    sizes = _sizes(matcher, pairs)
    decided = decide(matching.model, blind, records=sizes, costs=matching.costs, rivals=rivals)
    same, different = (np.isin(numbers, list(NIR.place(name))) for name in ("égal, certifié", "différents, certifiés"))
    return Check(
        same=int(same.sum()), same_linked=int((same & decided.link).sum()), same_to_review=int((same & decided.review).sum()),
        different=int(different.sum()), different_linked=int((different & decided.link).sum()),
        different_to_review=int((different & decided.review).sum()),
        cost_needed=_cost_needed(decided.chances[same & decided.link], decided.chances[different & decided.link]),
    )  # fmt: skip


def _sizes(matcher: Matcher, pairs: Pairs) -> dict[int, int]:
    """The size of each source by its number among these pairs."""
    records = zip(
        (*pairs.a.tolist(), *pairs.b.tolist()), (*pairs.source_a.tolist(), *pairs.source_b.tolist()), strict=True
    )
    known = matcher.known({*pairs.a.tolist(), *pairs.b.tolist()})
    return {source: matcher.base.size(known[record].flow) for record, source in records}


def _cost_needed(right: np.ndarray, wrong: np.ndarray) -> float | None:
    """What a false merge would have to cost for what is linked above that to be right often enough; nothing when it is already."""
    chances = np.sort(np.concatenate([right, wrong]))
    above = len(chances) - np.arange(len(chances))
    against = len(wrong) - np.searchsorted(np.sort(wrong), chances)
    enough = np.flatnonzero(against <= CONTRADICTED * above)
    if not len(wrong) or len(wrong) <= CONTRADICTED * len(chances) or not len(enough):
        return None
    chance = min(float(chances[enough[0]]), 1 - 1e-6)
    return round(chance / (1 - chance), 1)
