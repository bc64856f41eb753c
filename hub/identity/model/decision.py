"""Link, review or nothing: what a false merge costs against a missed link and against an agent's minutes decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hub.identity.model.relatives import RELATIVES
from hub.identity.model.rules import LOOK_ALIKES, NEVER, ONLY_A_PERSON, SURE
from hub.identity.model.scorecard import features_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    """For each pair: its chance, and whether it is linked, proposed to a person, or never one person; which rules held, by name."""

    chances: np.ndarray
    link: np.ndarray
    review: np.ndarray
    never: np.ndarray
    held: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    def where(self, which: np.ndarray) -> Decided:
        """Some of the pairs."""
        return Decided(
            chances=self.chances[which], link=self.link[which], review=self.review[which], never=self.never[which],
            held={name: held[which] for name, held in self.held.items()},
        )  # fmt: skip


SURELY = 0.9999


def decide(
    model: Model, pairs: Pairs, *, records: Mapping[int, int], costs: Costs, rivals: Rivals | None = None,
    features: Mapping[str, np.ndarray] | None = None,
) -> Decided:  # fmt: skip
    """Decide every pair, before persons are made of them. ``records`` counts the records of each source; ``features`` are those of the
    pairs, where they were read already.
    """
    chances = model.chances(features or features_of(model, pairs, records=records, rivals=rivals))
    held = {rule.__name__: rule(pairs.levels) for rule in (*NEVER, *SURE, *ONLY_A_PERSON)}
    held |= {rule.__name__: rule(pairs) for rule in RELATIVES}
    held |= {rule.__name__: rule(pairs.levels) for rule in LOOK_ALIKES}
    never, certain = _any(held, NEVER), _any(held, SURE)
    chances = np.where(certain, np.maximum(chances, SURELY), chances)
    maybe = (chances >= costs.review) & ~never
    enough = (chances >= costs.link_from(_any(held, LOOK_ALIKES))) | certain
    link = maybe & enough & ~_any(held, ONLY_A_PERSON) & ~_any(held, RELATIVES)
    return Decided(chances=chances, link=link, review=maybe & ~link, never=never, held=held)


def _any(held: Mapping[str, np.ndarray], rules: Sequence[Callable[..., np.ndarray]]) -> np.ndarray:
    return np.asarray(np.logical_or.reduce([held[rule.__name__] for rule in rules]))
