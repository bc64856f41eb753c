"""Pairs compared at their levels: a few in this process, many in DuckDB, by the two forms of one model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from hub.identity.french.person import Person
from hub.identity.match.compared import RARE, compare_pairs
from hub.identity.model.frequencies import FREQUENCIES
from hub.identity.model.in_process import compare_with
from hub.identity.model.pairs import Pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.identity.comparable import Known
    from hub.identity.model.frequencies import Frequencies

MANY = 1_000
KINDS = {
    "nir_state": pa.int8(), "born": pa.int32(), "year": pa.int16(), "month": pa.int8(), "day": pa.int8(),
    "name_words": pa.list_(pa.string()), "first_names": pa.list_(pa.string()),
}  # fmt: skip


def compare(
    pairs: Sequence[tuple[int, int]],
    people: Mapping[int, Known],
    *,
    flows: Mapping[str, int],
    frequencies: Frequencies,
) -> Pairs:
    """Compare pairs of records; ``a`` and ``b`` of the answer are record ids, sources the numbers of their ``flows``."""
    engine = compare_in_duckdb if len(pairs) >= MANY else compare_in_process
    return engine(pairs, people, flows=flows, frequencies=frequencies)


def compare_in_process(
    pairs: Sequence[tuple[int, int]],
    people: Mapping[int, Known],
    *,
    flows: Mapping[str, int],
    frequencies: Frequencies,
) -> Pairs:
    """Record by record, in Python: fractions of a millisecond for a few pairs."""
    partners: defaultdict[int, list[int]] = defaultdict(list)
    for a, b in pairs:
        partners[a].append(b)
    parts = [
        (
            np.full(len(others), record), np.array(others),
            compare_with(
                people[record].person, [people[other].person for other in others], source=flows[people[record].flow],
                sources=[flows[people[other].flow] for other in others], frequencies=frequencies,
            ),
        )
        for record, others in partners.items()
    ]  # fmt: skip
    if not parts:
        return Pairs.none()
    return Pairs(
        a=np.concatenate([a for a, _, _ in parts]),
        b=np.concatenate([b for _, b, _ in parts]),
        **{
            name: np.concatenate([getattr(part, name) for *_, part in parts])
            for name in ("source_a", "source_b", "levels", "bits")
        },
    )


def compare_in_duckdb(
    pairs: Sequence[tuple[int, int]],
    people: Mapping[int, Known],
    *,
    flows: Mapping[str, int],
    frequencies: Frequencies,
) -> Pairs:
    """All at once, in SQL."""
    records = sorted(people)
    place = {record: number for number, record in enumerate(records)}
    with duckdb.connect(config={"threads": 2}) as connection:
        _load(connection, [people[record] for record in records], flows)
        _load_rarities(connection, [people[record].person for record in records], frequencies)
        columns = np.array([(place[a], place[b]) for a, b in pairs], dtype=np.int32).reshape(-1, 2)
        connection.from_arrow(pa.table({"a": columns[:, 0], "b": columns[:, 1]})).create("candidates")
        found = compare_pairs(connection)
    ids = np.array(records, dtype=np.int64)
    return Pairs(
        a=ids[found.a], b=ids[found.b], source_a=found.source_a, source_b=found.source_b, levels=found.levels, bits=found.bits
    )  # fmt: skip


def _load(connection: duckdb.DuckDBPyConnection, people: Sequence[Known], flows: Mapping[str, int]) -> None:
    columns = {
        each.name: pa.array([_plain(getattr(known.person, each.name)) for known in people], KINDS.get(each.name, pa.string()))
        for each in fields(Person)
    }  # fmt: skip
    columns |= {
        "rid": pa.array(range(len(people)), pa.int32()),
        "src": pa.array([flows[known.flow] for known in people], pa.uint8()),
    }
    connection.from_arrow(pa.table(columns)).create("records")


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _load_rarities(connection: duckdb.DuckDBPyConnection, people: Sequence[Person], frequencies: Frequencies) -> None:
    """Every value that somebody here carries, with its frozen bits."""
    for kind in FREQUENCIES:
        names = (kind.column, "usage_bare") if kind.name == "name" else (kind.column,)
        values = sorted({value for person in people for name in names if (value := getattr(person, name)) is not None})
        table = {
            "value": pa.array(values, KINDS.get(kind.column, pa.string())),
            "bits": pa.array([frequencies.of(kind.name, value) for value in values], pa.float32()),
        }
        connection.from_arrow(pa.table(table)).create(f"bits_{kind.name}")
    connection.execute(RARE)
