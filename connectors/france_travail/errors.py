"""How a call to France Travail fails.

TryAgainLater
└── Unavailable          nobody answers, 429, 5xx, or a body that cannot be read: the same call may succeed later
    └── Unsent           nothing left: a pause was asked for, the circuit is open, or an operator switched it off
CallSomeone
└── UserTokenRefused     401 on a user's data: the user token is searched again once, then it is somebody's business
"""

from __future__ import annotations

from schemas.errors import CallSomeone, TryAgainLater


class Unavailable(TryAgainLater):
    """France Travail cannot answer now. ``retry_after`` is in seconds, where it said so."""

    def __init__(self, connection: str, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"Connection {connection!r}: France Travail cannot answer now ({code}); run again later.")
        self.code = code
        self.retry_after = retry_after


class Unsent(Unavailable):
    """Nothing was sent to France Travail: this is not the moment."""


class UserTokenRefused(CallSomeone):
    """France Travail refuses a user token it has just given."""
