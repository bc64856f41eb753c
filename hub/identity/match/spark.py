"""The same blocking and the same levels on Spark: for files that one machine cannot hold, or data that may not leave a cluster.

Executors run the Python form of the model, pair by pair, beside the data; reading, rarities, decisions and persons stay where they were.
Needs the ``spark`` extra and a Java runtime.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import fields
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hub.identity.french.numbers import State
from hub.identity.french.person import Person
from hub.identity.keys import KEY_BYTES, LARGEST_BLOCK, NUMBER, RULES, keys_of
from hub.identity.match.blocking import Blocked
from hub.identity.model.frequencies import FREQUENCIES, ODD, Frequencies
from hub.identity.model.levels import levels_of
from hub.identity.model.pairs import BITS, LEVELS, Pairs
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import duckdb

PERSON = tuple(each.name for each in fields(Person))
CARRIED = {
    "name": (("birth_bare", "birth_bits"), ("usage_bare", "usage_bits")), "first": (("first_name", "first_bits"),),
    "born": (("born", "born_bits"),), "place": (("place", "place_bits"),),
}  # fmt: skip
KEY_SCHEMA = "key bigint, rule int, rid int, src int, certified boolean"
PAIR_SCHEMA = "a int, b int, source_a int, source_b int, levels array<int>, bits array<float>"

ALLOWED = """
select key, rule, rid, src, certified,
  count(*) over (partition by key) * sum(case when rule = {number} or not certified then 1 else 0 end) over (partition by key) as pairs
from keys
"""

FOUND = """
select distinct one.rid as a, other.rid as b from allowed one join allowed other on one.key = other.key
where one.pairs <= {largest} and other.pairs <= {largest} and one.rid < other.rid
  and (one.rule = {number} or not (one.certified and other.certified)) and ({within} or one.src <> other.src)
"""

ASIDE = "select rule, count(*) as blocks, sum(pairs) as pairs from (select distinct key, rule, pairs from allowed where pairs > {largest}) group by rule"

BESIDE = """
select f.a, f.b, x.src as source_a, y.src as source_b, x.said as one, y.said as other
from found f join said x on x.rid = f.a join said y on y.rid = f.b
"""


@contextmanager
def session(master: str) -> Iterator[Any]:
    """A Spark session; raises ``FixTheDeclaration`` when Spark cannot be had here."""
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - heavy, and seldom there
    except ImportError as error:
        raise FixTheDeclaration("HUB_MATCH_ENGINE=spark needs the spark extra: pip install '.[spark]'.") from error
    builder = SparkSession.builder.master(master).appName("hub match")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",
        **({"spark.driver.host": "127.0.0.1"} if master.startswith("local") else {}),
    }.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:
        raise FixTheDeclaration(f"Spark does not start with HUB_SPARK_MASTER={master}: is Java there?") from error
    if master.startswith("local"):
        spark.sparkContext.pythonExec = sys.executable  # executors on this machine have what this process has
    try:
        yield spark
    finally:
        spark.stop()


def find_and_compare(
    connection: duckdb.DuckDBPyConnection, *, master: str, spill: Path, within: bool
) -> tuple[list[Blocked], Pairs]:
    """The candidate pairs of ``records`` and their levels, on Spark; fills ``candidates`` as the other engine does."""
    path = spill / "records.parquet"
    connection.sql("SELECT * FROM rare").write_parquet(str(path))
    ((counted,),) = connection.execute("SELECT count(*) FROM records").fetchall()
    with session(master) as spark:
        records = spark.read.parquet(str(path))
        blocked = _block(spark, records, within=within)
        pairs = _compare(spark, records, records_counted=counted)
    path.unlink()
    connection.register("arriving", pa.table({"a": pairs.a, "b": pairs.b}))
    connection.execute("CREATE OR REPLACE TABLE candidates AS SELECT a::INTEGER AS a, b::INTEGER AS b FROM arriving")
    connection.unregister("arriving")
    return blocked, pairs


def compare_table(records: pa.Table, pairs: pa.Table, *, master: str, records_counted: int) -> Pairs:
    """Given pairs (a, b) of given records, compared on Spark. Records carry ``rid``, ``src``, a person's columns and their bits."""
    with session(master) as spark:
        spark.createDataFrame(pairs).createOrReplaceTempView("found")
        return _compare(spark, spark.createDataFrame(records), records_counted=records_counted)


