"""What is kept outside the database, so that whoever holds the database cannot change it: files of one JSON document a line."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


def keep_lines(file: Path, new: Sequence[Mapping[str, Any]]) -> None:
    """Append documents to a file, safe on disk on return."""
    if not new:
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    cut_short = file.exists() and not file.read_bytes().endswith(b"\n")
    with file.open("a", encoding="ascii") as copies:
        copies.write("\n" if cut_short else "")
        copies.writelines(f"{json.dumps(each, sort_keys=True)}\n" for each in new)
        copies.flush()
        os.fsync(copies.fileno())


def read_copies(file: Path) -> list[dict[str, Any]]:
    """What a file holds, line by line; a line cut short by a crash is not one yet."""
    return list(_whole(file.read_text(encoding="ascii").splitlines())) if file.exists() else []


def _whole(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
