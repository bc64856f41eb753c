"""How tasks are retried: by what went wrong, not by count alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

START = datetime(2026, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - Airflow serialises this one

POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="schemas.errors.TryAgainLater", action=RetryAction.RETRY, retry_delay=timedelta(seconds=20)
        ),
        RetryRule(
            exception=[
                "schemas.errors.FixTheDeclaration",
                "schemas.errors.FixTheDelivery",
                "schemas.errors.CallSomeone",
            ],
            action=RetryAction.FAIL,
            reason="waiting would not help: somebody must look",
        ),
    ]
)

TASKS: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": POLICY,
    "execution_timeout": timedelta(hours=2),
}
