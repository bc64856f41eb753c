"""The grammar of ``mappings/partners/<flow>.yml``: how their columns become our fields, and our fields their columns."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mappings.converters import CONVERTERS
from mappings.renderers import RENDERERS
from schemas.beneficiary import facts
from schemas.codes import code_lists
from schemas.yaml_files import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FieldRule(Part):
    """Where one field of the common record comes from."""

    source: str | tuple[str, ...] | None = Field(default=None, alias="from")
    convert: str = "text"
    table: dict[str, Any] = Field(default={}, description="their word to ours; a word not in it goes on as it is")
    codes: str | None = Field(default=None, description="code list the result is compared with")
    value: Any = Field(default=None, description="a constant, where the layout implies it")
    on_error: Literal["refuse", "drop"] = "refuse"

    @property
    def sources(self) -> tuple[str, ...]:
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, str) else self.source


class AsOf(Part):
    """The day the partner speaks of: a header field, or a field of the record; else the day of the delivery."""

    header: str | None = None
    field: str | None = None


class InMapping(Part):
    """A partner's layout, read."""

    flow: str
    direction: Literal["in"]
    key: tuple[str, ...] = Field(min_length=1, description="fields that make the partner's own key of the person")
    as_of: AsOf = AsOf()
    fields: dict[str, FieldRule]
    ignored_columns: dict[str, str] = Field(default={}, alias="ignored", description="column to why it is not read")

    @property
    def columns(self) -> tuple[str, ...]:
        """The partner's columns this mapping reads, each once."""
        return tuple(dict.fromkeys(column for rule in self.fields.values() for column in rule.sources))

    @property
    def coded(self) -> dict[str, str]:
        """The fields that hold a code, each with its list."""
        return {path: rule.codes for path, rule in self.fields.items() if rule.codes}

    @property
    def ignored(self) -> frozenset[str]:
        return frozenset(self.ignored_columns)


class OutColumn(Part):
    """One column of an outgoing layout."""

    column: str
    path: str
    render: str = "text"


class BodyField(Part):
    """One field of an outgoing API body: from the record, or a constant."""

    path: str | None = None
    value: Any = None
    render: str = "text"
    table: dict[str, str] = {}
    required: bool = False


class OutElement(Part):
    """One element of an outgoing XML record; ``element`` is its place in it, as in ``modes_contact/email``."""

    element: str = Field(pattern=r"^[A-Za-z_][\w.-]*(/[A-Za-z_][\w.-]*)*$")
    path: str
    render: str = "text"


class XmlLayout(Part):
    """An outgoing XML file: a root, a header, one element a person."""

    root: str
    header: str = "entete"
    record: str = "dossier"
    elements: tuple[OutElement, ...] = Field(min_length=1)


class OutMapping(Part):
    """A partner's layout, written: the columns of a file, the elements of an XML one, or the bodies of an API."""

    flow: str
    direction: Literal["out"]
    columns: tuple[OutColumn, ...] = ()
    xml: XmlLayout | None = None
    bodies: dict[str, dict[str, BodyField]] = {}


Mapping = Annotated[InMapping | OutMapping, Field(discriminator="direction")]
GRAMMAR: TypeAdapter[InMapping | OutMapping] = TypeAdapter(Mapping)


def load_mappings(folder: Path | None = None) -> dict[str, InMapping | OutMapping]:
    """Every mapping by flow.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    kind = Kind(shown="mappings/partners", read=GRAMMAR.validate_python, named_by="flow", misfits=_misfits)
    return kind.load(folder or files("mappings").joinpath("partners"))


def _misfits(mapping: InMapping | OutMapping) -> Iterator[str]:
    return _in_misfits(mapping) if isinstance(mapping, InMapping) else _out_misfits(mapping)


def _in_misfits(mapping: InMapping) -> Iterator[str]:
    for path, rule in mapping.fields.items():
        if path not in facts():
            yield f"fields.{path}: not a field of the common record; see docs/data-dictionary.md."
        if rule.convert not in CONVERTERS:
            yield f"fields.{path}.convert: {rule.convert!r} is not a converter; one of {', '.join(sorted(CONVERTERS))}."
        if rule.codes and rule.codes not in code_lists():
            yield f"fields.{path}.codes: {rule.codes!r} is not a code list; see schemas/codes."
        if not rule.sources and rule.value is None:
            yield f"fields.{path}: say from which column it comes (from:), or its constant (value:)."
    for path in mapping.key:
        if path not in mapping.fields:
            yield f"key: {path} is not mapped; map it, or take it out of the key."


def _out_misfits(mapping: OutMapping) -> Iterator[str]:
    wanted = [(column.path, column.render) for column in mapping.columns]
    wanted += [(each.path, each.render) for each in (mapping.xml.elements if mapping.xml else ())]
    wanted += [(field.path, field.render) for body in mapping.bodies.values() for field in body.values() if field.path]
    for path, render in wanted:
        if path not in facts():
            yield f"columns.{path}: not a field of the common record; see docs/data-dictionary.md."
        if render not in RENDERERS:
            yield f"columns.{path}.render: {render!r} is not a renderer; one of {', '.join(sorted(RENDERERS))}."
