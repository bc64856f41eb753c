"""The suites' Data Docs: what each flow's past deliveries measured, handed to the pages. Measures only leave the store."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from hub.days import PARIS
from schemas.errors import CallSomeone
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.opening import Hub

ENOUGH_SECONDS = 300


def write_suite_docs(hub: Hub, out: Path, *, flow: str | None = None, latest: int = 30) -> int:
    """Write the Data Docs of a flow, or of every incoming one, under ``out``; returns the number of pages."""
    from quality.docs import write_told  # noqa: PLC0415 - Great Expectations takes two seconds to import

    out.mkdir(parents=True, exist_ok=True)
    return write_told(_told(hub, flow=flow, latest=latest), out)


def write_suite_docs_apart(hub: Hub, out: Path, *, latest: int = 30) -> None:
    """The same for every flow, in a process of its own: whoever asks stays as small and as quick as it was."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "quality.docs", str(out.absolute())]
    try:
        subprocess.run(  # noqa: S603 - our own interpreter and module
            command, input=orjson.dumps(_told(hub, flow=None, latest=latest)), check=True, timeout=ENOUGH_SECONDS,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.SubprocessError as error:
        raise CallSomeone("The Data Docs could not be written: hub flows docs says why.") from error


def _told(hub: Hub, *, flow: str | None, latest: int) -> list[dict[str, Any]]:
    chosen = [hub.flow(flow)] if flow else [each for each in hub.flows.values() if each.direction == "in"]
    with hub.engine.connect() as connection:
        return [
            {
                "label": each.label,
                "quality": hub.qualities[each.flow].model_dump(mode="json", by_alias=True),
                "deliveries": list(_past(connection, each.flow, latest)),
            }
            for each in chosen
        ]


def _past(connection: Connection, flow: str, latest: int) -> Iterator[dict[str, Any]]:
    shown = (delivery.c.id, delivery.c.kind, delivery.c.state, delivery.c.received_at, delivery.c.profile["measures"])
    judged = select(*shown).where(delivery.c.flow == flow, delivery.c.profile["measures"].is_not(None))
    for number, kind, state, received_at, measures in connection.execute(
        judged.order_by(delivery.c.id.desc()).limit(latest)
    ):
        yield {
            "id": number, "kind": kind, "state": state, "received_at": received_at.astimezone(PARIS).isoformat(),
            "measures": measures,
        }  # fmt: skip
