"""``document`` prints the table of verdicts; ``heavy`` plays the heaviest deliveries; ``fuzz`` runs the nightly."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import building
import corpus

LIMIT = 2 << 30


def heavy(url, folder):
    """Take each of the heaviest deliveries in this process alone, and print what it cost."""
    from judging import faults
    from taking import Taker

    from hub.logs import to_standard_error

    to_standard_error()  # standard output is for the figures
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    taker = Taker(Path(folder), url)
    faults(taker, {"flow": "caf_rsa", "applied": building.GOOD})  # loads what the first delivery of a process loads
    found, slowest = {}, ("", 0.0)
    for case in corpus.deliveries("heavy"):
        start = time.perf_counter()
        if said := faults(taker, case):
            found[case["name"]] = repr(said)
        slowest = max(slowest, (case["name"], round(time.perf_counter() - start, 1)), key=lambda each: each[1])
    taker.close()
    figures = {"faults": found, "slowest": slowest[0], "slowest_seconds": slowest[1], "peak_megabytes": peak()}
    print(json.dumps(figures, ensure_ascii=False))


def peak():
    """The most memory of this process, in megabytes: what ``getrusage`` says begins with that of whoever started it."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return int(lines["VmHWM"].split()[0]) >> 10


def main():
    match sys.argv[1:]:
        case ["document"]:
            from document import document

            sys.stdout.write(document())
        case ["heavy", url, folder]:
            heavy(url, folder)
        case ["fuzz", *numbers]:
            from fuzzing import nightly

            sys.exit(nightly(int(numbers[0]) if numbers else 10_000))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
