"""The suite of a flow: Great Expectations judging the profile of a delivery, a single row of counts and rates."""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.declaration import Expectation, Quality


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An expectation that was not met. ``message`` is French and holds rates, never a person."""

    rule: str
    severity: str
    message: str


def judge(quality: Quality, profile: dict[str, Any], history: Sequence[dict[str, Any]]) -> list[Finding]:
    """Judge a delivery by its profile and those of the flow's past deliveries; returns what was not met."""
    measures = {_column(each): _measure(each, profile, history) for each in quality.suite}
    judged = [each for each in quality.suite if measures[_column(each)] is not None]
    if not judged:
        return []
    row = pd.DataFrame([{_column(each): measures[_column(each)] for each in judged}])
    unmet = _unmet(quality.flow, judged, row)
    return [
        Finding(rule=_column(each), severity=each.severity, message=_message(each, float(measures[_column(each)] or 0)))
        for each, met in zip(judged, unmet, strict=True)
        if not met
    ]


def _unmet(flow: str, judged: Sequence[Expectation], row: pd.DataFrame) -> list[bool]:
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own deprecations
        import great_expectations as gx  # noqa: PLC0415 - takes two seconds to import
        from great_expectations.data_context.types.base import (  # noqa: PLC0415
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        batch = (
            context.data_sources.add_pandas("profile")
            .add_dataframe_asset(flow)
            .add_batch_definition_whole_dataframe(flow)
        )
        suite = gx.ExpectationSuite(name=flow)
        for each in judged:
            suite.add_expectation(
                gx.expectations.ExpectColumnValuesToBeBetween(  # type: ignore[attr-defined] # not in its __all__
                    column=_column(each), min_value=each.at_least, max_value=each.at_most, meta={"expect": each.expect}
                )
            )
        definition = gx.ValidationDefinition(name=flow, data=batch, suite=suite)
        context.suites.add(suite)
        results = definition.run(batch_parameters={"dataframe": row}, result_format="BOOLEAN_ONLY").results
    return [bool(result.success) for result in results]


def _column(expectation: Expectation) -> str:
    return f"{expectation.expect}:{expectation.field}" if expectation.field else expectation.expect


def _measure(expectation: Expectation, profile: dict[str, Any], history: Sequence[dict[str, Any]]) -> float | None:
    records, rejected = profile["records"], profile["rejected"]
    match expectation.expect:
        case "records":
            return float(records + rejected)
        case "fill_rate":
            return profile["filled"].get(expectation.field, 0) / records if records else None
        case "quarantined_share":
            return rejected / (records + rejected) if records + rejected else None
        case "volume_change":
            past = [each["records"] + each["rejected"] for each in history if each["records"] + each["rejected"]]
            usual = sorted(past)[len(past) // 2] if past else 0
            return abs(records + rejected - usual) / usual if usual else None


def _message(expectation: Expectation, measured: float) -> str:
    said = {
        "records": f"La livraison compte {measured:.0f} enregistrements",
        "fill_rate": f"Le champ {expectation.field} est rempli à {measured:.0%}",
        "quarantined_share": f"{measured:.0%} des enregistrements sont refusés",
        "volume_change": f"Le volume s'écarte de {measured:.0%} de l'habitude",
    }[expectation.expect]
    bounds = [f"au moins {_number(expectation, expectation.at_least)}"] if expectation.at_least is not None else []
    bounds += [f"au plus {_number(expectation, expectation.at_most)}"] if expectation.at_most is not None else []
    return f"{said} ; attendu : {', '.join(bounds)}."


def _number(expectation: Expectation, value: float) -> str:
    return f"{value:.0f}" if expectation.expect == "records" else f"{value:.0%}"


def main() -> None:
    """Answer each question on standard input (quality, profile, history) with findings on standard output, line by line."""
    from quality.declaration import Quality  # noqa: PLC0415 - only where this is a program

    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        found = judge(Quality.model_validate(asked["quality"]), asked["profile"], asked["history"])
        sys.stdout.buffer.write(orjson.dumps([asdict(each) for each in found], option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    import great_expectations  # noqa: F401 - loaded while the question is still being made

    main()
