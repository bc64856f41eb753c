"""A judge with a memory: each different question goes to the real suite once, its answer serves the trials that ask it again.

Great Expectations takes seconds to load; its answer depends on the question alone, which the file's name is the hash of.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import orjson

from hub.intake.judging import Judge

if TYPE_CHECKING:
    from pathlib import Path

    from crash_points import Points


class RememberingJudge:
    """Stands where the judge's process stands; ``teacher``, a real judge already warm, answers the undisturbed run."""

    def __init__(self, folder: Path, points: Points, *, teacher: Judge | None) -> None:
        self._folder = folder
        self._points = points
        self._teacher = teacher

    def judge(self, quality: Any, profile: dict[str, Any], history: list[dict[str, Any]]) -> dict[str, Any]:
        self._points.reach("before the judge answers")
        question = [quality.model_dump(mode="json", by_alias=True), profile, history]
        name = hashlib.sha256(orjson.dumps(question, option=orjson.OPT_SORT_KEYS)).hexdigest()
        known = self._folder / name
        if not known.exists():
            judge = self._teacher or Judge()
            answer = judge.judge(quality, profile, history)
            if not self._teacher:
                judge.close()
            fresh = self._folder / f"{name}.{os.getpid()}"
            fresh.write_bytes(orjson.dumps(answer))
            os.rename(fresh, known)  # noqa: PTH104 - not one of the renames listened to
        answer = orjson.loads(known.read_bytes())
        self._points.reach("after the judge answered")
        return answer
