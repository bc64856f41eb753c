"""Structured logs: what happened to which delivery or message, by number. In a task Airflow writes them, here standard error.

The command line is quiet unless ``HUB_LOG`` says how much to tell: ``info`` or ``debug``. Fields are numbers, names of flows and
partners, states and codes; no person's value.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from uuid import UUID

    from structlog.typing import FilteringBoundLogger

QUIET = "warning"
WELL = frozenset({"sent", "acknowledged", "nothing_to_send"})


def log() -> FilteringBoundLogger:
    """The hub's logger, as whoever runs it has set it up."""
    logger: FilteringBoundLogger = structlog.get_logger("hub")
    return logger


def log_message(step: str, *, partner: str, message: UUID, fate: str, **more: str | int | None) -> None:
    """One line a message, by its id: what became of it. What went well is told to whoever asks for all (``debug``)."""
    tell = log().debug if fate in WELL else log().info
    tell("message", step=step, partner=partner, message=str(message), fate=fate, **more)


def to_standard_error() -> None:
    """One JSON document a line on standard error, where the command line begins."""
    level = os.environ.get("HUB_LOG", QUIET).upper()  # noqa: TID251 - read before any setting is
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.WARNING)),
        logger_factory=_factory,
    )


def _factory(*_names: Any) -> Any:
    return structlog.PrintLogger(sys.stderr)
