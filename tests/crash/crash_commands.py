"""Run the command line as an operator would, and stop it where something is about to happen around it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crash_world import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crash_world import Place

HUB = Path(sys.executable).with_name("hub")
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: its exit code and what it said on standard error."""

    code: int
    said: str

    @property
    def in_plain_words(self) -> bool:
        """One line for an operator, and no trace of a program."""
        return self.said.count("hub: ") == 1 and "Traceback" not in self.said and 'File "' not in self.said


def environment(place: Place, step: int) -> dict[str, str]:
    return os.environ | place.job(step)["environment"]


def run_command(place: Place, step: int, *words: str) -> Ended:
    """Run ``hub`` to its end."""
    done = subprocess.run(
        [HUB, *words], env=environment(place, step), capture_output=True, timeout=PATIENCE, check=False
    )
    return Ended(code=done.returncode, said=done.stderr.decode())


@contextmanager
def stopped_at(place: Place, step: int, *words: str, aim: str) -> Iterator[list[Ended]]:
    """While the command stands at a point, let the caller disturb it; then it goes on, and says how it ended."""
    told, go = place.home / "told", place.home / "go"
    command = [sys.executable, str(HERE / "crash_command.py"), aim, str(told), str(go), *words]
    ended: list[Ended] = []
    with subprocess.Popen(
        command, env=environment(place, step), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + PATIENCE
        while not told.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if not told.exists():
            process.kill()
            raise AssertionError(f"{aim} was not reached: {process.communicate()[1].decode()}")
        yield ended
        go.touch()
        said = process.communicate(timeout=PATIENCE)[1].decode()
        ended.append(Ended(code=process.returncode, said=said))
