"""The profile of a delivery: counted while chunks stream by, so that the whole can be judged without being held."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Profile:
    """Records, refused ones, and how often each field is filled. Counts only."""

    records: int = 0
    rejected: int = 0
    filled: dict[str, int] = field(default_factory=dict)

    def add(self, frame: pd.DataFrame, *, rejected: int) -> None:
        """Count one chunk of accepted records, and how many were refused beside them."""
        self.records += len(frame)
        self.rejected += rejected
        for path, number in frame.notna().sum().items():
            if not str(path).startswith("#"):
                self.filled[str(path)] = self.filled.get(str(path), 0) + int(number)

    def to_dict(self) -> dict[str, Any]:
        """The profile as stored with the delivery."""
        return {"records": self.records, "rejected": self.rejected, "filled": self.filled}
