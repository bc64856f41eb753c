"""A process of its own: delivers an outbox (``share PARTNER``), or takes slots of a budget (``slots RATE COUNT [USE THREADS]``)."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from hub.opening import open_hub
from hub.share import share_with
from hub.sharing.budget import SharedBudget


def slots(hub, rate, count, use="send", threads=1):
    """When each slot was taken, by the machine's own clock, which every process reads alike."""
    budget = SharedBudget(engine=hub.engine, provider="essai", per_second=float(rate), use=use)

    def take(_):
        budget.acquire()
        return time.monotonic()

    with ThreadPoolExecutor(int(threads)) as pool:
        return sorted(pool.map(take, range(int(count))))


def main():
    verb, *words = sys.argv[1:]
    hub = open_hub()
    document = slots(hub, *words) if verb == "slots" else share_with(hub, words[0], clock=lambda: datetime.now(tz=UTC))
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main()
