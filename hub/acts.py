"""Acts: what somebody did that partners had to be told of, where no delivery is behind it: a revert, an unlink, a right.

Each has a trace of its own, from what was done to the partners' last acknowledgement, as a delivery has from its arrival.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import insert

from hub.telemetry import Acted, acted
from schemas.tables import act

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

REVERT, UNLINK, RIGHT, ERASURE = "revert", "unlink", "right", "erasure"
RETENTION, AGREEMENT, RESEND = "retention", "agreement", "resend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One such act: messages carry its ``id``."""

    id: UUID
    kind: str
    began_ns: int

    def told(self) -> None:
        """Tell of it, once it stands: the root of its trace."""
        acted(Acted(id=self.id, kind=self.kind), began_ns=self.began_ns)


def begin_act(connection: Connection, kind: str, *, now: datetime, subject: str | None = None) -> Act:
    """Write down, in the caller's transaction, what is about to be done; ``subject`` is a delivery or a partner, never a person."""
    begun = Act(id=uuid4(), kind=kind, began_ns=time.time_ns())
    connection.execute(insert(act).values(id=begun.id, kind=kind, subject=subject, at=now))
    return begun
