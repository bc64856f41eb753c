"""A département's import tool, as an example: loads the sync files left in a folder, in order, and acknowledges line by line.

    python -m hub.sandbox.import_tool FOLDER

``FOLDER`` holds ``retour`` (what the hub left), ``accuses`` (what is answered) and ``personnes.csv`` (the people it follows).
What it loaded last is kept in ``recus.json`` beside them.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

from hub.sharing.sync_check import MANIFEST, check

KEPT = "recus.json"


def load(folder: Path) -> int:
    """Load every sync file that follows the last one; returns how many. One that does not follow, or is altered, waits."""
    kept = _kept(folder)
    with (folder / "personnes.csv").open(encoding="utf-8", newline="") as people:
        followed = {row["identifiant"] for row in csv.DictReader(people)}
    loaded = 0
    for manifest in sorted((folder / "retour").glob(f"*{MANIFEST}")):
        said = json.loads(manifest.read_bytes())
        if (
            said["sequence"] != kept["sequence"] + 1
            or said["precedent_sha256"] != kept["sha256"]
            or check(manifest).faults
        ):
            continue
        _acknowledge(folder, manifest, _answers(manifest.parent, said, followed, set(kept["messages"]), kept))
        kept |= {"sequence": said["sequence"], "sha256": said["fichiers"][0]["sha256"]}
        (folder / KEPT).write_text(json.dumps(kept), encoding="utf-8")
        loaded += 1
    return loaded


def _kept(folder: Path) -> dict[str, Any]:
    path = folder / KEPT
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {"sequence": 0, "sha256": None, "messages": []}


def _answers(
    folder: Path, said: dict[str, Any], followed: set[str], known: set[str], kept: dict[str, Any]
) -> list[tuple[str, str, str]]:
    lines = next(each["nom"] for each in said["fichiers"] if each["nom"].endswith(".jsonl"))
    answers = []
    for line in (folder / lines).read_bytes().splitlines():
        given = json.loads(line)
        message = given["message_id"]
        if message in known:
            answers.append((message, "OK", "3436"))
        elif given["identifiant"] not in followed:
            answers.append((message, "KO", "E_INCONNU"))
        else:
            kept["messages"].append(message)
            answers.append((message, "OK", "0000"))
    return answers


def _acknowledge(folder: Path, manifest: Path, answers: list[tuple[str, str, str]]) -> None:
    name = manifest.name.removesuffix(MANIFEST)
    temporary = folder / "accuses" / f".{name}_accuse.csv.part"
    with temporary.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink, delimiter=";", lineterminator="\n")
        writer.writerow(("message_id", "statut", "code", "libelle"))
        writer.writerows((*answer, "") for answer in answers)
    temporary.rename(folder / "accuses" / f"{name}_accuse.csv")


if __name__ == "__main__":
    load(Path(sys.argv[1]))
