"""Days: an agreement, a retention or a date of effect ends at midnight where the law is read, not where the server's clock stands."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def day_of(moment: datetime) -> date:
    """The day it is in France."""
    return moment.astimezone(PARIS).date()


def end_of(day: date) -> datetime:
    """The moment a day is over in France."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=PARIS)
