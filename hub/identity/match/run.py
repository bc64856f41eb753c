"""``hub match``: from files of people to links between them, step by step, on one machine, within a given memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import numpy as np

from hub.identity.french.numbers import State
from hub.identity.match.blocking import find_pairs
from hub.identity.match.compared import compare_pairs, count_values
from hub.identity.match.links import LINKED, decide_links, name_links
from hub.identity.match.reading import read_files
from hub.identity.match.standardised import standardise_all
from hub.identity.model.decision import Costs
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from hub.identity.match.blocking import Blocked
    from hub.identity.match.reading import Read
    from hub.identity.model.pairs import Pairs
    from hub.identity.model.scorecard import Model

Engine = Literal["duckdb", "spark"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run goes: memory in gigabytes, threads, where large joins may spill, whether pairs of one file count too."""

    memory: float
    threads: int
    spill: Path
    within: bool = False
    engine: Engine = "duckdb"
    spark_master: str = "local[*]"
    costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What a run found: counts, and the pairs as columns."""

    read: Read
    shared: dict[str, int]
    blocked: list[Blocked]
    candidates: int
    persons: int
    links: pa.Table = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The counts, for a reader or a program."""
        decisions = self.links["decision"].to_pylist()
        return {
            "records": self.read.records,
            "sources": self.read.sources,
            "columns_ignored": {name: columns for name, columns in self.read.ignored.items() if columns},
            "columns_absent": {name: columns for name, columns in self.read.absent.items() if columns},
            "identifiers_repeated": self.read.repeated,
            "contacts_shared": self.shared,
            "blocks_set_aside": {
                each.rule: {"blocks": each.large_blocks, "pairs": each.pairs_set_aside}
                for each in self.blocked
                if each.large_blocks
            },
            "candidates": self.candidates,
            "persons": self.persons,
            "linked": decisions.count(LINKED),
            "review": len(decisions) - decisions.count(LINKED),
        }


def match(files: Sequence[Path], *, model: Model, settings: Settings, say: Callable[[str], None]) -> Matched:
    """Link the records of some files."""
    connection = connect(settings)
    try:
        say("reading")
        read = read_files(connection, files)
        say(f"{read.records:,} records of {len(read.sources)} sources; standardising")
        shared = standardise_all(connection)
        blocked, pairs = _compare(connection, settings, say)
        say(f"{len(pairs):,} pairs compared; deciding")
        links, persons = decide_links(
            connection,
            pairs,
            model=model,
            costs=settings.costs,
            constraints=constraints_of(connection),
            within=settings.within,
        )
        named = name_links(connection, links)
    except duckdb.OutOfMemoryException as error:
        raise FixTheDeclaration(
            f"{settings.memory:g} GB are too little for these files: give --memory more, about 1 GB per million records"
        ) from error
    finally:
        connection.close()
    return Matched(read=read, shared=shared, blocked=blocked, candidates=len(pairs), persons=persons, links=named)


def _compare(
    connection: duckdb.DuckDBPyConnection, settings: Settings, say: Callable[[str], None]
) -> tuple[list[Blocked], Pairs]:
    """What grows with the number of pairs, on the engine of the settings."""
    if settings.engine == "spark":
        from hub.identity.match.spark import find_and_compare  # noqa: PLC0415 - only where Spark is used

        say("looking for pairs and comparing them on Spark")
        count_values(connection)
        return find_and_compare(connection, master=settings.spark_master, spill=settings.spill, within=settings.within)
    say("looking for pairs")
    blocked = find_pairs(connection, within=settings.within)
    say("comparing pairs")
    count_values(connection)
    return blocked, compare_pairs(connection)


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that spills to disk rather than grow past its limit."""
    connection = duckdb.connect(
        config={
            "memory_limit": f"{settings.memory:.1f}GB",
            "threads": settings.threads,
            "temp_directory": str(settings.spill),
        }
    )
    connection.execute("set enable_progress_bar = false")  # it would mix with what the command prints
    return connection


def constraints_of(connection: duckdb.DuckDBPyConnection) -> tuple[np.ndarray, np.ndarray]:
    """For each record by its number: its source, and a code for its certified NIR (0 for none)."""
    found = connection.execute(
        f"SELECT rid, src, CASE WHEN nir_state = {int(State.CERTIFIED)} THEN (hash(nir) >> 1)::BIGINT ELSE 0 END AS number FROM records"
    ).fetchnumpy()
    columns = {name: np.asarray(column) for name, column in found.items()}
    size = int(columns["rid"].max()) + 1
    source, number = np.zeros(size, dtype=np.int16), np.zeros(size, dtype=np.int64)
    source[columns["rid"]], number[columns["rid"]] = columns["src"], columns["number"]
    return source, number
