"""Check a sync file as the département that receives it should: nothing of the hub is needed, neither store nor keys.

Each fault is told in French, with a code that does not change; no value of anybody's is repeated.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from lxml import etree

from connectors.writers.files import sha256_of
from hub.sharing.contract import WITHDRAWN
from schemas.beneficiary import VERSION, facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEEDED = ("partenaire", "sequence", "precedent_sha256", "nature", "schema", "cree_le", "fichiers")
NATURES = ("delta", "complet")
MANIFEST = ".manifest.json"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a file, or with one of its lines."""

    code: str
    message: str
    file: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was read, and every fault found; a file without fault may be imported."""

    manifest: str
    sequence: int | None
    nature: str | None
    records: int
    faults: tuple[Fault, ...]


def check(file: Path, *, previous: Path | None = None) -> Checked:
    """Check a sync file, named by its manifest or by any of its data files; with the ``previous`` one, the chain too."""
    path = manifest_of(file)
    try:
        said = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return _unreadable(path, "MANIFESTE_ABSENT", "le manifeste n'est pas là : l'envoi n'est pas terminé, attendez")
    except orjson.JSONDecodeError:
        return _unreadable(path, "MANIFESTE_ILLISIBLE", "le manifeste n'est pas du JSON")
    missing = [name for name in NEEDED if not isinstance(said, dict) or name not in said]
    if missing or not said["fichiers"]:
        return _unreadable(path, "MANIFESTE_INCOMPLET", f"il manque au manifeste : {', '.join(missing) or 'fichiers'}")
    faults = [*_of_manifest(path, said), *_of_chain(path, said, previous)]
    seen: dict[str, list[str]] = {}
    for each in said["fichiers"]:
        faults += _of_data(path.parent, each, seen)
    if len({tuple(sorted(ids)) for ids in seen.values()}) > 1:
        faults.append(_fault("FORMES_DIFFERENTES", "les fichiers de données ne portent pas les mêmes messages", path))
    records = max((len(ids) for ids in seen.values()), default=0)
    return Checked(
        manifest=path.name, sequence=said["sequence"], nature=said["nature"], records=records, faults=tuple(faults)
    )


def manifest_of(file: Path) -> Path:
    """The manifest of a sync file, by any of its files."""
    return file if file.name.endswith(MANIFEST) else file.with_name(file.name.partition(".")[0] + MANIFEST)


def _unreadable(path: Path, code: str, message: str) -> Checked:
    return Checked(manifest=path.name, sequence=None, nature=None, records=0, faults=(_fault(code, message, path),))


def _fault(code: str, message: str, file: Path, line: int | None = None) -> Fault:
    return Fault(code=code, message=message, file=file.name, line=line)


def _of_manifest(path: Path, said: dict[str, Any]) -> Iterator[Fault]:
    if said["nature"] not in NATURES:
        yield _fault("NATURE_INCONNUE", "nature : delta ou complet est attendu", path)
    if said["schema"] != VERSION:
        yield _fault("SCHEMA_INCONNU", f"schéma {said['schema']} : cette version connaît {VERSION}", path)
    if not isinstance(said["sequence"], int) or said["sequence"] < 1:
        yield _fault("SEQUENCE_FAUSSE", "le numéro d'ordre n'est pas un entier positif", path)
    elif (said["sequence"] == 1) != (said["precedent_sha256"] is None):
        yield _fault("CHAINE_ROMPUE", "seul le premier fichier n'a pas de précédent", path)


def _of_chain(path: Path, said: dict[str, Any], previous: Path | None) -> Iterator[Fault]:
    if previous is None:
        return
    try:
        before = orjson.loads(manifest_of(previous).read_bytes())
        sequence, first = before["sequence"], before["fichiers"][0]["sha256"]
    except (OSError, orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        yield _fault("PRECEDENT_ILLISIBLE", "le manifeste du fichier précédent ne peut pas être lu", previous)
        return
    if said["sequence"] != sequence + 1:
        yield _fault(
            "JOUR_MANQUANT",
            f"le fichier {said['sequence']} suit le {sequence} : il manque un envoi, ou il vient deux fois",
            path,
        )
    elif said["precedent_sha256"] != first:
        yield _fault("CHAINE_ROMPUE", "l'empreinte du précédent n'est pas celle du fichier que vous avez", path)


def _of_data(folder: Path, each: dict[str, Any], seen: dict[str, list[str]]) -> Iterator[Fault]:
    path = folder / str(each.get("nom"))
    if path.parent != folder:
        yield _fault("NOM_FAUX", "un nom de fichier du manifeste n'est pas un simple nom", path)
        return
    try:
        content = path.read_bytes()
    except OSError:
        yield _fault("FICHIER_ABSENT", "annoncé par le manifeste, il n'est pas là", path)
        return
    if sha256_of(content) != each.get("sha256"):
        yield _fault("EMPREINTE_FAUSSE", "le contenu n'est pas celui que le manifeste annonce : à redemander", path)
        return
    read = READERS.get(path.suffix)
    if read is None:
        yield _fault("FORME_INCONNUE", f"forme inconnue ; connues : {', '.join(READERS)}", path)
        return
    ids: list[str] = []
    yield from read(path, content, ids)
    seen[path.name] = ids
    if len(ids) != each.get("enregistrements"):
        yield _fault("NOMBRE_FAUX", f"{len(ids)} enregistrements lus, {each.get('enregistrements')} annoncés", path)
    if len(set(ids)) != len(ids):
        yield _fault("MESSAGE_REPETE", "un même message y est deux fois", path)


def _message(path: Path, line: int, message: Any, sequence: Any, ids: list[str]) -> Iterator[Fault]:
    ids.append(str(message))
    try:
        well_formed = int(sequence) >= 1 and bool(UUID(str(message)))
    except (ValueError, TypeError):
        well_formed = False
    if not well_formed:
        yield _fault("LIGNE_SANS_CLE", "message_id ou sequence absent ou faux", path, line)


def _json_lines(path: Path, content: bytes, ids: list[str]) -> Iterator[Fault]:
    for line, text in enumerate(content.splitlines(), start=1):
        try:
            given = orjson.loads(text)
            fields = given["champs"].keys()
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            yield _fault("LIGNE_ILLISIBLE", "un objet JSON avec « champs » est attendu", path, line)
            continue
        yield from _message(path, line, given.get("message_id"), given.get("sequence"), ids)
        for name in sorted(fields - facts().keys()):
            yield _fault("CHAMP_INCONNU", f"{name} n'est pas un champ du schéma {VERSION}", path, line)


def _csv(path: Path, content: bytes, ids: list[str]) -> Iterator[Fault]:
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), delimiter=";")
        header = next(rows, [])
        if header[:2] != ["message_id", "sequence"] or len(set(header)) != len(header):
            yield _fault(
                "ENTETE_FAUSSE", "l'en-tête commence par message_id;sequence et ne répète aucune colonne", path, 1
            )
            return
        for line, row in enumerate(rows, start=2):
            if len(row) != len(header):
                yield _fault("LIGNE_ILLISIBLE", f"{len(row)} cellules sous {len(header)} colonnes", path, line)
                continue
            yield from _message(path, line, row[0], row[1], ids)
            yield from _withdrawn(path, line, dict(zip(header, row, strict=True)))
    except (UnicodeDecodeError, csv.Error):
        yield _fault("LIGNE_ILLISIBLE", "ce n'est pas du CSV en UTF-8", path)


def _withdrawn(path: Path, line: int, cells: dict[str, str]) -> Iterator[Fault]:
    """Only a column of the file can be withdrawn, and it then says nothing else."""
    for name in cells.get(WITHDRAWN, "").split():
        if cells.get(name) != "":
            yield _fault("RETRAIT_FAUX", f"{WITHDRAWN} nomme une colonne absente ou remplie", path, line)


def _xml(path: Path, content: bytes, ids: list[str]) -> Iterator[Fault]:
    try:
        tree = etree.iterparse(io.BytesIO(content), tag="dossier", resolve_entities=False, no_network=True)
        for line, (_, element) in enumerate(tree, start=1):
            yield from _message(path, line, element.findtext("message_id"), element.findtext("sequence"), ids)
            element.clear()
    except etree.XMLSyntaxError:
        yield _fault("LIGNE_ILLISIBLE", "ce n'est pas du XML bien formé", path)


READERS: dict[str, Callable[[Path, bytes, list[str]], Iterator[Fault]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".xml": _xml,
}
