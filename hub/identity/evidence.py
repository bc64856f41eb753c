"""Why a pair was linked, proposed or refused: levels, contributions, and what would have changed the outcome. Never a value.

Written once, when the pair is decided; whoever explains reads it and computes nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.identity.model.decision import decide
from hub.identity.model.levels import COMPARISONS
from hub.identity.model.relatives import RELATIVES
from hub.identity.model.rules import LOOK_ALIKES, NEVER, ONLY_A_PERSON, SURE
from hub.identity.model.scorecard import BY_FREQUENCY, VALUES, features_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.identity.model.decision import Costs, Decided
    from hub.identity.model.pairs import Pairs
    from hub.identity.model.scorecard import Model, Rivals

MIDDLING = 10.0  # the bits of a value that is neither rare nor common, for a field that might have agreed
NAMES = [(comparison.name, [level.name for level in comparison.levels]) for comparison in COMPARISONS]
LINK, REVIEW, NEVER_, APART = "link", "review", "never", "apart"


def outcomes(decided: Decided) -> np.ndarray:
    """What was decided of each pair, in one word."""
    return np.select([decided.never, decided.link, decided.review], [NEVER_, LINK, REVIEW], APART)


def evidence_of(
    model: Model, pairs: Pairs, decided: Decided, *, records: Mapping[int, int], costs: Costs, rivals: Rivals
) -> list[dict[str, Any]]:
    """One document a pair."""
    weights = model.weights(pairs.levels, pairs.bits).round(2).tolist()
    points = model.points(features_of(model, pairs, records=records, rivals=rivals)).round(3).tolist()
    rules = [_rules(pairs.levels, table) for table in (NEVER, SURE, ONLY_A_PERSON)] + [
        _rules(pairs, RELATIVES), _rules(pairs.levels, LOOK_ALIKES),
    ]  # fmt: skip
    turning = _turning(model, pairs, decided, records=records, costs=costs, rivals=rivals)
    chances, words, levels = decided.chances.round(6).tolist(), outcomes(decided).tolist(), pairs.levels.tolist()
    features = [line.feature for line in model.lines]
    return [
        {
            "modele": model.version,
            "issue": words[place],
            "chance": chances[place],
            "regles": [name for table in rules for name in table[place]],
            "champs": {
                name: {"niveau": names[level], "bits": bits}
                for (name, names), level, bits in zip(NAMES, levels[place], weights[place], strict=True)
            },
            "points": {feature: value for feature, value in zip(features, points[place], strict=True) if value},
            "changerait": turning[place],
        }
        for place in range(len(pairs))
    ]


def _rules(said: Any, table: Sequence[Callable[[Any], np.ndarray]]) -> list[list[str]]:
    """The names of the rules that hold for each pair; they read levels, or the pairs themselves."""
    held = [(rule.__name__, rule(said)) for rule in table]
    size = len(said)
    return [[name for name, which in held if which[place]] for place in range(size)]


def _turning(
    model: Model, pairs: Pairs, decided: Decided, *, records: Mapping[int, int], costs: Costs, rivals: Rivals
) -> list[list[dict[str, str]]]:
    """For each pair, the fields that alone would have changed the outcome, with the level and the outcome they would have given."""
    size, before = len(pairs), outcomes(decided)
    tried = [(column, level) for column in range(len(COMPARISONS)) for level in _extremes(model, column)]
    others = _at_levels(pairs, tried)
    again = (np.tile(rivals[0], len(tried)), np.tile(rivals[1], len(tried)))
    after = outcomes(decide(model, others, records=records, costs=costs, rivals=again)).reshape(len(tried), size)
    found: list[list[dict[str, str]]] = [[] for _ in range(size)]
    for (column, level), words in zip(tried, after, strict=True):
        comparison = COMPARISONS[column]
        turned = (words != before) & (pairs.levels[:, column] != level) & ((words == LINK) | (before == LINK))
        for place in np.flatnonzero(turned):
            found[place].append(
                {"champ": comparison.name, "niveau": comparison.levels[level].name, "issue": str(words[place])}
            )
    return found


@lru_cache(maxsize=64)
def _extremes(model: Model, column: int) -> tuple[int, int]:
    """The levels of a comparison that say most for and most against one person."""
    name = COMPARISONS[column].name
    bits = model.bits[name].copy()
    if name in BY_FREQUENCY:
        bits[list(BY_FREQUENCY[name][2])] += MIDDLING
    if name == "nir":
        bits[list(COMPARISONS[column].place("égal, valide", "égal, douteux"))] = 0.0
    return int(bits.argmax()), int(bits.argmin())


def _at_levels(pairs: Pairs, tried: Sequence[tuple[int, int]]) -> Pairs:
    """The same pairs once for each of some levels, had they been at that level of its comparison."""
    size = len(pairs)
    many = pairs.where(np.tile(np.arange(size), len(tried)))
    for turn, (column, level) in enumerate(tried):
        mine = slice(turn * size, (turn + 1) * size)
        many.levels[mine, column] = level
        name = COMPARISONS[column].name
        if name in BY_FREQUENCY:
            bits = many.bits[mine, VALUES.index(BY_FREQUENCY[name][1])]
            bits[bits == 0] = MIDDLING
    return many
