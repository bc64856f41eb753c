"""The fast lane: one process, everything loaded, that takes small deliveries as they come and tells partners at once.

It does what the DAGs do, with the same functions and under the same locks: either may take a delivery or a message, both may
be killed. What is large, late or failed is left to Airflow, which starts a process for each task.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from sqlalchemy import text

from hub.intake import pipeline
from hub.intake.judging import the_judge
from hub.intake.receive import take_arrivals
from hub.intake.watching import SMALL
from hub.monitoring.discretion import discreet
from hub.people.reconcile import reconcile
from hub.share import partners, share_with
from schemas.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.base import Connector
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
    """Opened with ``with``: a thread for each incoming file flow, and one for each partner, until it is left."""

    def __init__(self, hub: Hub, *, clock: Callable[[], datetime], small: int = SMALL) -> None:
        self._hub = hub
        self._clock = clock
        self._small = small
        self._stopped = threading.Event()
        self._changed = {partner: threading.Event() for partner in partners(hub)}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        _ = self._hub.engine, self._hub.vault, self._hub.qualities, self._hub.mappings  # before threads ask for them
        the_judge()
        watched = [
            flow for flow in self._hub.flows.values() if flow.direction == "in" and flow.protocol in {"sftp", "folder"}
        ]
        self._threads = [threading.Thread(target=self._receive, args=(flow,), name=flow.flow) for flow in watched]
        self._threads += [threading.Thread(target=self._share, args=(each,), name=each) for each in self._changed]
        for thread in self._threads:
            thread.daemon = True  # one that waits for a partner does not keep the process
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for changed in self._changed.values():
            changed.set()
        for thread in self._threads:
            thread.join(timeout=LONGEST_PAUSE)

    def _receive(self, flow: Flow) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            try:
                with discreet(), ExitStack() as stack:
                    connector = stack.enter_context(self._hub.connect(flow))
                    while not self._stopped.wait(flow.poll_every):
                        self._take(flow, connector)
                        pause = FIRST_PAUSE
            except HubError as error:
                log.warning("%s: %s; looking again in %.0f s", flow.flow, error, pause)
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _take(self, flow: Flow, connector: Connector) -> None:
        """Take what is small through to the messages it makes."""
        small = [arrival for arrival in connector.arrivals() if arrival.size <= self._small]
        taken = take_arrivals(self._hub, flow, connector, small, now=self._clock()) if small else []
        if not taken:
            return
        lines = pipeline.settle(self._hub, taken, clock=self._clock)
        if any(line.applied or line.left for line in lines):
            for partner in reconcile(self._hub, clock=self._clock)["messages"]:
                self._changed[partner].set()

    def _share(self, partner: str) -> None:
        pause = FIRST_PAUSE
        changed = self._changed[partner]
        while not self._stopped.is_set():
            try:
                changed.wait(DUE_EVERY)
                changed.clear()
                with discreet():
                    if not self._stopped.is_set() and self._due(partner):
                        share_with(self._hub, partner, clock=self._clock)
                pause = FIRST_PAUSE
            except HubError as error:
                log.warning("%s: %s; sending again in %.0f s", partner, error, pause)
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _due(self, partner: str) -> bool:
        flow = self._hub.flow(self._hub.agreements[partner].out_flow)
        known = {"partner": partner, "now": self._clock(), "provider": flow.provider or ""}
        with self._hub.engine.connect() as connection:
            return bool(connection.execute(text(DUE), known).scalar_one())
