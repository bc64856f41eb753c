"""Expiry: an agreement ends by itself; two months before, and once it is over, an alarm says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.alarms import Alarm, close_alarms, raise_alarms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from sqlalchemy import Connection

    from hub.sharing.agreements import Agreement

NOTICE = timedelta(days=60)
SOON, OVER = "convention_bientot_finie", "convention_finie"


def watch_expiry(connection: Connection, agreements: Iterable[Agreement], *, now: datetime) -> int:
    """Raise an alarm for each agreement that ends soon or is over, close those of the others; returns how many are raised."""
    raised = 0
    for agreement in agreements:
        subject = f"convention {agreement.title}"
        found = list(_alarms(agreement, subject, today=now.date()))
        for kind in {SOON, OVER} - {alarm.kind for alarm in found}:
            close_alarms(connection, subject, now=now, kind=kind)
        raise_alarms(connection, found, now=now)
        raised += len(found)
    return raised


def _alarms(agreement: Agreement, subject: str, *, today: date) -> Iterator[Alarm]:
    last = f"{agreement.valid_until:%d/%m/%Y}"
    if today > agreement.valid_until:
        message = (
            f"La convention {agreement.title} a pris fin le {last} : plus rien ne part. La renouveler, ou la retirer."
        )
        yield Alarm(kind=OVER, subject=subject, message=message)
    elif today + NOTICE > agreement.valid_until:
        message = (
            f"La convention {agreement.title} prend fin le {last} : la renouveler à temps, deux personnes l'approuvent."
        )
        yield Alarm(kind=SOON, subject=subject, message=message)
