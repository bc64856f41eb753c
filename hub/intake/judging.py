"""Judge a delivery beside the process that reads it: Great Expectations loads there while records stream here.

Importing it takes seconds and 130 MB; a process of its own, one for the life of ours, keeps both off the path of the records.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson

from schemas.errors import CallSomeone, TryAgainLater

if TYPE_CHECKING:
    from quality.declaration import Quality


class Judge:
    """A process that answers one question a line; it starts with the object and ends when its input does."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "quality.suite"]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._lock = Lock()

    def judge(self, quality: Quality, profile: dict[str, Any], history: list[dict[str, Any]]) -> dict[str, Any]:
        """The ``measures`` by expectation, and the ``findings``: what was not met, with its severity and a French message."""
        if not quality.suite:
            return {"measures": {}, "findings": []}
        asked = {"quality": quality.model_dump(mode="json", by_alias=True), "profile": profile, "history": history}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with self._lock:
                self._process.stdin.write(orjson.dumps(asked, option=orjson.OPT_APPEND_NEWLINE))
                self._process.stdin.flush()
                found: dict[str, Any] = orjson.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            the_judge.cache_clear()  # whoever asks next is answered by another process
            if self._process.poll() is not None:
                raise TryAgainLater(
                    f"The process that runs the suite of {quality.flow} ended: nothing was applied, run again."
                ) from error
            raise CallSomeone(f"The suite of {quality.flow} could not be run: nothing was applied.") from error
        return found

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()


@cache
def the_judge() -> Judge:
    """The judge of this process, started the first time it is asked for: before the records are read."""
    judge = Judge()
    atexit.register(judge.close)
    return judge
