"""The published forms of the common record: a JSON Schema for programs, a data dictionary for people."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from schemas.beneficiary import VERSION, Beneficiary, Block, facts
from schemas.codes import code_lists

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.facts import Fact

SCHEMA_PATH = f"schemas/jsonschema/beneficiary-{VERSION}.json"
DICTIONARY_PATH = "docs/data-dictionary.md"

OWNERS = {
    "caf": "CAF/MSA",
    "pole_emploi": "Pôle emploi",
    "departement": "Département",
    "second_circle": "Second cercle",
}
SENSITIVITIES = {
    "ordinary": "ordinaire",
    "contact": "coordonnée",
    "nir": "NIR : chiffré, jamais diffusé",
    "sensitive": "sensible : seulement si une convention la nomme",
}


def json_schema() -> dict[str, Any]:
    """The contract as JSON Schema; each field carries its owner, sensitivity and code list."""
    schema = Beneficiary.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "version": VERSION, **schema}


def data_dictionary() -> str:
    """The dictionary in French, as Markdown: one table per block, then the code lists."""
    lines = [
        "# Dictionnaire des données",
        "",
        f"Enregistrement commun, version {VERSION}. Fichier produit par `hub schema publish` : ne pas modifier à la main.",
        "",
        "Le *propriétaire* est le partenaire dont la parole l'emporte quand deux partenaires diffèrent.",
    ]
    by_block: defaultdict[str, list[Fact]] = defaultdict(list)
    for path, fact in facts().items():
        by_block[path.partition(".")[0]].append(fact)
    for block, known in by_block.items():
        lines += ["", f"## {block}", "", _purpose(block), ""]
        lines += ["| champ | libellé | propriétaire | sensibilité | codes |", "|---|---|---|---|---|"]
        lines += [_row(fact) for fact in known]
    lines += ["", "# Listes de codes", "", "Un code absent de sa liste est conservé tel que reçu, et signalé."]
    for name, codes in sorted(code_lists().items()):
        lines += [
            "",
            f"## {name}",
            "",
            f"{codes.label}. Source : {codes.source}.",
            "",
            "| code | libellé |",
            "|---|---|",
        ]
        lines += [f"| `{code}` | {label} |" for code, label in codes.codes.items()]
    return "\n".join(lines) + "\n"


def _purpose(block: str) -> str:
    model = Beneficiary.model_fields[block].annotation
    assert isinstance(model, type)
    assert issubclass(model, Block)
    return (model.__doc__ or "").strip() if model.__doc__ is not Block.__doc__ else ""


def _row(fact: Fact) -> str:
    codes = f"[{fact.codes}](#{fact.codes})" if fact.codes else ""
    return f"| `{fact.path}` | {fact.label} | {OWNERS[fact.owner]} | {SENSITIVITIES[fact.sensitivity]} | {codes} |"


def published() -> dict[str, bytes]:
    """What the repository must hold, by path."""
    schema = orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return {SCHEMA_PATH: schema, DICTIONARY_PATH: data_dictionary().encode()}


def write_published(root: Path) -> list[Path]:
    """Write the published forms under the repository's root; returns what was written."""
    written = []
    for path, content in published().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written.append(target)
    return written
