"""The store: what the hub keeps, and the constraints that keep it true.

Used by ``hub`` only. A person's facts live in ``source_version.content`` (who said what, every version) and, derived
from it, in ``dossier.content``. A NIR is never in either: it is encrypted beside them and searched by a keyed hash.
"""

from __future__ import annotations

from schemas.tables.alarms import alarm
from schemas.tables.arrivals import delivery, delivery_record, full_picture, quarantine, remembered_unit, staged_record
from schemas.tables.base import metadata
from schemas.tables.outgoing import disclosure, message, sync_file, told
from schemas.tables.people import (
    comparison,
    decision,
    dossier,
    identity_key,
    link,
    matching_base,
    person,
    review_case,
    review_opinion,
    source_identity,
    value_rarity,
)
from schemas.tables.providers import access_token, asked, rate_budget
from schemas.tables.said import movement, source_record, source_version

__all__ = [
    "access_token",
    "alarm",
    "asked",
    "comparison",
    "decision",
    "delivery",
    "delivery_record",
    "disclosure",
    "dossier",
    "full_picture",
    "identity_key",
    "link",
    "matching_base",
    "message",
    "metadata",
    "movement",
    "person",
    "quarantine",
    "rate_budget",
    "remembered_unit",
    "review_case",
    "review_opinion",
    "source_identity",
    "source_record",
    "source_version",
    "staged_record",
    "sync_file",
    "told",
    "value_rarity",
]
