"""The suite of a flow: Great Expectations judging the profile of a delivery, a single row of counts and rates."""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from quality.measures import measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.declaration import Expectation, Quality
    from quality.measures import Measure


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An expectation that was not met. ``message`` is French and holds rates, never a person."""

    rule: str
    severity: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the suite said of a delivery: every measure by expectation, and the findings."""

    measures: dict[str, float]
    findings: list[Finding]


def judge(quality: Quality, profile: dict[str, Any], history: Sequence[dict[str, Any]]) -> Judgement:
    """Judge a delivery by its profile and those of the flow's past deliveries."""
    measured = {each: found for each in quality.suite if (found := measure(each, profile, history)) is not None}
    if not measured:
        return Judgement(measures={}, findings=[])
    row = pd.DataFrame([{_column(each): found.value for each, found in measured.items()}])
    unmet = _unmet(quality.flow, list(measured), row)
    return Judgement(
        measures={_column(each): round(found.value, 4) for each, found in measured.items()},
        findings=[
            Finding(rule=_column(each), severity=each.severity, message=_message(each, found))
            for (each, found), missed in zip(measured.items(), unmet, strict=True)
            if missed
        ],
    )


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
    return [not result.success for result in results]


def _column(expectation: Expectation) -> str:
    return f"{expectation.expect}:{expectation.field}" if expectation.field else expectation.expect


SAID = {
    "records": "La livraison compte {value:.0f} enregistrements",
    "fill_rate": "Le champ {field} est rempli à {value:.0%}",
    "quarantined_share": "{value:.0%} des enregistrements sont refusés",
    "volume_change": "Le volume s'écarte de l'habitude du flux d'un facteur {factor:.1f} ({about})",
    "fill_change": "Le remplissage du champ {about} s'écarte de {value:.0%} de l'habitude du flux",
    "code_change": "Les codes du champ {about} se répartissent autrement que d'habitude (écart de {value:.0%})",
    "missing_columns": "{value:.0f} colonnes attendues sont absentes ({about})",
}
COUNTS = {"records", "missing_columns"}


def _message(expectation: Expectation, measured: Measure) -> str:
    said = SAID[expectation.expect].format(
        value=measured.value, factor=measured.value + 1, about=measured.about, field=expectation.field
    )
    bounds = [f"au moins {_number(expectation, expectation.at_least)}"] if expectation.at_least is not None else []
    bounds += [f"au plus {_number(expectation, expectation.at_most)}"] if expectation.at_most is not None else []
    return f"{said} ; attendu : {', '.join(bounds)}."


def _number(expectation: Expectation, value: float) -> str:
    if expectation.expect == "volume_change":
        return f"un facteur {value + 1:.1f}"
    return f"{value:.0f}" if expectation.expect in COUNTS else f"{value:.0%}"


def main() -> None:
    """Answer each question on standard input (quality, profile, history) with findings on standard output, line by line."""
    from quality.declaration import Quality  # noqa: PLC0415 - only where this is a program

    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        found = judge(Quality.model_validate(asked["quality"]), asked["profile"], asked["history"])
        sys.stdout.buffer.write(orjson.dumps(asdict(found), option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    import great_expectations  # noqa: F401 - loaded while the question is still being made

    main()
