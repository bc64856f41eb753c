"""The pairs that were compared, as they are kept: what each is worth alone, and what was decided of it among its rivals.

What a pair weighs depends on its two records only. What is decided of it depends on the rivals of both, so that a new record has
the pairs around it judged again; nothing depends on the order in which records came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.identity.candidates import candidate_pairs
from hub.identity.comparing import compare
from hub.identity.model.pairs import Pairs
from hub.identity.rarity import frequencies_for
from hub.identity.records import known_of, load_known
from hub.storage.statements import ask

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.identity.comparable import Known
    from hub.identity.matching import Matching
    from hub.identity.rarity import Base
    from hub.storage.statements import Asked
    from hub.storage.vault import Vault

CHUNK = 5_000
FLOOR = -12.0  # bits below which a pair is neither near a decision nor a rival of one that is

FORGET = """
delete from comparison where record_a = any(%(records)s::bigint[]) or record_b = any(%(records)s::bigint[]) returning record_a, record_b
"""

KEEP = """
insert into comparison (record_a, record_b, levels, bits, model, total)
select a, b, levels, bits, %(model)s, total
from unnest(%(a)s::bigint[], %(b)s::bigint[], %(levels)s::bytea[], %(bits)s::bytea[], %(totals)s::float8[]) k(a, b, levels, bits, total)
"""

# Records with a pair that was never judged, or whose rival went away.
TO_JUDGE = """
select record_a as record from comparison where chance is null union select record_b from comparison where chance is null
"""


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """What pairs are compared and decided with."""

    connection: Connection
    vault: Vault
    matching: Matching
    base: Base
    full: bool = False
    people: dict[int, Known] = field(default_factory=dict, repr=False)
    later: list[Asked] = field(default_factory=list, repr=False)
    sources: dict[str, int] = field(default_factory=dict, repr=False)

    def ask(self, *asked: Asked) -> list[list[Any]]:
        """What is to be written ``later`` is sent ahead of the next statements that may depend on it."""
        ahead = list(self.later)
        self.later.clear()
        return ask(self.connection, *ahead, *asked)[len(ahead) :]

    def source(self, flow: str) -> int:
        """The number of a flow among those met here."""
        return self.sources.setdefault(flow, len(self.sources))

    def sizes(self) -> dict[int, int]:
        """How many records each flow has, by its number."""
        return {number: self.base.size(flow) for flow, number in self.sources.items()}

    def meet(self, read: Sequence[Any]) -> None:
        """Who some records are, as it was read."""
        self.people.update((row.record, known_of(row, self.vault)) for row in read)

    def known(self, records: Collection[int]) -> dict[int, Known]:
        """Who some records are; while they are few, each is read once in a transaction."""
        if len(self.people) + len(records) > CHUNK:
            self.people.clear()
        missing = [record for record in records if record not in self.people]
        self.people.update(load_known(self.connection, self.vault, missing))
        return {record: self.people[record] for record in records if record in self.people}


def compare_again(
    matcher: Matcher,
    records: Sequence[int],
    before: Collection[int],
    aside: Counter[str],
    asked: Sequence[Any] | None = None,
) -> tuple[set[int], Pairs]:
    """Compare some records, of which some were compared ``before``, with all that share a key with them; ``asked`` is what was found
    of them already.

    Returns the records all of whose kept pairs must be judged again, and the pairs that are not kept yet: those of a few records, to be
    kept once they are judged, with what they come to rival.
    """
    concerned, pairs = set[int](), Pairs.none()
    for start in range(0, len(records), CHUNK):
        chosen = list(records[start : start + CHUNK])
        again = chosen if start else [record for record in chosen if record in before]  # a chunk met those of the next
        concerned.update(again)
        if again:
            (forgotten,) = ask(matcher.connection, (FORGET, {"records": again}))
            concerned.update(record for row in forgotten for record in row)
        found = candidate_pairs(matcher.connection, chosen, asked)
        matcher.meet(found.others)
        aside.update(found.set_aside)
        pairs = compared(matcher, found.pairs)
        pairs = pairs.where(matcher.matching.model.weights(pairs.levels, pairs.bits).sum(axis=1) >= FLOOR)
        ends = {*pairs.a.tolist(), *pairs.b.tolist()}
        if len(records) > CHUNK or len(concerned | ends) > CHUNK:
            concerned |= ends
            keep(matcher, pairs)
            pairs = Pairs.none()
    return concerned, pairs


def compared(matcher: Matcher, pairs: Sequence[tuple[int, int]]) -> Pairs:
    """Pairs of records, compared with the rarities in force."""
    people = matcher.known({record for pair in pairs for record in pair})
    flows = {flow: matcher.source(flow) for flow in sorted({known.flow for known in people.values()})}
    persons = [known.person for known in people.values()]
    frequencies = frequencies_for(matcher.connection, matcher.base, persons)
    spark = matcher.matching.spark if matcher.full else None
    return compare(pairs, people, flows=flows, frequencies=frequencies, spark=spark)


def keep(matcher: Matcher, pairs: Pairs) -> None:
    """Keep pairs that are to be judged."""
    if len(pairs):
        ask(matcher.connection, (KEEP, kept(matcher, pairs)))


def kept(matcher: Matcher, pairs: Pairs) -> dict[str, object]:
    """Compared pairs as columns of the store."""
    levels, bits = pairs.levels.astype(np.uint8), pairs.bits.astype("<f4")
    return {
        "a": pairs.a.tolist(), "b": pairs.b.tolist(), "levels": [row.tobytes() for row in levels],
        "bits": [row.tobytes() for row in bits], "model": matcher.matching.model.version,
        "totals": matcher.matching.model.weights(levels, bits).sum(axis=1).tolist(),
    }  # fmt: skip
