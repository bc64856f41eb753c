"""The report of a model version: what it does on seeds it was never trained on, beside plain Splink 5 in the same run.

    python -m bench.identity.report [--people 100000] [--out docs/identity]

Prints each figure as it comes and writes the page from the same figures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.identity.generate import SOURCES, generate
from bench.identity.measured import run
from bench.identity.plain_splink import scores, splink_pairs
from hub.identity.match.evaluation import evaluate
from hub.identity.match.links import write_links
from hub.identity.match.reading import read_files
from hub.identity.match.run import Settings, connect
from hub.identity.match.standardised import standardise_all
from hub.identity.model.scorecard import NEWEST

SEEDS = {"ordinary": 101, "hard": 102}
AIMS = {
    "ordinary": {("caf", "pe"): 0.998, ("caf", "departement"): 0.996, ("departement", "pe"): 0.990},
    "hard": {("caf", "pe"): 0.987, ("caf", "departement"): 0.975, ("departement", "pe"): 0.955},
}
HEAD = "| files | plain Splink 5, weight ≥ 0 | its best cut | precision | recall | **F1** | aim | to review |\n|---|---|---|---|---|---|---|---|"


def measure(level: str, people: int, folder: Path) -> dict[str, Any]:
    """Both engines on one population."""
    files = generate(folder, people=people, seed=SEEDS[level], level=level)
    began = time.perf_counter()
    matched = run(files)
    seconds = time.perf_counter() - began
    write_links(matched.links, folder / "links.parquet")
    return {
        "ours": evaluate(folder / "links.parquet", folder / "truth.parquet"), "seconds": seconds, "records": matched.read.records,
        "splink": plain(files, folder), "two_numbers": two_numbers(folder),
    }  # fmt: skip


def plain(files: list[Path], folder: Path) -> dict[str, Any]:
    """F1 of plain Splink for each pair of files."""
    with connect(Settings(memory=8, threads=2, spill=folder / "spill")) as connection:
        read_files(connection, files)
        standardise_all(connection)
        pairs, seconds = splink_pairs(connection)
        rows = connection.execute(
            f"SELECT rid, src, person FROM read_parquet('{folder}/truth.parquet') t JOIN said USING (source, source_id) JOIN records USING (rid)"
        ).fetchnumpy()
        names = [name for (name,) in connection.execute("SELECT name FROM sources ORDER BY src").fetchall()]
    size = int(rows["rid"].max()) + 1
    person, source = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    person[rows["rid"]], source[rows["rid"]] = rows["person"], rows["src"]
    known = np.zeros(size, dtype=bool)
    known[rows["rid"]] = True
    right = person[pairs["a"]] == person[pairs["b"]]
    out: dict[str, Any] = {"seconds": seconds}
    for low in range(len(names)):
        for high in range(low + 1, len(names)):
            among = (low, high)
            chosen = np.isin(source[pairs["a"]], among) & np.isin(source[pairs["b"]], among)
            counts = [np.bincount(person[(source == each) & known], minlength=int(person.max()) + 1) for each in among]
            true = int((counts[0] * counts[1]).sum())
            out[(names[low], names[high])] = scores(pairs["weight"][chosen], right[chosen], true)
    return out


def two_numbers(folder: Path) -> int:
    """Linked pairs whose two records carry different numbers that their own record certifies: there must be none."""
    with connect(Settings(memory=4, threads=2, spill=folder / "spill")) as connection:
        read_files(connection, [folder / f"{source}.parquet" for source in SOURCES])
        standardise_all(connection)
        connection.execute(
            "CREATE TABLE certified AS SELECT source, source_id, r.nir FROM said JOIN records r USING (rid) WHERE nir_state = 5"
        )
        row = connection.execute(
            f"SELECT count(*) FROM read_parquet('{folder}/links.parquet') l"
            " JOIN certified x ON x.source = l.source_a AND x.source_id = l.id_a"
            " JOIN certified y ON y.source = l.source_b AND y.source_id = l.id_b WHERE decision = 'linked' AND x.nir <> y.nir"
        ).fetchone()
    return int(row[0]) if row else 0


def lines_of(level: str, said: dict[str, Any], people: int) -> list[str]:
    """The table of one level."""
    out = [f"\n## {level.capitalize()}: {people:,} people, {said['records']:,} records, seed {SEEDS[level]}\n", HEAD]
    for pair in said["ours"]["pairs"]:
        names = (pair["source_a"], pair["source_b"])
        zero, best = said["splink"][names]
        aim = AIMS[level][names]
        met = "reached" if pair["f1"] >= aim else "missed"
        out.append(
            f"| {' – '.join(names)} | {zero:.4f} | {best:.4f} | {pair['precision']:.5f} | {pair['recall']:.4f} | **{pair['f1']:.4f}**"
            f" ({pair['f1'] - best:+.4f}) | {aim}, {met} | {pair['review_rate']:.2%} |"
        )
    everything, kinds = said["ours"]["all"], said["ours"]["false_merges_by_kind"]
    out += [
        (
            f"\nAll links (they are the pairs inside persons): precision {everything['precision']:.5f}, recall {everything['recall']:.4f},"
            f" F1 {everything['f1']:.4f}; with a perfect review, recall {everything['recall_after_review']:.4f}."
        ),
        (
            f"False merges by kind: {', '.join(f'{kind} {number}' for kind, number in kinds.items()) or 'none'}."
            f" Recall by origin: {', '.join(f'{origin} {recall:.4f}' for origin, recall in said['ours']['recall_by_origin'].items())}."
        ),
        f"Linked pairs with two different certified numbers: {said['two_numbers']}.",
        f"Seconds: {said['seconds']:.1f}; plain Splink alone, on columns already standardised, {said['splink']['seconds']:.1f}.",
    ]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=Path("docs/identity"))
    chosen = parser.parse_args()
    page = [
        f"# Matching model {NEWEST}",
        (
            "\nWritten by `python -m bench.identity.report`. Invented people, the public error model of `bench/identity`, seeds never trained on."
            " Links are automatic: nobody reviewed anything. “Its best cut” is chosen with the truth and flatters Splink."
        ),
    ]
    for level in SEEDS:
        with tempfile.TemporaryDirectory() as name:
            lines = lines_of(level, measure(level, chosen.people, Path(name)), chosen.people)
        print("\n".join(lines))
        page += lines
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / f"{NEWEST}.md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
