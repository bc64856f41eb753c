"""Acknowledgements: what a partner did of each message, read line by line from the file it left."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING
from uuid import UUID

from hub.monitoring.logs import log_message
from hub.sharing import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from connectors.base import Connector

ACCEPTED_CODES = frozenset({"0000", "3436"})  # done, or already done
STATUSES = frozenset({"OK", "KO"})
CODE = re.compile(r"[A-Z]_[A-Z_]{1,20}|[A-Z]{0,3}[0-9]{1,4}")
IN_MEMORY = 1 << 20
AT_ONCE = 5000

Answer = tuple[UUID, bool, str | None]


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Files read, answers in them, messages they settle, answers about no message of ours, lines that are no answer."""

    files: int = 0
    answers: int = 0
    settled: int = 0
    unknown: int = 0
    unreadable: int = 0


def acknowledge(engine: Engine, partner: str, connector: Connector, *, now: datetime) -> Acknowledged:
    """Read every acknowledgement file; a file goes once its answers are kept, so that it may be read again after a crash."""
    total: Counter[str] = Counter()
    for arrival in connector.arrivals():
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as content:
            connector.fetch(arrival, content)
            content.seek(0)
            with engine.begin() as connection:
                total += _take(connection, partner, content, now)
        connector.remove(arrival)
        total["files"] += 1
    return Acknowledged(**total)


def _take(connection: Connection, partner: str, content: IO[bytes], now: datetime) -> Counter[str]:
    total: Counter[str] = Counter()
    lines = answers_in(content)
    while found := list(islice(lines, AT_ONCE)):
        read = [answer for answer in found if answer is not None]
        total["answers"] += len(read)
        total["unreadable"] += len(found) - len(read)
        total["settled"] += outbox.mark_answered(connection, partner, read, now=now)
        total["unknown"] += outbox.unknown(connection, partner, [message for message, _, _ in read])
        for message, accepted, reason in read:
            fate = "acknowledged" if accepted else "rejected"
            log_message("acknowledge", partner=partner, message=message, fate=fate, reason=reason)
    return total


def answers_in(content: IO[bytes]) -> Iterator[Answer | None]:
    """Each line's message, whether it was accepted, and the partner's code; None for a line that is no answer.

    The wording the partner adds is not read: it is free text, and could name somebody.
    """
    text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="replace", newline="")
    try:
        for row in _rows(text):
            yield None if row is None else _answer(row)
    finally:
        text.detach()


def _rows(lines: Iterable[str]) -> Iterator[dict[str, str] | None]:
    reader = csv.DictReader(lines, delimiter=";", restval="")
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            yield None
            continue
        if row is None:
            return
        yield row


def _answer(row: dict[str, str]) -> Answer | None:
    code, status = row.get("code", "").strip(), row.get("statut", "").strip().upper()
    if status not in STATUSES and code not in ACCEPTED_CODES:
        return None
    try:
        message = UUID(row.get("message_id", "").strip())
    except ValueError:
        return None
    accepted = status == "OK" or code in ACCEPTED_CODES
    return message, accepted, None if accepted else f"code {code if CODE.fullmatch(code) else 'illisible'}"
