"""Plain Splink 5 on the same standardised columns: 13 blocking rules, 9 comparisons, expectation-maximisation; weight ≥ 0 and its best cut."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.comparison_library import CustomComparison

if TYPE_CHECKING:
    import duckdb

RULES = (
    ("nir",), ("birth_bare", "born"), ("first_name", "born"), ("first_name", "birth_bare", "year"), ("born", "place"), ("phone",), ("email",),
    ("first_name", "birth_bare", "postcode"), ("postcode", "street", "first_name"),
)  # fmt: skip
WRITTEN = (
    "l.usage_bare = r.birth_bare AND l.born = r.born",
    "l.birth_bare = r.usage_bare AND l.born = r.born",
    "l.first_name = r.first_name AND l.year = r.year AND l.month = r.day AND l.day = r.month",
    "l.birth_bare[1:4] = r.birth_bare[1:4] AND l.first_name[1:3] = r.first_name[1:3] AND l.year = r.year AND l.month = r.month",
)
BOTH = {"{l}": "_l", "{r}": "_r"}


def _comparison(name: str, missing: str, *levels: str, frequency: str | None = None) -> CustomComparison:
    described: list[dict[str, Any]] = [{"sql_condition": missing, "label_for_charts": "absent", "is_null_level": True}]
    for number, sql in enumerate(levels):
        adjust = {"tf_adjustment_column": frequency} if frequency and number == 0 else {}
        described.append({"sql_condition": sql, "label_for_charts": sql[:40], **adjust})
    described.append({"sql_condition": "ELSE", "label_for_charts": "else"})
    return CustomComparison(comparison_levels=described, output_column_name=name)


def _missing(column: str) -> str:
    return f'"{column}_l" IS NULL OR "{column}_r" IS NULL'


def _jw(column: str, at_least: float) -> str:
    return f'jaro_winkler_similarity("{column}_l", "{column}_r") >= {at_least}'


CROSS = '("birth_bare_l" = "usage_bare_r" OR "usage_bare_l" = "birth_bare_r" OR "usage_bare_l" = "usage_bare_r")'
COMPARISONS = [
    _comparison("birth_bare", _missing("birth_bare"), '"birth_bare_l" = "birth_bare_r"', CROSS, _jw("birth_bare", 0.92), frequency="birth_bare"),
    _comparison("first_name", _missing("first_name"), '"first_name_l" = "first_name_r"', _jw("first_name", 0.88), frequency="first_name"),
    _comparison("born", _missing("born"), '"born_l" = "born_r"', 'hamming("born_l"::VARCHAR, "born_r"::VARCHAR) = 1',
                '"born_l" // 10000 = "born_r" // 10000'),
    _comparison("place", _missing("place"), '"place_l" = "place_r"', '"place_l"[1:2] = "place_r"[1:2]', frequency="place"),
    _comparison("sex", _missing("sex"), '"sex_l" = "sex_r"'),
    _comparison("postcode", _missing("postcode"), '"postcode_l" = "postcode_r"', '"postcode_l"[1:2] = "postcode_r"[1:2]', frequency="postcode"),
    _comparison("phone", _missing("phone"), '"phone_l" = "phone_r"'),
    _comparison("email", _missing("email"), '"email_l" = "email_r"', _jw("email", 0.92)),
    _comparison("nir", _missing("nir"), '"nir_l" = "nir_r"', 'levenshtein("nir_l", "nir_r") <= 1'),
]  # fmt: skip


def splink_pairs(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, np.ndarray], float]:
    """Pairs (a, b) with their weight, from the table ``records`` of this connection, and the seconds it took."""
    logging.disable(logging.WARNING)
    began = time.perf_counter()
    api = DuckDBAPI(connection=connection)
    frames = []
    for (src,) in connection.execute("SELECT src FROM sources ORDER BY src").fetchall():
        connection.execute(
            f"CREATE OR REPLACE TABLE source_{src} AS SELECT rid AS unique_id, * EXCLUDE (rid, src) FROM records WHERE src = {src}"
        )
        frames.append(api.register(f"source_{src}", dataset_display_name=f"s{src}"))
    settings = SettingsCreator(
        link_type="link_only", comparisons=COMPARISONS, retain_matching_columns=False, probability_two_random_records_match=1e-5,
        blocking_rules_to_generate_predictions=[*(block_on(*rule) for rule in RULES), *WRITTEN],
    )  # fmt: skip
    linker = Linker(frames, settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (("birth_bare", "first_name"), ("born", "place")):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule), max_pairs=2e6)
    predicted = linker.inference.predict(threshold_match_weight=-5)
    found = connection.execute(
        f"SELECT least(unique_id_l, unique_id_r) AS a, greatest(unique_id_l, unique_id_r) AS b, match_weight AS weight FROM {predicted.physical_name}"
    ).fetchnumpy()
    return {name: np.asarray(column) for name, column in found.items()}, time.perf_counter() - began


def scores(weight: np.ndarray, right: np.ndarray, true: int) -> tuple[float, float]:
    """F1 at weight ≥ 0, and the best F1 of any cut (which flatters: it is chosen with the truth)."""
    order = np.argsort(-weight)
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + true)
    kept = weight >= 0
    return float(2 * right[kept].sum() / max(kept.sum() + true, 1)), float(f1.max(initial=0.0))
