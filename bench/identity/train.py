"""Train the model that ships: bits for each level, then an additive scorecard, on populations of the public generator.

    python -m bench.identity.train hub/identity/models/2026-11-28.json [--labels 1000]

Levels are counted on the true pairs (m) and on pairs drawn at random (u) of the training seeds. The scorecard is gradient boosting with
trees of one cut, which is a sum of one curve a feature; numbers may only push one way. ``--labels`` limits how many pairs are labelled.
Seeds of training (11 to 19) are never those of a report.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np

from bench.identity.generate import generate
from hub.identity.match.blocking import find_pairs
from hub.identity.match.compared import compare_pairs, count_values
from hub.identity.match.reading import read_files
from hub.identity.match.run import Settings, connect
from hub.identity.match.standardised import standardise_all
from hub.identity.model.levels import COMPARISONS
from hub.identity.model.rules import forbidden
from hub.identity.model.scorecard import BY_FREQUENCY, NEWEST, VALUES, features_of, from_document

if TYPE_CHECKING:
    from hub.identity.model.pairs import Pairs

TRAINING = ((11, "ordinary", 60_000), (12, "hard", 60_000), (13, "ordinary", 15_000), (14, "hard", 150_000))
RANDOM_PAIRS = 1_000_000
NUMBERS = ("surplus", "civil status", "contacts", "weakest", "middle", "ahead, least", "ahead, most")
FALLING = ("odd name", "odd first name")
ROUNDS = 600


class Population:
    """One training population: compared candidates with their truth, true pairs and random pairs."""

    def __init__(self, seed: int, level: str, people: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            files = generate(folder, people=people, seed=seed, level=level)
            connection = connect(Settings(memory=8, threads=2, spill=folder / "spill"))
            read_files(connection, files)
            standardise_all(connection)
            find_pairs(connection, within=False)
            count_values(connection)
            connection.execute(
                f"CREATE TABLE truth AS SELECT rid, person FROM read_parquet('{folder}/truth.parquet') JOIN said USING (source, source_id)"
            )
            person = connection.execute("SELECT rid, person FROM truth").fetchnumpy()
            self.person = np.zeros(int(person["rid"].max()) + 1, dtype=np.int64)
            self.person[person["rid"]] = person["person"]
            connection.execute("CREATE TABLE true_pairs AS SELECT x.rid AS a, y.rid AS b FROM truth x JOIN truth y ON x.person = y.person AND x.rid < y.rid"
                               " JOIN records r ON r.rid = x.rid JOIN records s ON s.rid = y.rid WHERE r.src <> s.src")  # fmt: skip
            connection.execute(f"SELECT setseed({seed / 100})").fetchall()
            connection.execute(f"CREATE TABLE random_pairs AS SELECT DISTINCT a, b FROM (SELECT 1 + (random() * {len(self.person) - 2})::INTEGER AS a,"
                               f" 1 + (random() * {len(self.person) - 2})::INTEGER AS b FROM range({RANDOM_PAIRS})) WHERE a <> b")  # fmt: skip
            self.candidates = compare_pairs(connection)
            self.true = compare_pairs(connection, "true_pairs")
            self.random = compare_pairs(connection, "random_pairs")
            self.records = dict(connection.execute("SELECT src, records FROM sources").fetchall())
            connection.close()
        self.labels = self.person[self.candidates.a] == self.person[self.candidates.b]


def level_bits(populations: list[Population]) -> dict[str, list[dict[str, Any]]]:
    """m, u and bits of each level; a level that a frequency completes keeps only what the frequency does not say."""
    out: dict[str, list[dict[str, Any]]] = {}
    for column, comparison in enumerate(COMPARISONS):
        size = len(comparison.levels)
        m = _shares([p.true for p in populations], column, size)
        u = _shares([p.random for p in populations], column, size)
        bits = np.log2(m / u)
        bits[0] = 0.0
        if comparison.name in BY_FREQUENCY:
            _, kind, places = BY_FREQUENCY[comparison.name]
            for place in places:
                seen = np.concatenate(
                    [p.random.bits[p.random.levels[:, column] == place, VALUES.index(kind)] for p in populations]
                )
                typical = float(np.mean(np.clip(seen, 2, 18))) if len(seen) > 20 else -np.log2(u[place])
                bits[place] = (
                    np.log2(m[place]) + max(0.0, -np.log2(u[place]) - typical - 4) if place > 1 else np.log2(m[place])
                )
        out[comparison.name] = [
            {
                "level": level.name,
                "m": round(float(m[i]), 8),
                "u": round(float(u[i]), 8),
                "bits": round(float(bits[i]), 3),
            }
            for i, level in enumerate(comparison.levels)
        ]
    return out


def _shares(sets: list[Pairs], column: int, size: int) -> np.ndarray:
    """Shares of each level among pairs that say; the mean of the populations."""
    total = np.zeros(size)
    for pairs in sets:
        counts = np.bincount(pairs.levels[:, column], minlength=size).astype(float)
        counts[0] = 0
        counts[1:] += 0.5
        total += counts / counts.sum()
    return np.maximum(total / len(sets), 1e-9)


def scorecard(
    populations: list[Population], document: dict[str, Any], *, labels: int | None, seed: int = 0
) -> dict[str, Any]:
    """The lines of the scorecard, learnt from the candidates that no rule forbids."""
    model = from_document(document)
    names = [*(f"level {c.name}" for c in COMPARISONS), *NUMBERS, *FALLING]
    columns, labelled = [], []
    random = np.random.default_rng(seed)
    for population in populations:
        features = features_of(model, population.candidates, records=population.records)
        kept = np.flatnonzero(~forbidden(population.candidates.levels))
        if labels is not None:
            kept = _worth_labelling(random, kept, features["surplus"], labels // len(populations))
        columns.append(np.column_stack([features[name][kept] for name in names]).astype(np.float64))
        labelled.append(population.labels[kept])
    x, y = np.concatenate(columns), np.concatenate(labelled)
    few = len(y) < 20_000
    parameters = {
        "objective": "binary", "num_leaves": 2, "learning_rate": 0.1, "min_data_in_leaf": 5 if few else 40, "verbose": -1, "seed": seed,
        "monotone_constraints": [0] * len(COMPARISONS) + [1] * len(NUMBERS) + [-1] * len(FALLING), "num_threads": 2, "deterministic": True,
        "lambda_l2": 2.0, "max_bin": 63 if few else 255, "cat_smooth": 10, "max_cat_to_onehot": 20, "min_data_per_group": 5 if few else 40,
    }  # fmt: skip
    booster = lgb.train(
        parameters,
        lgb.Dataset(
            x,
            y,
            feature_name=[n.replace(" ", "_").replace(",", "") for n in names],
            categorical_feature=list(range(len(COMPARISONS))),
        ),
        ROUNDS,
    )
    return _read_lines(booster, x, names)


def _worth_labelling(random: np.random.Generator, kept: np.ndarray, surplus: np.ndarray, count: int) -> np.ndarray:
    """Pairs that teach something: evenly over the range of weights rather than among the obvious."""
    value = np.clip(surplus[kept], -12, 30)
    chosen = [
        random.choice(group, min(len(group), -(-count // 14)), replace=False)
        for low in range(-12, 30, 3)
        if len(group := kept[(value >= low) & (value < low + 3)])
    ]
    return np.concatenate(chosen)[:count]


def _read_lines(booster: lgb.Booster, x: np.ndarray, names: list[str]) -> dict[str, Any]:
    """One curve a feature: the others held still, what changes is its own."""
    still = np.median(x, axis=0)
    base = float(booster.predict(still[None, :], raw_score=True)[0])
    lines, start = [], base
    trees = booster.trees_to_dataframe()
    for at, name in enumerate(names):
        if at < len(COMPARISONS):
            grid = np.arange(len(COMPARISONS[at].levels), dtype=float)
            cuts = None
        else:
            own = trees[(trees.split_feature == booster.feature_name()[at])].threshold
            cuts = np.unique(own.astype(float).round(4))
            if not len(cuts):
                continue
            grid = np.append(cuts - 1e-6, cuts[-1] + 1.0)
            grid[:-1] = np.append([cuts[0] - 1.0], (cuts[1:] + cuts[:-1]) / 2)
        rows = np.repeat(still[None, :], len(grid), axis=0)
        rows[:, at] = grid
        points = booster.predict(rows, raw_score=True) - base
        shift = float(points[0] if cuts is None else 0.0)
        lines.append(
            {
                "feature": name,
                **({} if cuts is None else {"cuts": cuts.tolist()}),
                "points": [round(float(p) - shift, 4) for p in points],
            }
        )
        start += shift
    return {"start": round(start, 4), "lines": lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--labels", type=int)
    parser.add_argument("--version", default=NEWEST)
    chosen = parser.parse_args()
    populations = [Population(*each) for each in TRAINING]
    document: dict[str, Any] = {
        "version": chosen.version,
        "trained_on": [{"seed": seed, "level": level, "people": people} for seed, level, people in TRAINING],
        "labels": chosen.labels,
        "levels": level_bits(populations),
        "scorecard": {"start": 0.0, "lines": []},
    }
    document["scorecard"] = scorecard(populations, document, labels=chosen.labels)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(
        f"{chosen.out}: {sum(len(p.candidates) for p in populations):,} candidates, {sum(p.labels.sum() for p in populations):,} true"
    )


if __name__ == "__main__":
    main()
