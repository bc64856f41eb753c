"""The grammar of what a file looks like: XML, CSV or JSON lines, as a flow's YAML declares it."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, Self

from croniter import croniter
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kept(Part):
    """Which records of a unit are people the hub may read: the others stop at the reader."""

    column: str
    values: frozenset[str]


class XmlFormat(Part):
    """A stream of units (households), each holding records (persons), between a header and a footer."""

    reader: Literal["xml"]
    root: str | None = None
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

    @field_validator("encoding", "fallback_encoding")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            codecs.lookup(name or "utf-8")
        except LookupError:
            raise ValueError("not an encoding Python knows, for instance utf-8 or windows-1252") from None
        return name


class JsonLinesFormat(Part):
    """One JSON object a line; columns are dotted paths, ``[]`` for a list."""

    reader: Literal["json_lines"]


Format = Annotated[XmlFormat | CsvFormat | JsonLinesFormat, Field(discriminator="reader")]


class Unpack(Part):
    """What a flow's deliveries are packed in, and how much may come out of one: ``unpack: zip`` takes every default.

    An archive holds one file; with ``member``, one file of that name pattern among others, which are not read.
    """

    kind: Literal["zip", "gzip"]
    member: str | None = None
    most_bytes: int = Field(default=4 << 30, ge=1, description="unpacked size beyond which a delivery is refused")
    most_ratio: float = Field(default=200, gt=1, description="how many times the packed size; a first megabyte is free")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "gzip" and self.member is not None:
            raise ValueError("gzip holds one file: leave member out")
        return self


def spelt_out(given: object) -> object:
    """``unpack: zip`` stands for ``unpack: {kind: zip}``."""
    return {"kind": given} if isinstance(given, str) else given


class ControlTotal(Part):
    """The partner's own count of units, in the footer; ``less`` is what it sent in a companion file."""

    footer: str
    less: str | None = None


class FullPicture(Part):
    """Which deliveries show everybody: all of them, or those whose header says so."""

    header: str | None = None
    values: frozenset[str] = frozenset()


class Complete(Part):
    """When an upload is finished: its size and date have not moved for that many seconds, and its companions are there.

    A partner that writes under a temporary name and renames needs neither companion. ``marker`` is the ending of an empty
    file that says the upload is over (``RSABEM.xml.ok``); ``manifest`` that of a file whose first word is the SHA-256 of the
    data file, as ``sha256sum`` writes it: bytes that are not those are refused.
    """

    stable_for: float = Field(default=0.5, ge=0, le=3600)
    marker: str | None = Field(default=None, pattern=r"^\.\w+$")
    manifest: str | None = Field(default=None, pattern=r"^\.\w+$")


class Expected(Part):
    """When a delivery is due, in Paris time, and how long to wait before asking for it.

    ``kind`` keeps deliveries of one kind apart (a monthly full picture, a daily delta); ``scope`` those of a département.
    """

    what: str
    cron: str = Field(description="five fields, as cron reads them")
    grace_hours: float = Field(default=6, gt=0)
    early_hours: float = Field(default=12, ge=0, description="one that comes that much before is on time")
    look_back_days: int = Field(default=40, ge=1)
    kind: Literal["full", "delta"] | None = None
    scope: str | None = None

    @field_validator("cron")
    @classmethod
    def _readable(cls, text: str) -> str:
        if not croniter.is_valid(text) or len(text.split()) != 5:
            raise ValueError("write five cron fields, for instance 0 6 * * 1-5")
        return text


class Api(Part):
    """How a provider's API may be asked."""

    provider: str
    rate_per_second: float = Field(gt=0, le=1000)
    freshness_hours: float = Field(gt=0)


class Webhook(Part):
    """How a partner that listens is told: so many messages a second, naming the person by these columns."""

    rate_per_second: float = Field(gt=0, le=1000)
    reference: tuple[str, ...] = Field(description="columns that tell the partner which of its people it is")


class Acknowledgements(Part):
    """Where the partner answers, record by record."""

    folder: str
    pattern: str


class Deliver(Part):
    """What we leave for a partner: data files, then their manifest."""

    folder: str
    files: tuple[Literal["csv", "json_lines", "xml"], ...]
    reference: tuple[str, ...] = Field(description="columns that tell the partner which of its people it is")
    acknowledgements: Acknowledgements
