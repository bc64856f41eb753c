"""A versioned model: what each level is worth in bits, and an additive scorecard that turns a pair in its surroundings into a chance.

Every point of a score belongs to one line of the scorecard, so a decision is explained by reading the lines. The arithmetic is the same
for one pair and for millions: columns of numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.identity.model.frequencies import FREQUENCIES, ODD
from hub.identity.model.levels import BORN, COMPARISONS, FIRST_NAME, NAME, PLACE
from hub.identity.model.rules import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.identity.model.pairs import Pairs

NEWEST = "2026-11-28"
ALONE = 40.0
ROUNDED = 1e-6
AHEAD = ("ahead, least", "ahead, most")
MATTERS = tuple(comparison.name for comparison in COMPARISONS)
VALUES = tuple(kind.name for kind in (*FREQUENCIES, *ODD))
BY_FREQUENCY = {
    "name": (NAME, "name", NAME.place("égal", "égal, naissance et usage croisés")),
    "first_name": (FIRST_NAME, "first", FIRST_NAME.place("égaux, deux ou plus", "égal")),
    "born": (BORN, "born", BORN.place("égale", "égale, un 1er janvier")),
    "place": (PLACE, "place", PLACE.place("égal")),
}


EVERY, WITH_RARITY = np.arange(len(MATTERS)), np.arange(len(BY_FREQUENCY))
INTO = [MATTERS.index(matter) for matter in BY_FREQUENCY]
FROM = [VALUES.index(kind) for _, kind, _ in BY_FREQUENCY.values()]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the scorecard: points for each level, or for each interval of a number."""

    feature: str
    points: np.ndarray
    cuts: np.ndarray | None = None

    def of(self, values: np.ndarray) -> np.ndarray:
        """The points of each pair. A level never seen in training has those that the file gives it: none."""
        place = values.astype(np.intp) if self.cuts is None else np.searchsorted(self.cuts, values, side="left")
        return np.asarray(self.points[place])


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """Bits for each level of each comparison, and the lines of the scorecard."""

    version: str
    bits: Mapping[str, np.ndarray]
    start: float
    lines: tuple[Line, ...]

    def weights(self, levels: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """What each comparison says, in bits: one column a comparison. A shared value says more the rarer it is."""
        of_level, shared = self._by_level
        out = of_level[EVERY, levels]
        rarity = np.clip(bits[:, FROM], 2.0, 18.0)
        out[:, INTO] += np.where(shared[WITH_RARITY, levels[:, INTO]], rarity, 0.0)
        return np.asarray(out)

    def totals(self, pairs: Pairs) -> np.ndarray:
        """What each pair says in all, in bits."""
        return np.asarray(self.weights(pairs.levels, pairs.bits).sum(axis=1))

    @cached_property
    def reach(self) -> float:
        """How far behind, in bits, a rival no longer counts: past the last cut of what is read of rivals."""
        cuts = [float(line.cuts[-1]) for line in self.lines if line.feature in AHEAD and line.cuts is not None]
        return max(cuts, default=0.0) + ROUNDED

    @cached_property
    def _by_level(self) -> tuple[np.ndarray, np.ndarray]:
        """The bits of each level, one row a comparison; and, for those that rarity completes, the levels where a value is shared."""
        most = max(len(values) for values in self.bits.values())
        of_level = np.array([np.pad(self.bits[matter], (0, most - len(self.bits[matter]))) for matter in MATTERS])
        return of_level, np.array([one_of(places)[:most] for _, _, places in BY_FREQUENCY.values()])

    def points(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """One column of points a line."""
        return np.column_stack([line.of(features[line.feature]) for line in self.lines])

    def chances(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """The chance that a pair is one person, for each pair."""
        total = np.full(len(features["surplus"]), self.start)
        for line in self.lines:
            total += line.of(features[line.feature])
        return np.asarray(1.0 / (1.0 + np.exp(-total)))


Rivals = tuple[np.ndarray, np.ndarray]


def nobody(size: int) -> Rivals:
    """No rival for any of so many pairs."""
    return np.full(size, -np.inf), np.full(size, -np.inf)


def rivals_of(pairs: Pairs, total: np.ndarray) -> Rivals:
    """For either record of each pair, the bits of its best other pair with the same source; minus infinity when it has none.

    Which of the two records comes first says nothing: in the store it is the one that arrived first.
    """
    one = pairs.a.astype(np.int64) * 256 + pairs.source_b
    other = pairs.b.astype(np.int64) * 256 + pairs.source_a
    best = _best_other(np.concatenate([one, other]), np.concatenate([total, total]))
    return best[: len(pairs)], best[len(pairs) :]


def features_of(
    model: Model, pairs: Pairs, *, records: Mapping[int, int], rivals: Rivals | None = None
) -> dict[str, np.ndarray]:
    """What the scorecard reads: levels, sums of bits, how far ahead of its rivals a pair is, how large the files are.

    Without ``rivals`` they are looked for among these pairs: give all pairs of the records concerned.
    """
    weights = model.weights(pairs.levels, pairs.bits)
    total = weights.sum(axis=1)
    one, other = rivals or rivals_of(pairs, total)
    sizes = np.array([records.get(source, 1) for source in range(max(records) + 1)], dtype=np.float64)
    base = np.log2(np.maximum(sizes[pairs.source_a], sizes[pairs.source_b]))
    by = dict(zip(MATTERS, np.ascontiguousarray(weights.T), strict=True))
    weakest, middle, strongest = _in_order(by["name"], by["first_name"], by["born"])
    gaps = (np.minimum(total - one, ALONE), np.minimum(total - other, ALONE))
    features = {f"level {matter}": pairs.levels[:, column] for column, matter in enumerate(MATTERS)}
    return features | {
        "surplus": total - base,
        "civil status": weakest + middle + strongest + by["place"] + by["sex"] - base,
        "contacts": by["address"] + by["phone"] + by["email"],
        "weakest": weakest,
        "middle": middle,
        "ahead, least": np.minimum(*gaps),
        "ahead, most": np.maximum(*gaps),
        "odd name": _odd(pairs, "odd_name", "name"),
        "odd first name": _odd(pairs, "odd_first", "first_name"),
    }


def _in_order(one: np.ndarray, two: np.ndarray, three: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The least, the middle and the greatest of three columns, row by row."""
    low, high = np.minimum(one, two), np.maximum(one, two)
    return np.minimum(low, three), np.maximum(low, np.minimum(high, three)), np.maximum(high, three)


def _odd(pairs: Pairs, kind: str, matter: str) -> np.ndarray:
    """For names that differ: how many carry the rarer, as a power of two among a million; below zero when they do not differ."""
    bits = pairs.bits[:, VALUES.index(kind)]
    level = pairs.levels[:, MATTERS.index(matter)]
    return np.asarray(np.where((bits == 0) | (level <= 2), -10.0, np.maximum(20.0 - bits, -9.0)))


def _best_other(group: np.ndarray, total: np.ndarray) -> np.ndarray:
    """For each pair, the highest total among the other pairs of its group."""
    if not len(group):
        return total
    order = np.argsort(group, kind="stable")
    start = np.flatnonzero(np.diff(group[order], prepend=group[order[0]] - 1))
    which = np.repeat(np.arange(len(start)), np.diff(start, append=len(group)))
    ordered = total[order]
    best = np.maximum.reduceat(ordered, start)
    is_best = ordered == best[which]
    second = np.maximum.reduceat(np.where(is_best, -np.inf, ordered), start)
    second = np.where(np.add.reduceat(is_best, start, dtype=np.int64) > 1, best, second)
    out = np.empty_like(total)
    out[order] = np.where(is_best, second[which], best[which])
    return out


def load(source: Path | None = None) -> Model:
    """A model from its file; the newest that ships by default."""
    text = (
        source.read_text(encoding="utf-8")
        if source
        else files("hub.identity.models").joinpath(f"{NEWEST}.json").read_text("utf-8")
    )
    return from_document(json.loads(text))


def from_document(document: Mapping[str, Any]) -> Model:
    """A model from what its file holds."""
    lines = tuple(
        Line(
            feature=line["feature"],
            points=np.array(line["points"], dtype=np.float64),
            cuts=np.array(line["cuts"], dtype=np.float64) if "cuts" in line else None,
        )
        for line in document["scorecard"]["lines"]
    )
    return Model(
        version=document["version"],
        bits={matter: np.array([level["bits"] for level in levels]) for matter, levels in document["levels"].items()},
        start=document["scorecard"]["start"],
        lines=lines,
    )
