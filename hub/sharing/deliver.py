"""Deliver: a partner's waiting messages reach it one by one, its reply being the acknowledgement."""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hub.monitoring.logs import log_message
from hub.sharing import outbox
from hub.sharing.fates import fate_of
from hub.sharing.outbox import Aside, Failure
from schemas.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

    from connectors.outcome import Outcome
    from hub.sharing.fates import Fate

BATCH = 100
AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Messages that left, and what is already known of them; ``untried`` ones wait because nothing may be sent now."""

    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    retried: int = 0
    unfound: int = 0
    parked: int = 0
    untried: int = 0
    nothing_to_send: int = 0


class Sender(Protocol):
    """How one message reaches a partner."""

    nothing_to_send: str

    def prepare(self, connection: Connection, batch: Sequence[Row[Any]]) -> None:
        """Read what the messages of a batch need, in as many queries whatever their number."""
        ...

    def send(self, row: Row[Any]) -> Outcome | None:
        """Send one; None when the partner's way in can carry nothing of it. Called from several threads."""
        ...

    def asked_with(self, row: Row[Any]) -> str | None:
        """A hash of the keys the partner is asked about the person with."""
        ...


def deliver_each(
    engine: Engine,
    partner: str,
    sender: Sender,
    *,
    clock: Callable[[], datetime],
    batch: int = BATCH,
    at_once: int = AT_ONCE,
) -> Delivered:
    """Send what waits; returns counts.

    A batch stays claimed while it is sent: killed in between, it is sent again with the same idempotency keys. When
    nobody in a batch gets an answer, or nothing may be sent now, the others are left for the next run: an outage must
    not use up their patience. An error about the connection itself is raised once what was answered is noted.
    """
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(at_once, thread_name_prefix="share") as pool:
        while True:
            with engine.begin() as connection:
                rows = outbox.claim(connection, partner, limit=batch, now=clock())
                if not rows:
                    return Delivered(**total)
                sender.prepare(connection, rows)
                said = list(pool.map(lambda row: _send(sender, row), rows))
                found = _settle(connection, partner, rows, said, sender=sender, now=clock())
            _tell(partner, rows, said)
            total.update(found)
            error = next((each for each in said if isinstance(each, HubError)), None)
            if error is not None:
                raise error
            if found["untried"] or found["retried"] == len(rows):
                return Delivered(**total)


def _tell(partner: str, rows: Sequence[Row[Any]], said: Sequence[Outcome | HubError | None]) -> None:
    """Say of each message of a batch, now that it is noted, what became of it."""
    for row, each in zip(rows, said, strict=True):
        if isinstance(each, HubError):
            log_message("share", partner=partner, message=row.id, fate="untried", error=type(each).__name__)
        elif each is None:
            log_message("share", partner=partner, message=row.id, fate="nothing_to_send")
        else:
            more = {"code": each.code, "attempt": row.attempts + 1}
            log_message("share", partner=partner, message=row.id, fate=fate_of(each), **more)


def _send(sender: Sender, row: Row[Any]) -> Outcome | HubError | None:
    try:
        return sender.send(row)
    except HubError as error:
        return error


def _settle(
    connection: Connection, partner: str, rows: Sequence[Row[Any]], said: Sequence[Outcome | HubError | None], *,
    sender: Sender, now: datetime,
) -> Counter[str]:  # fmt: skip
    """Note what became of each message of a batch, in as many statements whatever their number; returns counts."""
    of_fate: defaultdict[Fate, list[tuple[Row[Any], Outcome]]] = defaultdict(list)
    empty = [row.id for row, each in zip(rows, said, strict=True) if each is None]
    for row, each in zip(rows, said, strict=True):
        if each is not None and not isinstance(each, HubError):
            of_fate[fate_of(each)].append((row, each))
    outbox.mark_nothing_to_send(connection, empty, reason=sender.nothing_to_send)
    _note_answers(connection, partner, [*of_fate["acknowledged"], *of_fate["rejected"]], now=now)
    outbox.retry_later(
        connection,
        [
            Failure(
                message=row.id, attempts=row.attempts, code=each.code, reason=each.message_fr, after=each.retry_after
            )
            for row, each in of_fate["retried"]
        ],
        now=now,
    )
    _set_aside(connection, sender, of_fate)
    counted = Counter({str(fate): len(found) for fate, found in of_fate.items()})
    counted["sent"] = counted["acknowledged"] + counted["rejected"]
    counted["nothing_to_send"] = len(empty)
    return counted


def _note_answers(
    connection: Connection, partner: str, answered: Sequence[tuple[Row[Any], Outcome]], *, now: datetime
) -> None:
    answers = [
        (row.id, each.accepted, None if each.accepted else f"{each.code} : {each.message_fr}") for row, each in answered
    ]
    outbox.mark_answered(connection, partner, answers, codes=[each.code for _, each in answered], now=now)


def _set_aside(connection: Connection, sender: Sender, of_fate: dict[Fate, list[tuple[Row[Any], Outcome]]]) -> None:
    outbox.set_aside(
        connection,
        [
            Aside(
                message=row.id, state=state, code=each.code, reason=f"{each.code} : {each.message_fr}",
                asked_with=sender.asked_with(row) if state == "unfound" else None,
            )
            for state in ("parked", "unfound")
            for row, each in of_fate[state]
        ],
    )  # fmt: skip
