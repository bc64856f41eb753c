"""The profile of a delivery: counted while chunks stream by, so that the whole can be judged without being held."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import code_lists, codes_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from schemas.codes import CodeList

MOST_CODES = 200


def shapes_of(frame: pd.DataFrame, coded: Mapping[str, str]) -> list[str]:
    """The shape of each record: which of its fields are filled, in hexadecimal, then its codes; never another value.

    ``coded`` names the list of each coded field: what somebody typed in place of a code is told as such, not repeated.
    """
    paths = [column for column in frame.columns if not str(column).startswith("#")]
    filled = np.packbits(frame[paths].notna().to_numpy(), axis=1)
    masks = [row.tobytes().hex() for row in filled]
    columns = [_said(frame[path], code_lists()[name]) for path, name in coded.items()]
    codes = [";".join(row) for row in zip(*columns, strict=True)] if columns else [""] * len(frame)
    return [f"{mask}|{said}" for mask, said in zip(masks, codes, strict=True)]


def _said(column: pd.Series, known: CodeList) -> list[str]:
    """The codes of each record, looked up once each: a column holds few different ones."""
    shown = cache(known.shown)
    return ["" if value is None else ",".join(map(shown, codes_in(value))) for value in column]


@dataclass
class Profile:
    """Records, refused ones, how often each field is filled, and how often each code is used. Counts only.

    ``paths`` are the fields in the order of the frames, ``coded`` those that hold a code, with its list.
    """

    paths: Sequence[str] = ()
    coded: Mapping[str, str] = field(default_factory=dict)
    rejected: int = 0
    shapes: Counter[str] = field(default_factory=Counter)

    def add(self, shapes: Counter[str], *, rejected: int) -> None:
        """Count the accepted records of a chunk by shape, and how many were refused beside them."""
        self.shapes.update(shapes)
        self.rejected += rejected

    def to_dict(self) -> dict[str, Any]:
        """The profile as stored with the delivery."""
        filled: Counter[str] = Counter()
        codes: dict[str, Counter[str]] = {path: Counter() for path in self.coded}
        for shape, number in self.shapes.items():
            mask, _, said = shape.partition("|")
            bits = np.unpackbits(np.frombuffer(bytes.fromhex(mask), dtype=np.uint8))
            filled.update({path: number for path, bit in zip(self.paths, bits, strict=False) if bit})
            for path, cell in zip(self.coded, said.split(";"), strict=False):
                codes[path].update(dict.fromkeys(cell.split(","), number) if cell else {})
        return {
            "records": self.shapes.total(),
            "rejected": self.rejected,
            "filled": dict(filled),
            "codes": {path: dict(counted.most_common(MOST_CODES)) for path, counted in codes.items() if counted},
        }
