"""The candidate pairs compared, level by level, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hub.identity.model.frequencies import FREQUENCIES, ODD, Frequencies
from hub.identity.model.levels import COMPARISONS
from hub.identity.model.pairs import Pairs

if TYPE_CHECKING:
    import duckdb

WITH_BITS = """
SELECT r.*, n.bits AS birth_bits, u.bits AS usage_bits, f.bits AS first_bits, d.bits AS born_bits, p.bits AS place_bits
FROM {records} r
LEFT JOIN bits_name n ON n.value = r.birth_bare
LEFT JOIN bits_name u ON u.value = r.usage_bare
LEFT JOIN bits_first f ON f.value = r.first_name
LEFT JOIN bits_born d ON d.value = r.born
LEFT JOIN bits_place p ON p.value = r.place
"""
# Lists are dear to carry along and seldom looked into: joined, they are parted where a level asks for them.
JOINED = """(SELECT * EXCLUDE (first_names, name_words, mailbox), array_to_string(first_names, ' ') AS first_names,
  array_to_string(name_words, ' ') AS name_words FROM records WHERE rid IN (SELECT {side} FROM {table}))"""
PARTED = {
    "first_names": "string_split(nullif({side}.first_names, ''), ' ')",
    "name_words": "string_split(nullif({side}.name_words, ''), ' ')",
    "mailbox": "split_part({side}.email, '@', 1)",
}
RARE = f"CREATE OR REPLACE VIEW rare AS {WITH_BITS.format(records='records')}"


def count_values(connection: duckdb.DuckDBPyConnection) -> None:
    """How rare each name, first name, date and place is in these files, in bits. Usage names are rated as birth names."""
    for kind in FREQUENCIES:
        connection.execute(
            f"CREATE OR REPLACE TABLE bits_{kind.name} AS SELECT {kind.column} AS value,"
            f" (log2((SELECT count(*) FROM records)) - log2(count(*)))::FLOAT AS bits"
            f" FROM records WHERE {kind.column} IS NOT NULL GROUP BY {kind.column}"
        )
    connection.execute(RARE)


def compare_pairs(connection: duckdb.DuckDBPyConnection, table: str = "candidates") -> Pairs:
    """Compare every pair of a table of (a, b). Only the records of some pair are looked up."""
    levels = ", ".join(f"{_parted(comparison.sql)} AS l_{comparison.name}" for comparison in COMPARISONS)
    rarest = "floor(log2((SELECT count(*) FROM records)))"
    bits = ", ".join(
        f"coalesce({_or_rarest(kind.pair_sql, rarest)}, 0)::FLOAT AS b_{kind.name}" for kind in (*FREQUENCIES, *ODD)
    )
    one, other = (WITH_BITS.format(records=JOINED.format(side=side, table=table)) for side in ("a", "b"))
    found = connection.execute(
        f"SELECT c.a, c.b, a.src AS source_a, b.src AS source_b, {levels}, {bits} FROM {table} c"
        f" JOIN ({one}) a ON a.rid = c.a JOIN ({other}) b ON b.rid = c.b"
    ).fetchnumpy()
    columns = {name: np.asarray(column) for name, column in found.items()}
    order = np.argsort(columns["a"].astype(np.int64) << 32 | columns["b"])
    return Pairs(
        a=columns["a"][order],
        b=columns["b"][order],
        source_a=columns["source_a"][order],
        source_b=columns["source_b"][order],
        levels=np.column_stack([columns[f"l_{comparison.name}"][order] for comparison in COMPARISONS]),
        bits=np.column_stack([columns[f"b_{kind.name}"][order] for kind in (*FREQUENCIES, *ODD)]),
    )


def _parted(sql: str) -> str:
    for side in ("a", "b"):
        for column, parted in PARTED.items():
            sql = sql.replace(f"{side}.{column}", parted.format(side=side))
    return sql


def _or_rarest(sql: str, rarest: str) -> str:
    """A usage name that nobody has as birth name is as rare as can be."""
    for side in ("a", "b"):
        for name, column in (("birth", "birth_bare"), ("usage", "usage_bare"), ("first", "first_name")):
            sql = sql.replace(
                f"{side}.{name}_bits",
                f"coalesce({side}.{name}_bits, CASE WHEN {side}.{column} IS NOT NULL THEN {rarest} END)",
            )
    return sql


def frequencies_of(connection: duckdb.DuckDBPyConnection) -> Frequencies:
    """What ``count_values`` counted, frozen, for the same weights in process."""
    row = connection.execute("SELECT count(*) FROM records").fetchone()
    return Frequencies(
        records=int(row[0]) if row else 0,
        bits={
            kind.name: dict(connection.execute(f"SELECT value, bits FROM bits_{kind.name}").fetchall())
            for kind in FREQUENCIES
        },
    )
