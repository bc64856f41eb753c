"""The same model on Spark, in local mode: the same links of files, and the same weights in the store, as on DuckDB."""

from __future__ import annotations

import random
import shutil
from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("pyspark", reason="the spark extra is not installed: make spark")

from hub.identity.comparable import Known
from hub.identity.comparing import compare_in_duckdb, compare_in_spark
from hub.identity.french.person import standardise
from hub.identity.match.run import Settings, match
from hub.identity.model.frequencies import Frequencies
from hub.identity.model.scorecard import load
from hub.identity.rarity import NOMINAL, TYPICAL
from hub.sandbox.dirt import seen_by
from hub.sandbox.population import Population, nir_with_key

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(not shutil.which("java"), reason="no Java runtime"),
    pytest.mark.filterwarnings("ignore"),
]
MASTER = "local[2]"
COLUMNS = ("source_id", "nir", "birth_name", "usage_name", "first_names", "birth_date", "birth_place_insee", "sex",
           "address", "postcode", "phone", "email")  # fmt: skip


def rows(partner, *, size=200):
    """What a partner has on file of most of a population, with its dirt."""
    draw = random.Random(partner)
    for adult in Population(seed=9, size=size).adults:
        if draw.random() < 0.8:
            seen = seen_by(partner, adult, 9)
            nir = nir_with_key(seen.nir) if len(seen.nir) == 13 and seen.nir[0] in "12" else seen.nir
            yield (f"{adult.number}", nir if draw.random() < 0.6 else "", seen.birth_name, seen.usage_name, " ".join(seen.first_names),
                   seen.birth_date.isoformat(), adult.birth_place[1], adult.sex, " ".join(adult.address), adult.commune[2],
                   adult.phone if draw.random() < 0.7 else "", adult.email if draw.random() < 0.7 else "")  # fmt: skip


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{partner}.csv" for partner in ("caf", "pole_emploi", "departement")]
    for path in paths:
        lines = [";".join(COLUMNS), *(";".join(row) for row in rows(path.stem))]
        path.write_text("\n".join(lines).replace(",", " ").replace(";", ","), encoding="utf-8")
    return paths


@pytest.mark.parametrize("within", [False, True])
def test_the_same_files_give_the_same_links_on_both_engines(files, tmp_path, within):
    def links(engine):
        settings = Settings(memory=2, threads=2, spill=tmp_path, within=within, engine=engine, spark_master=MASTER)
        found = match(files, model=load(), settings=settings, say=lambda _: None)
        return found.candidates, sorted(map(tuple, (each.values() for each in found.links.to_pylist())))

    on_duckdb, on_spark = links("duckdb"), links("spark")

    assert len(on_duckdb[1]) > 200
    assert on_spark == on_duckdb
    assert not (tmp_path / "records.parquet").exists()


def test_the_store_s_pairs_weigh_the_same_on_both_engines():
    said = [standardise(dict(zip(COLUMNS, row, strict=True))) for row in list(rows("caf"))[:60]]
    people = {
        10 * number: Known(record=10 * number, flow=f"f{number % 3}", partner="p", label=str(number), person=person)
        for number, person in enumerate(said)
    }
    pairs = [(a, b) for a in people for b in people if a < b]
    known = {
        "flows": {"f0": 0, "f1": 1, "f2": 2},
        "frequencies": Frequencies(records=NOMINAL, bits={kind: {} for kind in TYPICAL}, typical=TYPICAL),
    }

    on_duckdb = compare_in_duckdb(pairs, people, **known)
    on_spark = compare_in_spark(pairs, people, **known, master=MASTER)

    for each in fields(on_duckdb):
        assert np.array_equal(getattr(on_duckdb, each.name), getattr(on_spark, each.name)), each.name
    assert on_duckdb.levels.any()
