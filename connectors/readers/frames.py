"""How readers hand records over: a frame indexed by record number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from connectors.base import Chunk, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORD, UNIT = "record", "#unit"
MOST_NAMES, LONGEST_NAME = 200, 60
OTHERS = "(autres)"
REPEATED = "Ce champ est donné deux fois avec des valeurs différentes : n'en garder qu'une."


def count_unknown(counted: dict[str, int], name: str) -> None:
    """Count a column nobody asked for; a hostile file may invent more names than can be kept."""
    shown = "".join(letter for letter in name[:LONGEST_NAME] if letter.isprintable())
    key = shown if shown in counted or len(counted) < MOST_NAMES else OTHERS
    counted[key] = counted.get(key, 0) + 1


def make_chunk(
    rows: Sequence[tuple[int, int, Mapping[str, Any]]],
    columns: Sequence[str],
    rejected: Sequence[Rejected] = (),
    **more: Any,
) -> Chunk:
    """Build a chunk from (record, unit, values); a column that a row lacks is None."""
    index = pd.Index([record for record, _, _ in rows], name=RECORD, dtype="int64")
    data: dict[str, Any] = {UNIT: pd.Series([unit for _, unit, _ in rows], index=index, dtype="int64")}
    for column in columns:
        data[column] = pd.Series([values.get(column) for _, _, values in rows], index=index, dtype="object")
    return Chunk(frame=pd.DataFrame(data, index=index), rejected=tuple(rejected), **more)
