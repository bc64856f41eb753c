"""Judge a delivery beside the process that reads it: Great Expectations loads there while records stream here.

Importing it takes seconds and 130 MB; a process of its own keeps both off the path of the records.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

import orjson

from schemas.errors import CallSomeone

if TYPE_CHECKING:
    from types import TracebackType

    from quality.declaration import Quality

PATIENCE_SECONDS = 120


class Judge:
    """A context: the suite's process starts on entry, and is gone on exit. A flow without a suite starts none."""

    def __init__(self, quality: Quality) -> None:
        self._quality = quality
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._quality.suite:
            command = [sys.executable, "-W", "ignore", "-m", "quality.suite"]
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self

    def findings(self, profile: dict[str, Any], history: list[dict[str, Any]]) -> list[dict[str, str]]:
        """What was not met, each with its rule, its severity and a French message."""
        if self._process is None:
            return []
        asked = {
            "quality": self._quality.model_dump(mode="json", by_alias=True),
            "profile": profile,
            "history": history,
        }
        try:
            said, _ = self._process.communicate(orjson.dumps(asked), timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise CallSomeone(f"The suite of {self._quality.flow} gave no verdict: nothing was applied.") from error
        if self._process.returncode:
            raise CallSomeone(f"The suite of {self._quality.flow} could not be run: nothing was applied.")
        found: list[dict[str, str]] = orjson.loads(said)
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
