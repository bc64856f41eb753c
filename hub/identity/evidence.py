"""Why a pair was linked, proposed or refused: levels, contributions, and what would have changed the outcome. Never a value.

Written once, when the pair is decided; whoever explains reads it and computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.identity.model.decision import decide
from hub.identity.model.levels import COMPARISONS
from hub.identity.model.pairs import Pairs
from hub.identity.model.scorecard import BY_FREQUENCY, VALUES, features_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.identity.model.decision import Costs, Decided
    from hub.identity.model.scorecard import Model, Rivals

MIDDLING = 10.0  # the bits of a value that is neither rare nor common, for a field that might have agreed
NAMES = [(comparison.name, [level.name for level in comparison.levels]) for comparison in COMPARISONS]
LINK, REVIEW, NEVER_, APART = "link", "review", "never", "apart"
WORDS = np.array([APART, REVIEW, LINK, NEVER_])
AT_ONCE = 64  # pairs
# For each field that might have been otherwise, in the order of ``_tried``, the place of its rarity, if it has one.
RARITY_OF = {
    2 * column + turn: VALUES.index(BY_FREQUENCY[comparison.name][1])
    for column, comparison in enumerate(COMPARISONS) if comparison.name in BY_FREQUENCY for turn in (0, 1)
}  # fmt: skip


def outcomes(decided: Decided) -> np.ndarray:
    """What was decided of each pair, in one word."""
    return WORDS[np.where(decided.never, 3, decided.link * 2 + decided.review)]


@dataclass(frozen=True, kw_only=True)
class Considered:
    """Pairs as they were decided, what the scorecard read of them; and what would be decided of each, one row a field and level, where
    they are so few that all is done at once.
    """

    pairs: Pairs
    decided: Decided
    features: Mapping[str, np.ndarray]
    rivals: Rivals
    otherwise: np.ndarray | None = None

    @property
    def contended(self) -> np.ndarray:
        """Which are linked or proposed: of pairs considered without rivals, those that rivals are looked for."""
        return np.asarray(self.decided.link | self.decided.review)

    def where(self, which: np.ndarray) -> Considered:
        """Some of them."""
        return Considered(
            pairs=self.pairs.where(which), decided=self.decided.where(which),
            features={name: column[which] for name, column in self.features.items()},
            rivals=(self.rivals[0][which], self.rivals[1][which]),
            otherwise=None if self.otherwise is None else self.otherwise[:, which],
        )  # fmt: skip


def consider(model: Model, pairs: Pairs, *, records: Mapping[int, int], costs: Costs, rivals: Rivals) -> Considered:
    """Decide pairs; a few with all their alternatives in one go, for there a call costs more than its arithmetic."""
    size, fields = len(pairs), len(_tried(model)[0])
    if size > AT_ONCE:
        features = features_of(model, pairs, records=records, rivals=rivals)
        decided = decide(model, pairs, records=records, costs=costs, features=features)
        return Considered(pairs=pairs, decided=decided, features=features, rivals=rivals)
    every = _with_alternatives(model, pairs)
    again = (np.tile(rivals[0], fields + 1), np.tile(rivals[1], fields + 1))
    features = features_of(model, every, records=records, rivals=again)
    decided = decide(model, every, records=records, costs=costs, features=features)
    mine = np.arange(size)
    return Considered(
        pairs=pairs, decided=decided.where(mine), features={name: column[:size] for name, column in features.items()}, rivals=rivals,
        otherwise=outcomes(decided)[size:].reshape(fields, size),
    )  # fmt: skip


def evidence_of(model: Model, said: Considered, *, records: Mapping[int, int], costs: Costs) -> list[dict[str, Any]]:
    """One document a pair."""
    pairs, decided = said.pairs, said.decided
    weights = model.weights(pairs.levels, pairs.bits).round(2).tolist()
    points = model.points(said.features).round(3).tolist()
    turning = _turning(model, said, records=records, costs=costs)
    chances, words, levels = decided.chances.round(6).tolist(), outcomes(decided).tolist(), pairs.levels.tolist()
    rules = [(name, held.tolist()) for name, held in decided.held.items()]
    features = [line.feature for line in model.lines]
    return [
        {
            "modele": model.version,
            "issue": words[place],
            "chance": chances[place],
            "regles": [name for name, held in rules if held[place]],
            "champs": {
                name: {"niveau": names[level], "bits": bits}
                for (name, names), level, bits in zip(NAMES, levels[place], weights[place], strict=True)
            },
            "points": {feature: value for feature, value in zip(features, points[place], strict=True) if value},
            "changerait": turning[place],
        }
        for place in range(len(pairs))
    ]


def _turning(model: Model, said: Considered, *, records: Mapping[int, int], costs: Costs) -> list[list[dict[str, str]]]:
    """For each pair, the fields that alone would have changed the outcome, with the level and the outcome they would have given."""
    columns, levels = _tried(model)
    size, before, after = len(said.pairs), outcomes(said.decided), said.otherwise
    if after is None:
        every, fields = _with_alternatives(model, said.pairs), len(columns) + 1
        again = (np.tile(said.rivals[0], fields), np.tile(said.rivals[1], fields))
        decided = decide(model, every, records=records, costs=costs, rivals=again)
        after = outcomes(decided)[size:].reshape(-1, size)
    turned = (
        (after != before) & (levels[:, None] != said.pairs.levels[:, columns].T) & ((after == LINK) | (before == LINK))
    )
    found: list[list[dict[str, str]]] = [[] for _ in range(size)]
    for turn, place in np.argwhere(turned).tolist():
        comparison = COMPARISONS[columns[turn]]
        found[place].append(
            {"champ": comparison.name, "niveau": comparison.levels[levels[turn]].name, "issue": str(after[turn, place])}
        )
    return found


@lru_cache(maxsize=64)
def _tried(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Each field that might have been otherwise, by its column, and at which level: the two that say most and least."""
    tried = [(column, level) for column in range(len(COMPARISONS)) for level in _extremes(model, column)]
    return np.array([column for column, _ in tried]), np.array([level for _, level in tried], dtype=np.uint8)


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


def _with_alternatives(model: Model, pairs: Pairs) -> Pairs:
    """The pairs, then the same once for each field that might have been otherwise, had it been."""
    columns, tried = _tried(model)
    size, turns = len(pairs), len(columns) + 1
    levels, bits = np.tile(pairs.levels, (turns, 1)), np.tile(pairs.bits, (turns, 1))
    levels.reshape(turns, size, -1)[np.arange(1, turns), :, columns] = tried[:, None]
    for turn, kind in RARITY_OF.items():
        mine = bits[(turn + 1) * size : (turn + 2) * size, kind]
        mine[mine == 0] = MIDDLING
    return Pairs(
        a=np.tile(pairs.a, turns), b=np.tile(pairs.b, turns), source_a=np.tile(pairs.source_a, turns),
        source_b=np.tile(pairs.source_b, turns), levels=levels, bits=bits,
    )  # fmt: skip
