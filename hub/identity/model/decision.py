"""Link, review or nothing: what a false merge costs against a missed link and against an agent's minutes decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hub.identity.model.relatives import relatives
from hub.identity.model.rules import forbidden, look_alike, reserved, sure
from hub.identity.model.scorecard import features_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.identity.model.pairs import Pairs
    from hub.identity.model.scorecard import Model, Rivals


@dataclass(frozen=True, kw_only=True)
class Costs:
    """In the cost of one missed link: a person told what belongs to another, and an agent who looks at one pair."""

    false_merge: float = 25.0
    of_relatives: float = 100.0
    review: float = 0.05

    def link_from(self, look_alike: np.ndarray) -> np.ndarray:
        """The chance from which linking costs less than not linking; merging twins or a father and his son costs more."""
        cost = np.where(look_alike, self.of_relatives, self.false_merge)
        return np.asarray(cost / (cost + 1.0))


@dataclass(frozen=True, kw_only=True)
class Decided:
    """For each pair: its chance, and whether it is linked, proposed to a person, or never one person."""

    chances: np.ndarray
    link: np.ndarray
    review: np.ndarray
    never: np.ndarray


SURELY = 0.9999


def decide(
    model: Model, pairs: Pairs, *, records: Mapping[int, int], costs: Costs, rivals: Rivals | None = None
) -> Decided:
    """Decide every pair, before persons are made of them. ``records`` counts the records of each source."""
    chances = model.chances(features_of(model, pairs, records=records, rivals=rivals))
    never, certain = forbidden(pairs.levels), sure(pairs.levels)
    chances = np.where(certain, np.maximum(chances, SURELY), chances)
    maybe = (chances >= costs.review) & ~never
    enough = (chances >= costs.link_from(look_alike(pairs.levels))) | certain
    link = maybe & enough & ~reserved(pairs.levels) & ~relatives(pairs)
    return Decided(chances=chances, link=link, review=maybe & ~link, never=never)
