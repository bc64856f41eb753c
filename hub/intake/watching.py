"""Watch: notice what a partner has left, on one kept connection, without taking it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.opening import open_acknowledgements
from hub.intake.receive import unseen
from hub.opening import open_hub

if TYPE_CHECKING:
    from connectors.base import Arrival, Connector
    from connectors.declaration import Flow
    from hub.opening import Hub

SAY_AGAIN_AFTER = 60.0
SMALL = 1_000_000  # bytes: about a hundred households, or a thousand lines


@dataclass
class Watch:
    """Polls one place. A file is announced once, and again after a minute for as long as nobody took it.

    A small file is left for ``grace`` seconds to the process that takes those at once, where there is one.
    ``remembers`` is false for acknowledgements: they are removed when read, so whatever is there is new.
    """

    hub: Hub
    flow: Flow
    connector: Connector
    remembers: bool = True
    grace: float = 0
    announced: dict[tuple[str, int, str], float] = field(default_factory=dict)
    noticed: dict[tuple[str, int, str], float] = field(default_factory=dict)

    def poll(self, now: float) -> int:
        """How many files are there to take; ``now`` is a clock that never goes back, in seconds."""
        fresh = [arrival for arrival in self.connector.arrivals() if self._worth_saying(arrival, now)]
        if fresh and self.remembers:
            fresh = unseen(self.hub, self.flow, fresh)
        for arrival in fresh:
            self.announced[_key(arrival)] = now
        return len(fresh)

    def _worth_saying(self, arrival: Arrival, now: float) -> bool:
        since = self.noticed.setdefault(_key(arrival), now)
        if arrival.size <= SMALL and now - since < self.grace:
            return False
        said = self.announced.get(_key(arrival))
        return said is None or now - said >= SAY_AGAIN_AFTER


def _key(arrival: Arrival) -> tuple[str, int, str]:
    return arrival.name, arrival.size, arrival.modified_at.isoformat()


def open_watch(flow: str, *, answers: bool = False) -> tuple[Watch, float]:
    """Reach a flow's place, or the place of its acknowledgements; returns the watch and how often to poll, in seconds."""
    hub = open_hub()
    declared = hub.flow(flow)
    access = hub.settings.access(declared.connection)
    connector = open_acknowledgements(declared, access) if answers else hub.connect(declared)
    connector.__enter__()
    watch = Watch(hub=hub, flow=declared, connector=connector, remembers=not answers, grace=hub.settings.watch_grace)
    return watch, declared.poll_every
