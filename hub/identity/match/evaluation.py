"""``hub match evaluate``: links against the truth, per pair of sources, by kind of relatives and by origin.

TRUTH is CSV or Parquet, one line a record: ``source``, ``source_id``, ``person`` (any value, the same for the records of one person), and
optionally ``family`` (the same for people who are related), ``kind`` (twin, sibling, couple, parent_child, homonym: how the members of the
family are related) and ``origin`` (where the person was born, in any words).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from pathlib import Path

LINK_COLUMNS = ("source_a", "id_a", "source_b", "id_b", "decision")
TRUTH_COLUMNS = ("source", "source_id", "person")
OPTIONAL = ("family", "kind", "origin")


def evaluate(links: Path, truth: Path) -> dict[str, Any]:
    """Precision, recall and F1 of what was linked; what a perfect review would add; who was merged wrongly, who was missed."""
    with duckdb.connect() as connection:
        _load(connection, links, "links", LINK_COLUMNS, ())
        _load(connection, truth, "truth", TRUTH_COLUMNS, OPTIONAL)
        _unknown(connection)
        for statement in PREPARE:
            connection.execute(statement)
        return {
            "pairs": [_scores(row) for row in connection.execute(PER_PAIR).fetchall()],
            "all": _scores(("", "", *(connection.execute(ALL).fetchone() or (0, 0, 0, 0, 0)))),
            "false_merges_by_kind": dict(connection.execute(BY_KIND).fetchall()),
            "recall_by_origin": {
                origin: round(recall, 5) for origin, recall in connection.execute(BY_ORIGIN).fetchall()
            },
        }


def _load(
    connection: duckdb.DuckDBPyConnection, file: Path, table: str, needed: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    if not file.is_file() or not file.stat().st_size:
        raise FixTheDelivery(f"{file.name}: there is no such file, or it is empty")
    path = str(file).replace("'", "''")
    parquet = file.suffix.lower() in {".parquet", ".pq"}
    relation = f"read_parquet('{path}')" if parquet else f"read_csv('{path}', all_varchar=true, header=true)"
    try:
        found = [str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    except duckdb.Error as error:
        raise FixTheDelivery(f"{file.name} cannot be read") from error
    absent = [name for name in needed if name not in found]
    if absent:
        raise FixTheDelivery(f"{file.name} has no column {', '.join(absent)}; its columns: {', '.join(found)}")
    columns = [f"{name}::VARCHAR AS {name}" for name in needed]
    columns += [f"{name}::VARCHAR AS {name}" if name in found else f"NULL::VARCHAR AS {name}" for name in optional]
    connection.execute(f"CREATE TABLE {table} AS SELECT {', '.join(columns)} FROM {relation}")


def _unknown(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute(
        "SELECT count(*) FROM links l ANTI JOIN truth t ON t.source = l.source_a AND t.source_id = l.id_a"
    ).fetchone()
    if row and row[0]:
        raise FixTheDelivery(f"{row[0]} links name a record that the truth does not know")


def _scores(row: tuple[Any, ...]) -> dict[str, Any]:
    source_a, source_b, true, linked, right, review, review_right = row
    precision, recall = right / linked if linked else 1.0, right / true if true else 1.0
    both = precision + recall
    reviewed = right + review_right
    return {
        "source_a": source_a, "source_b": source_b, "true_pairs": true, "linked": linked, "wrong": linked - right,
        "precision": round(precision, 6), "recall": round(recall, 6), "f1": round(2 * precision * recall / both if both else 0.0, 6),
        "review": review, "review_rate": round(review / true, 5) if true else 0.0,
        "recall_after_review": round(reviewed / true, 6) if true else 1.0,
    }  # fmt: skip


PREPARE = (
    """CREATE TABLE judged AS
    SELECT least(l.source_a, l.source_b) AS source_a, greatest(l.source_a, l.source_b) AS source_b, l.decision,
      x.person = y.person AS right_, x.family = y.family AS related, x.kind
    FROM (SELECT DISTINCT * FROM links) l
    JOIN truth x ON x.source = l.source_a AND x.source_id = l.id_a JOIN truth y ON y.source = l.source_b AND y.source_id = l.id_b""",
    """CREATE TABLE expected AS
    SELECT x.source AS source_a, y.source AS source_b, x.source_id AS id_a, y.source_id AS id_b, coalesce(x.origin, '') AS origin
    FROM truth x JOIN truth y ON x.person = y.person AND (x.source < y.source OR (x.source = y.source AND x.source_id < y.source_id))
    WHERE x.source <> y.source OR x.source IN (SELECT source_a FROM links WHERE source_a = source_b)""",
)
COUNTED = """count(*) FILTER (decision = 'linked'), count(*) FILTER (decision = 'linked' AND right_),
  count(*) FILTER (decision = 'review'), count(*) FILTER (decision = 'review' AND right_)"""
PER_PAIR = f"""
SELECT e.source_a, e.source_b, e.number, coalesce(j.linked, 0), coalesce(j.right_, 0), coalesce(j.review, 0), coalesce(j.review_right, 0)
FROM (SELECT source_a, source_b, count(*) AS number FROM expected GROUP BY ALL) e
LEFT JOIN (SELECT source_a, source_b, {COUNTED.replace(",", ", ")} FROM judged GROUP BY ALL) j(source_a, source_b, linked, right_, review, review_right)
  USING (source_a, source_b) ORDER BY ALL"""
ALL = f"SELECT (SELECT count(*) FROM expected), {COUNTED} FROM judged"
BY_KIND = """
SELECT CASE WHEN related THEN coalesce(kind, 'relative') ELSE 'stranger' END AS who, count(*) FROM judged
WHERE decision = 'linked' AND NOT right_ GROUP BY who ORDER BY count(*) DESC, who"""
BY_ORIGIN = """
SELECT origin, avg((l.id_a IS NOT NULL)::INTEGER) FROM expected e
LEFT JOIN (SELECT DISTINCT source_a, id_a, source_b, id_b FROM
    (SELECT source_a, id_a, source_b, id_b, decision FROM links UNION ALL SELECT source_b, id_b, source_a, id_a, decision FROM links)
  WHERE decision = 'linked') l USING (source_a, id_a, source_b, id_b)
WHERE origin <> '' GROUP BY origin ORDER BY origin"""
