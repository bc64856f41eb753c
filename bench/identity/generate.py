"""Write a benchmark: three files about the same invented people, and the truth.

    python -m bench.identity.generate FOLDER [--people 100000] [--seed 1] [--level ordinary|hard]

``caf``, ``pe`` and ``departement`` in Parquet with the columns of ``hub match``; ``truth.parquet`` says for each record which person it
is, the person's relatives (``family`` and ``kind``) and origin. The error model is in ``errors.py``, with its rates for each file.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.identity import files
from bench.identity.people import invent

SOURCES = ("caf", "pe", "departement")


def generate(folder: Path, *, people: int, seed: int, level: str, known: dict[str, float] | None = None) -> list[Path]:
    """Write the files of ``known`` (all three by default) and their truth; returns the paths of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    invented, truths, paths = invent(seed, people), [], []
    for number, source in enumerate(known or SOURCES):
        said, truth = files.write(
            invented, source, seed=seed * 10 + number + 1, level=level, known=(known or {}).get(source)
        )
        paths.append(folder / f"{source}.parquet")
        pq.write_table(said, paths[-1])
        truths.append(truth)
    pq.write_table(pa.concat_tables(truths), folder / "truth.parquet")
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--level", choices=("ordinary", "hard"), default="ordinary")
    chosen = parser.parse_args()
    began = time.perf_counter()
    for path in generate(chosen.folder, people=chosen.people, seed=chosen.seed, level=chosen.level):
        print(f"{path.name}: {pq.read_metadata(path).num_rows:,} records")
    print(f"{chosen.people:,} people, {chosen.level}, seed {chosen.seed}: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
