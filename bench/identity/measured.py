"""One run of the engine as ``hub match`` makes it, for the benchmarks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hub.identity.match.run import Matched, Settings, match
from hub.identity.model.scorecard import Model, load

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(files: Sequence[Path], *, within: bool = False, model: Model | None = None, memory: float = 10.0) -> Matched:
    """Link some files with the model that ships, or another."""
    with tempfile.TemporaryDirectory() as spill:
        settings = Settings(memory=memory, threads=os.cpu_count() or 1, spill=Path(spill), within=within)
        return match(files, model=model or load(), settings=settings, say=lambda _: None)
