"""Play the month of incidents into a hub: files left on a real SFTP server, taken as the DAGs take them, at their own hours."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.intake import pipeline
from hub.intake.held import refuse
from hub.intake.running_ledger import running_ledger
from hub.monitoring.oversight import look, subject_of
from hub.opening import open_hub
from hub.people.reconcile import reconcile
from hub.sandbox.month import DEPARTEMENT, INCIDENTS, MISSING
from hub.sandbox.sftp_server import SftpServer
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hub.intake.ledger import Line
    from hub.opening import Hub
    from hub.sandbox.month import Drop
    from hub.settings import Settings

FLOW = "caf_rsa"
MISSING_DAY = f"{FLOW}/quotidienne {DEPARTEMENT}/{MISSING}"
OPERATOR = "operateur.sandbox"
EVENING = timedelta(hours=14)


@contextmanager
def lone_caf(settings: Settings) -> Iterator[tuple[Hub, Path]]:
    """A hub that knows one partner, a CAF on a server of its own; raises ``FixTheDeclaration`` unless its store is empty."""
    home = settings.home / "month"
    hub = open_hub(settings.model_copy(update={"secrets_dir": home / "secrets"}))
    with ExitStack() as stack:
        stack.callback(hub.engine.dispose)
        server = stack.enter_context(SftpServer(home / "partners", ("caf",)))
        with hub.engine.connect() as connection:
            if connection.execute(text("select exists (select from delivery)")).scalar_one():
                raise FixTheDeclaration("The store already holds deliveries: play the month with another HUB_HOME.")
        hub.settings.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = hub.settings.secrets / "caf_sftp.json"
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps(server.connection("caf")))
        yield hub, home / "partners" / "caf" / "depot"


def play(
    hub: Hub,
    folder: Path,
    drops: Iterable[Drop],
    *,
    attended: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Leave each file and let the hub take it; every evening look at the calendar, and, ``attended``, refuse what is held.

    Returns each delivery with its incident, whether each kind of incident raised its alarm, and the ledger.
    """
    deliveries: list[dict[str, Any]] = []
    for _, of_a_day in itertools.groupby(drops, key=lambda drop: drop.at.date()):
        for drop in of_a_day:
            drop.leave(folder)
            lines = pipeline.receive(hub, hub.flow(FLOW), clock=lambda at=drop.at: at + timedelta(minutes=5))  # type: ignore[misc]
            deliveries += [_said(drop, line) for line in lines]
            for line in deliveries[-len(lines) :]:
                tell(
                    f"{drop.at:%d/%m %Hh%M}  {line['state']:9}  {drop.name}"
                    + (f"  {drop.incident}" if drop.incident else "")
                )
        _evening(hub, drop.at + EVENING, attended=attended)
    linked = reconcile(hub, clock=lambda: drop.at + EVENING)
    with hub.engine.connect() as connection:
        ledger = running_ledger(connection, flow=FLOW)
        raised = {(row.kind, row.subject) for row in connection.execute(text("select kind, subject from alarm"))}
    subjects = {line["incident"]: subject_of(line["id"]) for line in deliveries} | {"jour_manquant": MISSING_DAY}
    return {
        "deliveries": deliveries,
        "incidents": {
            name: {"alarm": kind, "raised": (kind, subjects[name]) in raised} for name, kind in INCIDENTS.items()
        },
        "persons": linked["new_persons"],
        "ledger": ledger,
        "closes": all(line["closes"] for line in ledger),
    }


def _said(drop: Drop, line: Line) -> dict[str, Any]:
    return {"at": drop.at, "incident": drop.incident, **line.to_dict()}


def _evening(hub: Hub, now: datetime, *, attended: bool) -> None:
    look(hub, now=now)
    if not attended:
        return
    with hub.engine.connect() as connection:
        held = connection.execute(text("select id from delivery where state = 'held'")).scalars().all()
    for number in held:
        refuse(hub, number, author=OPERATOR, reason="un nouvel envoi a été demandé", now=now)
