"""The words every connector and reader shares."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as hidden
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from types import TracebackType

    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach a partner: what an Airflow connection or a secret file holds. Secrets are not shown by ``repr``."""

    name: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str | None = hidden(default=None, repr=False)
    extra: Mapping[str, str] = hidden(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file that is complete and may be taken. ``modified_at`` is the partner's clock, in UTC.

    ``manifest`` is the companion that says which bytes it must hold, where the flow has one.
    """

    name: str
    size: int
    modified_at: datetime
    manifest: Arrival | None = None


class Sink(Protocol):
    """Where a file is copied to. ``tell`` says how many bytes it has, so that a copy that broke off is taken up there."""

    def write(self, block: bytes, /) -> int: ...

    def tell(self) -> int: ...


class Connector(Protocol):
    """A place where a partner leaves files and takes ours."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def arrivals(self) -> list[Arrival]:
        """List the complete files, oldest first; raises ``TryAgainLater`` when the partner cannot be reached."""
        ...

    def fetch(self, arrival: Arrival, sink: Sink) -> None:
        """Copy a file into ``sink`` in bounded chunks."""
        ...

    def deposit(self, name: str, source: IO[bytes]) -> None:
        """Leave a file for the partner: written under a temporary name, then renamed."""
        ...

    def remove(self, arrival: Arrival) -> None:
        """Take a file away once it is stored here."""
        ...


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A record the reader could not read: ``raw`` goes to quarantine, encrypted, and nowhere else."""

    record: int
    unit: int
    field: str
    rule: str
    hint: str
    raw: bytes = hidden(repr=False)

    @classmethod
    def of(cls, record: int, unit: int, *, field: str, rule: str, hint: str, values: Mapping[str, Any]) -> Self:
        """One that was read well enough to show its fields."""
        return cls(record=record, unit=unit, field=field, rule=rule, hint=hint, raw=orjson.dumps(values, default=str))


class KnownUnit(NamedTuple):
    """A unit whose bytes were read before: its place, the number of its first record, its digest."""

    unit: int
    record: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A bounded number of records.

    ``frame`` is indexed by record number in the delivery (1-based, named ``record``), holds text columns under the
    partner's own names (absent: ``None``; repeated groups: a list of dicts), and the column ``#unit`` (which household
    or row it came from, 1-based). ``known`` are the units that need not be read, ``digests`` those of the units read.
    """

    frame: pd.DataFrame
    rejected: tuple[Rejected, ...] = ()
    known: tuple[KnownUnit, ...] = ()
    digests: Mapping[int, bytes] = hidden(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What leaves a reader: these columns, so many records at a time. Columns ignored are known, and not read."""

    columns: tuple[str, ...]
    ignored: frozenset[str] = frozenset()
    chunk: int = 2000


@dataclass(kw_only=True)
class Reading:
    """What a reader learnt about a delivery. ``header`` is known before the first chunk, the rest after the last.

    ``remembered`` are the records, among ``records``, of the units that were set aside.
    """

    header: dict[str, str] = hidden(default_factory=dict)
    footer: dict[str, str] = hidden(default_factory=dict)
    units: int = 0
    records: int = 0
    unknown_columns: dict[str, int] = hidden(default_factory=dict)
    missing_columns: list[str] = hidden(default_factory=list)
    columns: list[str] = hidden(default_factory=list)
    repairs: dict[str, int] = hidden(default_factory=dict)
    repeated_units: int = 0
    remembered: int = 0


class Reader(Protocol):
    """Turns bytes into chunks without ever holding the delivery in memory."""

    reading: Reading

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records; raises ``FixTheDelivery`` naming the place when the delivery cannot be read on."""
        ...