def _block(spark: Any, records: Any, *, within: bool) -> list[Blocked]:
    known = {"number": NUMBER, "largest": LARGEST_BLOCK, "within": str(within).lower()}
    records.mapInArrow(_keys, KEY_SCHEMA).createOrReplaceTempView("keys")
    spark.sql(ALLOWED.format(**known)).createOrReplaceTempView("allowed")
    spark.sql(FOUND.format(**known)).createOrReplaceTempView("found")
    return [
        Blocked(rule=RULES[row["rule"]].name, pairs=0, large_blocks=row["blocks"], pairs_set_aside=row["pairs"])
        for row in spark.sql(ASIDE.format(**known)).collect()
    ]


def _compare(spark: Any, records: Any, *, records_counted: int) -> Pairs:
    records.selectExpr("rid", "src", "struct(*) as said").createOrReplaceTempView("said")
    table = spark.sql(BESIDE).mapInArrow(_comparer(records_counted), PAIR_SCHEMA).toArrow()
    columns = {name: table[name].to_numpy() for name in ("a", "b", "source_a", "source_b")}
    order = np.lexsort((columns["b"], columns["a"]))
    levels = table["levels"].combine_chunks().flatten().to_numpy().reshape(-1, LEVELS)
    bits = table["bits"].combine_chunks().flatten().to_numpy().reshape(-1, BITS)
    return Pairs(
        a=columns["a"][order], b=columns["b"][order],
        source_a=columns["source_a"][order].astype(np.uint8), source_b=columns["source_b"][order].astype(np.uint8),
        levels=levels[order].astype(np.uint8), bits=bits[order].astype(np.float32),
    )  # fmt: skip


def _digest(clear: bytes) -> bytes:
    return blake2b(clear, digest_size=KEY_BYTES).digest()


def _keys(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = [
            (key, rule, said["rid"], said["src"], said["nir_state"] == State.CERTIFIED)
            for said in batch.to_pylist()
            for key, rule in keys_of(_person(said), _digest).items()
        ]
        kinds = (pa.int64(), pa.int32(), pa.int32(), pa.int32(), pa.bool_())
        columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
        yield pa.RecordBatch.from_arrays(
            [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)],
            names=["key", "rule", "rid", "src", "certified"],
        )


def _person(said: dict[str, Any]) -> Person:
    values: dict[str, Any] = {
        name: tuple(said[name] or ()) if name in {"name_words", "first_names"} else said[name] for name in PERSON
    }
    return Person(**values)


def _comparer(records_counted: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What executors run on pairs: the levels, and the bits that either record carries for its own values."""

    def compare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            levels, bits = [], []
            for pair in batch.to_pylist():
                one, other = _person(pair["one"]), _person(pair["other"])
                known = _carried(pair["one"], pair["other"], records_counted)
                levels.append(levels_of(one, other))
                bits.append([kind.pair_bits(one, other, known) or 0.0 for kind in (*FREQUENCIES, *ODD)])
            kept = [batch.column(name).cast(pa.int32()) for name in ("a", "b", "source_a", "source_b")]
            yield pa.RecordBatch.from_arrays(
                [*kept, pa.array(levels, pa.list_(pa.int32())), pa.array(bits, pa.list_(pa.float32()))],
                names=["a", "b", "source_a", "source_b", "levels", "bits"],
            )

    return compare


def _carried(one: dict[str, Any], other: dict[str, Any], records_counted: int) -> Frequencies:
    return Frequencies(
        records=records_counted,
        bits={
            kind: {
                said[value]: said[bits] for said in (one, other) for value, bits in columns if said[bits] is not None
            }
            for kind, columns in CARRIED.items()
        },
    )
