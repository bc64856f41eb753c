"""The same model for one record and its few candidates, in the caller's process: same levels, same bits, same weights as for whole files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hub.identity.model.frequencies import FREQUENCIES, ODD
from hub.identity.model.levels import levels_of
from hub.identity.model.pairs import Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.identity.french.person import Person
    from hub.identity.model.frequencies import Frequencies


def compare_with(
    person: Person, candidates: Sequence[Person], *, source: int, sources: Sequence[int], frequencies: Frequencies
) -> Pairs:
    """One record (number 0) against its candidates (numbers 1 and up). Rivals are those of this call: give all candidates at once."""
    bits = [
        [kind.pair_bits(person, other, frequencies) or 0.0 for kind in (*FREQUENCIES, *ODD)] for other in candidates
    ]
    size = len(candidates)
    return Pairs(
        a=np.zeros(size, dtype=np.int32),
        b=np.arange(1, size + 1, dtype=np.int32),
        source_a=np.full(size, source, dtype=np.uint8),
        source_b=np.array(sources, dtype=np.uint8),
        levels=np.array([levels_of(person, other) for other in candidates], dtype=np.uint8).reshape(size, -1),
        bits=np.array(bits, dtype=np.float32).reshape(size, -1),
    )
