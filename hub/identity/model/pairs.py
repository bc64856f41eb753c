"""Compared pairs as columns of numbers: what the model reads, and nothing of anybody."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hub.identity.model.frequencies import FREQUENCIES, ODD
from hub.identity.model.levels import COMPARISONS

LEVELS, BITS = len(COMPARISONS), len(FREQUENCIES) + len(ODD)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Columns of equal length: two records, their sources, a level for each comparison, bits for each frequency."""

    a: np.ndarray
    b: np.ndarray
    source_a: np.ndarray
    source_b: np.ndarray
    levels: np.ndarray
    bits: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    def where(self, chosen: np.ndarray) -> Pairs:
        """Some of the pairs."""
        return Pairs(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})

    def with_(self, others: Pairs) -> Pairs:
        """These, then others."""
        if not len(others):
            return self
        return Pairs(**{
            column.name: np.concatenate([getattr(self, column.name), getattr(others, column.name)]) for column in fields(self)
        })  # fmt: skip

    @classmethod
    def none(cls) -> Pairs:
        """No pair at all."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(
            a=empty, b=empty, source_a=empty, source_b=empty,
            levels=np.zeros((0, LEVELS), dtype=np.uint8), bits=np.zeros((0, BITS), dtype=np.float32),
        )  # fmt: skip
