"""The fast lane: one process, everything loaded, that takes small deliveries and answers as they come and tells partners at once.

It does what the DAGs do, with the same functions and under the same locks: either may take a delivery or a message, both may
be killed. What is large, late or failed is left to Airflow, which starts a process for each task.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import text

from connectors.opening import open_acknowledgements
from hub import telemetry
from hub.intake import pipeline
from hub.intake.judging import the_judge
from hub.intake.receive import take_arrivals
from hub.intake.watching import SMALL
from hub.monitoring.discretion import discreet
from hub.people.reconcile import reconcile
from hub.share import file_partners, out_flow, partners, share_with
from hub.sharing.acknowledgements import acknowledge
from schemas.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.base import Arrival, Connector
    from connectors.declaration import Flow
    from hub.opening import Hub

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
DUE_EVERY = 1.0  # seconds between two looks at what waits, when nobody says that something does

DUE = """
select exists (
  select from message m where m.partner = :partner and m.state = 'pending' and m.next_attempt_at <= :now
    and not exists (select from switched_off o where o.partner = m.partner)
    and not exists (select from rate_budget b where b.provider = :provider
                    and (b.open_until > now() or b.next_slot_at > now() + interval '5 seconds'))
)
"""

log = logging.getLogger(__name__)


class FastLane:
    """Opened with ``with``: a thread for each incoming file flow, for each partner and for its answers, until it is left."""

    def __init__(self, hub: Hub, *, clock: Callable[[], datetime], small: int = SMALL) -> None:
        self._hub = hub
        self._clock = clock
        self._most = small
        self._stopped = threading.Event()
        self._changed = {partner: threading.Event() for partner in partners(hub)}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        _ = self._hub.engine, self._hub.vault, self._hub.qualities, self._hub.mappings  # before threads ask for them
        _ = self._hub.matching
        the_judge()
        watched = [
            flow for flow in self._hub.flows.values() if flow.direction == "in" and flow.protocol in {"sftp", "folder"}
        ]
        self._threads = [self._thread(self._receive, flow, flow.flow) for flow in watched]
        self._threads += [self._thread(self._share, each, each) for each in self._changed]
        self._threads += [self._thread(self._acknowledge, each, f"answers {each}") for each in file_partners(self._hub)]
        for thread in self._threads:
            thread.start()
        return self

    @staticmethod
    def _thread(work: Callable[[Any], None], what: object, name: str) -> threading.Thread:
        """One that waits for a partner does not keep the process."""
        return threading.Thread(target=work, args=(what,), name=name, daemon=True)

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for changed in self._changed.values():
            changed.set()
        for thread in self._threads:
            thread.join(timeout=LONGEST_PAUSE)

    def _receive(self, flow: Flow) -> None:
        self._keep_looking(flow, self._hub.connect, self._take)

    def _acknowledge(self, partner: str) -> None:
        def reach(flow: Flow) -> Connector:
            return open_acknowledgements(flow, self._hub.settings.access(flow.connection))

        self._keep_looking(out_flow(self._hub, partner), reach, self._read_answers)

    def _keep_looking(
        self, flow: Flow, reach: Callable[[Flow], Connector], take: Callable[[Flow, Connector], None]
    ) -> None:
        """Look at one place, on one kept connection, again and again; after an error, later each time."""
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            try:
                with discreet(), ExitStack() as stack:
                    connector = stack.enter_context(reach(flow))
                    while not self._stopped.wait(flow.poll_every):
                        take(flow, connector)
                        pause = FIRST_PAUSE
            except HubError as error:
                log.warning("%s: %s; looking again in %.0f s", flow.flow, error, pause)
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _small(self, connector: Connector) -> list[Arrival]:
        return [arrival for arrival in connector.arrivals() if arrival.size <= self._most]

    def _take(self, flow: Flow, connector: Connector) -> None:
        """Take what is small through to the messages it makes; a flood that waits to be matched is not waited for."""
        small = self._small(connector)
        taken = take_arrivals(self._hub, flow, connector, small, now=self._clock()) if small else []
        if not taken:
            return
        hub = self._hub.again()
        lines = pipeline.settle(hub, taken, clock=self._clock)
        if any(line.applied or line.left for line in lines):
            for partner in reconcile(hub, clock=self._clock, deliveries=taken)["messages"]:
                if partner in self._changed:  # else Airflow's turn: its agreement is younger than this lane
                    self._changed[partner].set()

    def _read_answers(self, flow: Flow, connector: Connector) -> None:
        if small := self._small(connector):
            with telemetry.messages_moved(self._hub.engine, "acknowledge", flow.partner, clock=self._clock):
                acknowledge(self._hub.engine, flow.partner, connector, now=self._clock(), arrivals=small)

    def _share(self, partner: str) -> None:
        pause = FIRST_PAUSE
        changed = self._changed[partner]
        while not self._stopped.is_set():
            try:
                changed.wait(DUE_EVERY)
                changed.clear()
                with discreet():
                    if not self._stopped.is_set() and self._due(partner):
                        share_with(self._hub.again(), partner, clock=self._clock)
                pause = FIRST_PAUSE
            except HubError as error:
                log.warning("%s: %s; sending again in %.0f s", partner, error, pause)
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _due(self, partner: str) -> bool:
        flow = out_flow(self._hub, partner)
        known = {"partner": partner, "now": self._clock(), "provider": flow.provider or ""}
        with self._hub.engine.connect() as connection:
            return bool(connection.execute(text(DUE), known).scalar_one())
