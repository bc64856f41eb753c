"""The grammar of what a file looks like: XML, CSV or JSON lines, as a flow's YAML declares it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kept(Part):
    """Which records of a unit are people the hub may read: the others stop at the reader."""

    column: str
    values: frozenset[str]


class XmlFormat(Part):
    """A stream of units (households), each holding records (persons), between a header and a footer."""

    reader: Literal["xml"]
    unit: str
    record: str
    header: str
    footer: str
    keep: Kept
    unit_key: tuple[str, ...] = ()


class CsvFormat(Part):
    """One record a line under a header line."""

    reader: Literal["csv"]
    delimiter: str = Field(default=";", min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    fallback_encoding: str | None = "windows-1252"
    null: tuple[str, ...] = ("NULL", "null")


class JsonLinesFormat(Part):
    """One JSON object a line; columns are dotted paths, ``[]`` for a list."""

    reader: Literal["json_lines"]


Format = Annotated[XmlFormat | CsvFormat | JsonLinesFormat, Field(discriminator="reader")]


class ControlTotal(Part):
    """The partner's own count of units, in the footer; ``less`` is what it sent in a companion file."""

    footer: str
    less: str | None = None


class FullPicture(Part):
    """Which deliveries show everybody: all of them, or those whose header says so."""

    header: str | None = None
    values: frozenset[str] = frozenset()


class Complete(Part):
    """When an upload is finished: its size and date have not moved for that many seconds."""

    stable_for: float = Field(default=0.5, ge=0, le=3600)


class Api(Part):
    """How a provider's API may be asked."""

    provider: str
    rate_per_second: float = Field(gt=0, le=1000)
    freshness_hours: float = Field(gt=0)


class Acknowledgements(Part):
    """Where the partner answers, record by record."""

    folder: str
    pattern: str


class Deliver(Part):
    """What we leave for a partner: data files, then their manifest."""

    folder: str
    files: tuple[Literal["csv", "json_lines"], ...]
    reference: tuple[str, ...] = Field(description="columns that tell the partner which of its people it is")
    acknowledgements: Acknowledgements
