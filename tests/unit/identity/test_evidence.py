"""Evidence: a few pairs, considered with all their alternatives at once, are explained like many."""

from __future__ import annotations

import numpy as np

from hub.identity import evidence
from hub.identity.evidence import consider, evidence_of, outcomes
from hub.identity.matching import Matching
from hub.identity.model.levels import COMPARISONS
from hub.identity.model.pairs import BITS, Pairs
from hub.identity.model.scorecard import BY_FREQUENCY, VALUES, rivals_of

SIZES = {0: 700_000, 1: 800_000, 2: 500_000}
MATCHING = Matching()


def some_pairs(size: int) -> Pairs:
    """At levels drawn by chance, half of them alike in number, name, first name and date."""
    draw = np.random.default_rng(7)
    levels = np.column_stack([draw.integers(0, len(each.levels), size) for each in COMPARISONS]).astype(np.uint8)
    levels[draw.random(size) < 0.5, :4] = 1
    rare = draw.random((size, BITS)) < 0.6
    return Pairs(
        a=draw.integers(0, size, size), b=draw.integers(size, 2 * size, size), levels=levels,
        source_a=draw.integers(0, 3, size).astype(np.uint8), source_b=draw.integers(0, 3, size).astype(np.uint8),
        bits=(draw.random((size, BITS)) * 16 * rare).astype(np.float32),
    )  # fmt: skip


def explained(pairs: Pairs) -> tuple[list, list, list]:
    model, costs = MATCHING.model, MATCHING.costs
    rivals = rivals_of(pairs, model.weights(pairs.levels, pairs.bits).sum(axis=1))
    considered = consider(model, pairs, records=SIZES, costs=costs, rivals=rivals)
    some = considered.where(np.arange(0, len(pairs), 2))
    return (
        considered.decided.chances.tolist(), outcomes(considered.decided).tolist(),
        evidence_of(model, some, records=SIZES, costs=costs),
    )  # fmt: skip


def test_a_few_pairs_are_decided_and_explained_like_many(monkeypatch):
    pairs = some_pairs(200)
    many = explained(pairs)
    monkeypatch.setattr(evidence, "AT_ONCE", len(pairs))

    few = explained(pairs)

    assert few == many
    assert {"link", "review", "never", "apart"} == set(many[1])
    assert any(document["changerait"] for document in many[2])


def test_what_would_have_changed_the_outcome_does_change_it():
    pairs, tried = some_pairs(60), 0
    for place in range(len(pairs)):
        alone = pairs.where(np.array([place]))
        for turn in explained(alone)[2][0]["changerait"]:
            assert explained(otherwise(alone, turn))[1] == [turn["issue"]]
            tried += 1
    assert tried > 50


def otherwise(pair: Pairs, turn: dict) -> Pairs:
    """A pair, had one field been at the level that its explanation names."""
    column = next(place for place, each in enumerate(COMPARISONS) if each.name == turn["champ"])
    other = pair.where(np.array([0]))
    other.levels[0, column] = [level.name for level in COMPARISONS[column].levels].index(turn["niveau"])
    if turn["champ"] in BY_FREQUENCY:
        kind = VALUES.index(BY_FREQUENCY[turn["champ"]][1])
        other.bits[0, kind] = other.bits[0, kind] or evidence.MIDDLING
    return other
