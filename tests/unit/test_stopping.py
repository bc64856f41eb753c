"""Commands that run until somebody ends them: told at once, and in order, however often they are told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from hub.cli.stopping import Stop, Stopped

UNTIL_STOPPED = """
import sys
from hub.cli.stopping import until_stopped
with until_stopped() as stop:
    print("up", flush=True)
    stop.wait()
    sys.stdin.read()  # ends in order, while more signals come
print("down")
"""


def test_a_command_told_again_while_it_is_being_told_ends_in_order():
    process = subprocess.Popen(
        [sys.executable, "-c", UNTIL_STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"up\n"
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)

    said, complained = process.communicate(timeout=20)

    assert (process.returncode, said, complained) == (0, b"down\n", b"")


def test_between_two_looks_it_ends_as_soon_as_it_is_told():
    stop = Stop()
    stop.pause(0)
    assert not stop.wait(0)

    stop.tell()

    assert stop.wait()
    assert stop.wait(), "it stays told"
    with pytest.raises(Stopped):
        stop.pause(60)
