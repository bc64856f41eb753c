"""A value for every field of the common record, each told from every other where its type allows."""

from __future__ import annotations

from hub.sharing.contract import fields_schema
from schemas.beneficiary import facts

DATED = ("_on", "_date", "since", "_at")
# What the pretend France Travail checks before it takes a body.
CODED = {
    "orientation.pathway": "social",
    "appointment.reason": "ACC",
    "appointment.starts_at": "2026-03-12T09:30:00",
    "identity.sex": "2",
}


def everything():
    """Every field but the number, by path."""
    properties, defs = fields_schema(facts())
    return {
        path: CODED.get(path) or value_of(properties[path], defs, path, number)
        for number, path in enumerate(properties)
        if path != "identity.nir"
    }


def marker(number):
    return f"Zq{number:03d}x"


def value_of(schema, defs, path, number):
    """A value of a JSON Schema."""
    schema = schema.get("anyOf", [schema])[0]
    schema = defs.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if "enum" in schema:
        return schema["enum"][0]
    made = {
        "object": lambda: {name: value_of(each, defs, name, number) for name, each in schema["properties"].items()},
        "array": lambda: [value_of(schema["items"], defs, path, number)],
        "integer": lambda: 3,
        "boolean": lambda: True,
        "string": lambda: text_of(schema, path, number),
    }
    return made[schema["type"]]()


def text_of(schema, path, number):
    if path.endswith(DATED) or "d{4}-" in schema.get("pattern", ""):
        return "2026-03-05"
    return f"{number:014d}" if "pattern" in schema else marker(number)
