"""What a run says: pairs with source, id, score and decision. Persons decide which pairs are linked."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from hub.identity.match.compared import compare_pairs
from hub.identity.match.persons import gather
from hub.identity.model.decision import Decided, decide
from hub.identity.model.rules import forbidden

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from hub.identity.model.decision import Costs
    from hub.identity.model.pairs import Pairs
    from hub.identity.model.scorecard import Model

ROUNDS = 4
LINKED, REVIEW = "linked", "review"


def make_persons(
    connection: duckdb.DuckDBPyConnection,
    pairs: Pairs,
    decided: Decided,
    constraints: tuple[np.ndarray, np.ndarray],
    *,
    within: bool,
) -> tuple[list[list[int]], Pairs]:
    """Persons, and the pairs inside them that no blocking rule found. Such a pair is compared too: when it is forbidden, the
    persons are made again without ever holding it.
    """
    source, number = constraints
    linked = np.zeros(len(source), dtype=bool)
    linked[pairs.a[decided.link]] = linked[pairs.b[decided.link]] = True
    never = decided.never & linked[pairs.a] & linked[pairs.b]
    apart = list(zip(pairs.a[never].tolist(), pairs.b[never].tolist(), strict=True))
    edges, chances = (pairs.a[decided.link], pairs.b[decided.link]), decided.chances[decided.link]
    for _ in range(ROUNDS):
        persons = gather(edges, chances, source=source, number=number, apart=apart)
        implied = _implied(connection, persons, source, within=within)
        refused = forbidden(implied.levels)
        if not refused.any():
            break
        apart += list(zip(implied.a[refused].tolist(), implied.b[refused].tolist(), strict=True))
    return persons, implied.where(~refused)


def _implied(
    connection: duckdb.DuckDBPyConnection, persons: list[list[int]], source: np.ndarray, *, within: bool
) -> Pairs:
    inside = [
        pair
        for members in persons
        if len(members) > 2
        for pair in combinations(members, 2)
        if within or source[pair[0]] != source[pair[1]]
    ]
    columns = np.array(inside, dtype=np.int32).reshape(-1, 2)
    connection.register("inside", pa.table({"a": columns[:, 0], "b": columns[:, 1]}))
    connection.execute("CREATE OR REPLACE TABLE implied AS SELECT a, b FROM inside ANTI JOIN candidates USING (a, b)")
    connection.unregister("inside")
    return compare_pairs(connection, "implied")


def decide_links(
    connection: duckdb.DuckDBPyConnection,
    pairs: Pairs,
    *,
    model: Model,
    costs: Costs,
    constraints: tuple[np.ndarray, np.ndarray],
    within: bool,
) -> tuple[pa.Table, int]:
    """The pairs linked or proposed, by record number, and how many persons have two records or more."""
    records = dict(connection.execute("SELECT src, records FROM sources").fetchall())
    decided = decide(model, pairs, records=records, costs=costs)
    persons, implied = make_persons(connection, pairs, decided, constraints, within=within)
    person = np.zeros(len(constraints[0]), dtype=np.int64)
    person[np.array(list(chain.from_iterable(persons)), dtype=np.int64)] = np.repeat(
        np.arange(1, len(persons) + 1), [len(members) for members in persons]
    )
    together = (person[pairs.a] == person[pairs.b]) & (person[pairs.a] > 0) & ~decided.never
    review = (decided.review | decided.link) & ~together
    kept = together | review
    also = decide(model, implied, records=records, costs=costs).chances
    table = pa.table(
        {
            "a": np.concatenate([pairs.a[kept], implied.a]),
            "b": np.concatenate([pairs.b[kept], implied.b]),
            "score": np.concatenate([decided.chances[kept], also]).round(4),
            "linked": np.concatenate([together[kept], np.ones(len(implied), dtype=bool)]),
        }
    )
    return table, len(persons)


def name_links(connection: duckdb.DuckDBPyConnection, links: pa.Table) -> pa.Table:
    """The same with source and id, the sources in the order of their names."""
    connection.register("decided", links)
    named = connection.sql(
        "SELECT x.source AS source_a, x.source_id AS id_a, y.source AS source_b, y.source_id AS id_b, score,"
        f" CASE WHEN linked THEN '{LINKED}' ELSE '{REVIEW}' END AS decision FROM ("
        " SELECT CASE WHEN r.src <= s.src THEN a ELSE b END AS one, CASE WHEN r.src <= s.src THEN b ELSE a END AS other, score, linked"
        " FROM decided JOIN records r ON r.rid = a JOIN records s ON s.rid = b)"
        " JOIN said x ON x.rid = one JOIN said y ON y.rid = other ORDER BY one, other"
    ).to_arrow_table()
    connection.unregister("decided")
    return named


def write_links(table: pa.Table, out: Path) -> None:
    """Parquet when the name says so, else CSV."""
    if out.suffix.lower() in {".parquet", ".pq"}:
        pq.write_table(table, out)
    else:
        csv.write_csv(table, out)
