"""Pairs compared at their levels: a few in this process, many in DuckDB, by the two forms of one model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields, replace
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
    spark: str | None = None,
) -> Pairs:
    """Compare pairs of records; ``a`` and ``b`` of the answer are record ids, sources the numbers of their ``flows``.

    ``spark`` is the master of a Spark that does it, where there are many.
    """
    if len(pairs) < MANY:
        return compare_in_process(pairs, people, flows=flows, frequencies=frequencies)
    if spark:
        return compare_in_spark(pairs, people, flows=flows, frequencies=frequencies, master=spark)
    return compare_in_duckdb(pairs, people, flows=flows, frequencies=frequencies)


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
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.from_arrow(_table(people, flows)).create("records")
        _load_rarities(connection, [known.person for known in people.values()], frequencies)
        connection.from_arrow(_places(pairs, people)).create("candidates")
        return _named(compare_pairs(connection), people)


def compare_in_spark(
    pairs: Sequence[tuple[int, int]],
    people: Mapping[int, Known],
    *,
    flows: Mapping[str, int],
    frequencies: Frequencies,
    master: str,
) -> Pairs:
    """All at once, on Spark's executors."""
    from hub.identity.match.spark import CARRIED, compare_table  # noqa: PLC0415 - only where Spark is used

    records = _table(people, flows)
    for kind, columns in CARRIED.items():
        for value, bits in columns:
            rated = [frequencies.of(kind, each) for each in records[value].to_pylist()]
            records = records.append_column(bits, pa.array(rated, pa.float32()))
    found = compare_table(records, _places(pairs, people), master=master, records_counted=frequencies.records)
    return _named(found, people)


def _places(pairs: Sequence[tuple[int, int]], people: Mapping[int, Known]) -> pa.Table:
    """The pairs, by the places of their records in order."""
    place = {record: number for number, record in enumerate(sorted(people))}
    columns = np.array([(place[a], place[b]) for a, b in pairs], dtype=np.int32).reshape(-1, 2)
    return pa.table({"a": columns[:, 0], "b": columns[:, 1]})


def _named(found: Pairs, people: Mapping[int, Known]) -> Pairs:
    """The same, by record ids again."""
    ids = np.array(sorted(people), dtype=np.int64)
    return replace(found, a=ids[found.a], b=ids[found.b])


def _table(people: Mapping[int, Known], flows: Mapping[str, int]) -> pa.Table:
    """The people as columns, in the order of their records."""
    ordered = [people[record] for record in sorted(people)]
    columns = {
        each.name: pa.array([_plain(getattr(known.person, each.name)) for known in ordered], KINDS.get(each.name, pa.string()))
        for each in fields(Person)
    }  # fmt: skip
    columns |= {
        "rid": pa.array(range(len(ordered)), pa.int32()),
        "src": pa.array([flows[known.flow] for known in ordered], pa.int16()),
    }
    return pa.table(columns)


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
