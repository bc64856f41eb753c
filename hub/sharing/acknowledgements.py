"""Acknowledgements: what a partner did of each message, read line by line from the file it left."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from hub.outbox import mark_answered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Engine

    from connectors.base import Connector

ACCEPTED_CODES = frozenset({"0000", "3436"})  # done, or already done
LARGEST_FILE = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Files read, answers in them, messages they settle, lines that are not answers."""

    files: int = 0
    answers: int = 0
    settled: int = 0
    unreadable: int = 0


def acknowledge(engine: Engine, partner: str, connector: Connector, *, now: datetime) -> Acknowledged:
    """Read every acknowledgement file; a file goes once its answers are kept, so that it may be read again after a crash."""
    files = answers = settled = unreadable = 0
    for arrival in connector.arrivals():
        content = io.BytesIO()
        if arrival.size <= LARGEST_FILE:
            connector.fetch(arrival, content)
        found = list(_answers(content.getvalue()))
        read = [answer for answer in found if answer is not None]
        with engine.begin() as connection:
            settled += mark_answered(connection, partner, read, now=now)
        connector.remove(arrival)
        files, answers, unreadable = files + 1, answers + len(read), unreadable + len(found) - len(read)
    return Acknowledged(files=files, answers=answers, settled=settled, unreadable=unreadable)


def _answers(content: bytes) -> Iterator[tuple[UUID, bool, str | None] | None]:
    """Each line's message, whether it was accepted, and the partner's code; None for a line that is no answer."""
    for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig", errors="replace")), delimiter=";"):
        try:
            message = UUID(row["message_id"] or "")
            accepted = row["statut"] == "OK" or row["code"] in ACCEPTED_CODES
        except (KeyError, ValueError, TypeError):
            yield None
            continue
        yield message, accepted, None if accepted else f"code {(row.get('code') or '')[:20]}"
