"""The suite of a flow: Great Expectations judging the profile of a delivery, a single row of counts and rates."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from quality.measures import measure
from quality.wording import finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.declaration import Expectation, Quality


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
    found = {each: seen for each in quality.suite if (seen := measure(each, profile, history)) is not None}
    measures = {each: round(seen.value, 4) for each, seen in found.items()}
    return Judgement(
        measures={each.measured: value for each, value in measures.items()},
        findings=[
            Finding(rule=each.measured, severity=each.severity, message=finding(each, seen))
            for (each, seen), met in zip(found.items(), _met(quality.flow, measures), strict=True)
            if not met
        ],
    )


def _met(flow: str, measures: dict[Expectation, float]) -> list[bool]:
    if not measures:
        return []
    from quality.expectations import open_context, profiles, validate  # noqa: PLC0415 - takes two seconds to import

    judged = validate(profiles(open_context(), flow), flow, measures)
    return [bool(result.success) for result in judged.results]


def main() -> None:
    """Answer each question on standard input (quality, profile, history) with findings on standard output, line by line."""
    from quality.declaration import Quality  # noqa: PLC0415 - only where this is a program

    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        found = judge(Quality.model_validate(asked["quality"]), asked["profile"], asked["history"])
        sys.stdout.buffer.write(orjson.dumps(asdict(found), option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    import quality.expectations  # noqa: F401 - loaded while the question is still being made

    main()
