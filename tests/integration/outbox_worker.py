"""A process of its own: delivers an outbox (``share PARTNER``), or takes slots of a budget (``slots RATE COUNT``)."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

from hub.opening import open_hub
from hub.share import share_with
from hub.sharing.budget import SharedBudget


def slots(hub, rate, count):
    """When each slot was taken, by the machine's own clock, which every process reads alike."""
    budget = SharedBudget(engine=hub.engine, provider="essai", per_second=rate)
    taken = []
    for _ in range(count):
        budget.acquire()
        taken.append(time.monotonic())
    return taken


def main():
    verb, *words = sys.argv[1:]
    hub = open_hub()
    if verb == "slots":
        document = slots(hub, float(words[0]), int(words[1]))
    else:
        document = share_with(hub, words[0], clock=lambda: datetime.now(tz=UTC))
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main()
