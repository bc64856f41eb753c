"""Compared pairs as columns of numbers: what the model reads, and nothing of anybody."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


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
