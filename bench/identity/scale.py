"""Two large files, from Parquet to links: seconds, memory, F1; and how both grow from ten thousand records.

    python -m bench.identity.scale [--left 2000000] [--right 6000000] [--kept FOLDER] [--grow]

The files share half of the smaller one, as CAF and Pôle emploi might. Each run is its own process, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.identity.generate import generate
from hub.identity.match.evaluation import evaluate

HUB = (sys.executable, "-c", "from hub.cli import main; main()")


def measure(left: int, right: int, *, memory: float, kept: Path | None = None) -> str:
    """One line for one size."""
    with tempfile.TemporaryDirectory() as name:
        folder = kept / f"{left}x{right}" if kept else Path(name)
        files = _files(folder, left, right)
        links = Path(name) / "links.parquet"
        began = time.perf_counter()
        process = subprocess.Popen(
            [*HUB, "match", *map(str, files), "--out", str(links), "--memory", str(memory), "--json"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        said = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        judged = evaluate(links, folder / "truth.parquet")["all"]
    return (
        f"{said['sources']['caf']:>9,} x {said['sources']['pe']:>9,}  {seconds:7.1f} s  {usage.ru_maxrss / 1e6:5.1f} GB  "
        f"{seconds / said['records'] * 1e6:5.1f} s per million records  P {judged['precision']:.5f}  R {judged['recall']:.5f}  F1 {judged['f1']:.5f}"
    )


def _files(folder: Path, left: int, right: int) -> list[Path]:
    """The two files, written unless they are there."""
    if (folder / "truth.parquet").is_file():
        return [folder / "caf.parquet", folder / "pe.parquet"]
    people = left // 2 + right
    known = {"caf": left / people, "pe": right / people}
    return generate(folder, people=people, seed=103, level="ordinary", known=known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--left", type=int, default=2_000_000)
    parser.add_argument("--right", type=int, default=6_000_000)
    parser.add_argument("--memory", type=float, default=7.0)
    parser.add_argument("--kept", type=Path, help="a folder to keep the files in, and to find them again")
    parser.add_argument("--grow", action="store_true")
    chosen = parser.parse_args()
    part = 0.005
    while chosen.grow and part < 1:
        print(
            measure(int(chosen.left * part), int(chosen.right * part), memory=chosen.memory, kept=chosen.kept),
            flush=True,
        )
        part *= 5
    print(measure(chosen.left, chosen.right, memory=chosen.memory, kept=chosen.kept), flush=True)


if __name__ == "__main__":
    main()
