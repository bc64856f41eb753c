"""A flow's suite in Great Expectations' own terms, on one row of measures. Importing it takes two seconds: only where a suite is run."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

from quality.wording import promise, subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.declaration import Expectation

SEVERITIES = {"hold": FailureSeverity.CRITICAL, "warn": FailureSeverity.WARNING}


def open_context() -> Any:
    """A context that lives in memory, shows no progress and tells nobody."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def suite_of(flow: str, expectations: Sequence[Expectation]) -> Any:
    """The suite of a flow: each expectation bounds one measure, and says in French what it is for."""
    return gx.ExpectationSuite(
        name=flow,
        expectations=[
            gx.expectations.ExpectColumnMaxToBeBetween(  # type: ignore[attr-defined] # not in its __all__
                column=subject(each), min_value=each.at_least, max_value=each.at_most, description=promise(each),
                severity=SEVERITIES[each.severity],
            )
            for each in expectations
        ],
    )  # fmt: skip


def profiles(context: Any, flow: str) -> Any:
    """Where a flow's measures are read from: a row given each time."""
    source = context.data_sources.add_or_update_pandas(flow)
    return source.add_dataframe_asset("mesures").add_batch_definition_whole_dataframe("livraison")


def validate(
    rows: Any, flow: str, measures: Mapping[Expectation, float], *, result_format: str = "BOOLEAN_ONLY"
) -> Any:
    """Judge what was measured of one delivery; the results come in the order given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = rows.get_batch(
            {"dataframe": pd.DataFrame([{subject(each): value for each, value in measures.items()}])}
        )
        return batch.validate(suite_of(flow, list(measures)), result_format=result_format)
