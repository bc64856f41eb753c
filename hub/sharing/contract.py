"""The contract an agreement makes with its partner's developers: the JSON Schema of what arrives, and the columns of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.beneficiary import VERSION, Beneficiary, facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.declaration import Flow
    from hub.sharing.agreements import Agreement
    from mappings.declaration import OutMapping

# In a CSV file an empty cell says nothing; what was told before and holds no more is named there, column by column.
WITHDRAWN = "champs_retires"
WITHDRAWN_MEANS = "Colonnes, séparées par des espaces, dont la valeur dite auparavant ne tient plus"


def fields_schema(paths: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON Schema of each field by path, and the definitions they refer to."""
    defs: dict[str, Any] = Beneficiary.model_json_schema()["$defs"]
    blocks = {name: info.annotation for name, info in Beneficiary.model_fields.items()}
    properties = {}
    for path in paths:
        block, _, name = path.partition(".")
        properties[path] = dict(defs[getattr(blocks[block], "__name__", block)]["properties"][name])
        properties[path].pop("default", None)
    wanted: dict[str, Any] = {}
    _follow(properties, defs, wanted)
    return properties, wanted


def _follow(schema: Any, defs: dict[str, Any], wanted: dict[str, Any]) -> None:
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in wanted:
            wanted[name] = defs[name]
            _follow(defs[name], defs, wanted)
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _follow(each, defs, wanted)


def line_schema(agreement: Agreement, flow: Flow) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message: a line of a JSON Lines file, or what an API call is made from.

    Nothing but the agreement's fields; null says that a value told before holds no more.
    """
    properties, defs = fields_schema(agreement.all_fields)
    fields = {
        "type": "object", "additionalProperties": False, "minProperties": 1, "properties": properties,
        "description": "Ce que la convention permet, et rien d'autre. null : la valeur dite auparavant ne tient plus.",
    }  # fmt: skip
    reference = flow.deliver.reference if flow.deliver else ()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{agreement.partner} : {agreement.purpose}",
        "version": VERSION,
        "type": "object",
        "additionalProperties": False,
        "required": ["message_id", "sequence", *reference, "champs"],
        "properties": {
            "message_id": {"type": "string", "format": "uuid", "description": "Clé d'idempotence."},
            "sequence": {"type": "integer", "minimum": 1, "description": "Ordre des messages d'une personne."},
            **{column: {"type": "string"} for column in reference},
            "champs": fields,
        },
        "$defs": defs,
    }


def columns(flow: Flow, mapping: OutMapping) -> list[dict[str, str]]:
    """What stands where: the columns of the CSV file in order, or the fields of each API body."""
    if flow.deliver is None:
        return [
            {"column": f"{body}.{name}", "path": field.path or "", "label": _label(field.path)}
            for body, fields in mapping.bodies.items()
            for name, field in fields.items()
        ]
    heads = ["message_id", "sequence", *flow.deliver.reference]
    return [
        *({"column": column, "path": "", "label": ""} for column in heads),
        *({"column": each.column, "path": each.path, "label": _label(each.path)} for each in mapping.columns),
        {"column": WITHDRAWN, "path": "", "label": WITHDRAWN_MEANS},
    ]


def _label(path: str | None) -> str:
    return facts()[path].label if path else ""


def beyond(agreement: Agreement, mapping: OutMapping) -> list[str]:
    """The fields an outgoing layout has a place for and the agreement does not name."""
    wanted = [column.path for column in mapping.columns]
    wanted += [field.path for body in mapping.bodies.values() for field in body.values() if field.path]
    return sorted(set(wanted) - set(agreement.all_fields))
