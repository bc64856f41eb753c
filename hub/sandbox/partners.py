"""The partners' own side: they load what the hub leaves, check it, remember it, and answer line by line."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from hub.sandbox.population import Adult

FRENCH_COLUMNS = {
    "parcours": "orientation.pathway", "date_orientation": "orientation.decided_on", "structure": "orientation.structure_name",
    "nature_contrat": "contract.kind", "etat_contrat": "contract.state", "debut_contrat": "contract.starts_on",
    "fin_contrat": "contract.ends_on", "statut_inscription": "job_seeker.status", "date_inscription": "job_seeker.registered_on",
}  # fmt: skip
DATES = frozenset({"orientation.decided_on", "contract.starts_on", "contract.ends_on", "job_seeker.registered_on"})


@dataclass
class FilePartner:
    """A partner that exchanges files. ``own`` is the people it follows, by the number the hub must name them by."""

    name: str
    folder: Path
    own: dict[str, list[Adult]]
    learnt: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)
    repeated: int = 0
    unknown_people: int = 0
    complaints: list[str] = field(default_factory=list)
    last_sequence: int = 0
    last_sha256: str | None = None

    def load(self) -> int:
        """Take every sync file whose manifest is there, in order; returns how many messages were new."""
        new = 0
        for manifest in sorted((self.folder / "retour").glob("*.manifest.json")):
            new += self._take(manifest)
            manifest.rename(manifest.with_suffix(".lu"))
        return new

    def _take(self, manifest: Path) -> int:
        said = orjson.loads(manifest.read_bytes())
        if said["sequence"] != self.last_sequence + 1 or said["precedent_sha256"] != self.last_sha256:
            self.complaints.append(f"fichier {said['sequence']} reçu après le {self.last_sequence}")
        for each in said["fichiers"]:
            content = (manifest.parent / each["nom"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != each["sha256"]:
                self.complaints.append(f"fichier {said['sequence']} : empreinte fausse")
        first = said["fichiers"][0]
        self.last_sequence, self.last_sha256 = said["sequence"], first["sha256"]
        lines = list(self._lines(manifest.parent, said["fichiers"]))
        if len(lines) != first["enregistrements"]:
            self.complaints.append(f"fichier {said['sequence']} : nombre d'enregistrements faux")
        new = [self._learn(*line) for line in lines]
        self._acknowledge(
            first["nom"].rpartition(".")[0], [(line[0], known) for line, known in zip(lines, new, strict=True)]
        )
        return len(new)

    def _lines(self, folder: Path, files: list[dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
        """(message, person, fields) of each line: from JSON lines where there are some, else from CSV."""
        names = {each["nom"].rpartition(".")[2]: each["nom"] for each in files}
        if "jsonl" in names:
            content = (folder / names["jsonl"]).read_bytes()
            given = [orjson.loads(line) for line in content.splitlines()]
            return [(each["message_id"], each["identifiant"], each["champs"]) for each in given]
        text = (folder / names["csv"]).read_text(encoding="utf-8")
        return [self._csv_line(row) for row in csv.DictReader(io.StringIO(text), delimiter=";")]

    def _csv_line(self, row: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        person = f"{row['numero_demande_rsa']}|{row['date_naissance']}|{row['prenom']}"
        fields = {path: row[column] for column, path in FRENCH_COLUMNS.items() if row.get(column)}
        for path in DATES & fields.keys():
            day, month, year = fields[path].split("/")
            fields[path] = f"{year}-{month}-{day}"
        gone = (FRENCH_COLUMNS[column] for column in row["champs_retires"].split())
        return row["message_id"], person, fields | dict.fromkeys(gone, None)

    def _learn(self, message: str, person: str, fields: dict[str, Any]) -> str:
        """Keep what is new; the answer's code."""
        if message in self.messages:
            self.repeated += 1
            return "3436"
        if person not in self.own:
            self.unknown_people += 1
            return "E_INCONNU"
        self.messages.add(message)
        self.learnt.setdefault(person, {}).update(fields)
        return "0000"

    def _acknowledge(self, name: str, answers: list[tuple[str, str]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\n")
        writer.writerow(("message_id", "statut", "code", "libelle"))
        for message, code in answers:
            writer.writerow((message, "KO" if code.startswith("E_") else "OK", code, ""))
        temporary = self.folder / "accuses" / f".{name}_accuse.csv.part"
        temporary.write_text(text.getvalue(), encoding="utf-8")
        temporary.rename(self.folder / "accuses" / f"{name}_accuse.csv")
