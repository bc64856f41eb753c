"""What came of one message sent to a partner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``retry`` says whether sending it again, unchanged, can ever succeed; ``retry_after`` is in seconds, where it was said.

    ``code`` is the partner's return code, or ours (``HTTP_422``, ``UNREACHABLE``, ``UNREADABLE``, ``NO_IDENTIFIER``…).
    """

    accepted: bool
    retry: bool
    code: str
    message_fr: str
    provider_id: str | None = None
    retry_after: float | None = None
