"""The store: what the hub keeps, and the constraints that keep it true.

Used by ``hub`` only. A person's facts live in ``source_version.content`` (who said what, every version) and, derived
from it, in ``dossier.content``. A NIR is never in either: it is encrypted beside them and searched by a keyed hash.
"""

from __future__ import annotations

from schemas.tables.alarms import alarm
from schemas.tables.arrivals import (
    counted_ledger,
    delivery,
    delivery_record,
    full_picture,
    quarantine,
    release_preview,
    remembered_unit,
    staged_record,
)
from schemas.tables.base import metadata
from schemas.tables.keys import backup_key, search_generation
from schemas.tables.operators import access_log, account
from schemas.tables.outgoing import act, checkpoint, disclosure, message, switched_off, sync_file, told
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
    threshold_check,
    value_rarity,
)
from schemas.tables.providers import access_token, asked, rate_budget
from schemas.tables.rights import (
    agreement_version,
    erasure,
    protection,
    protection_record,
    recall,
    recall_message,
    redaction,
    tombstone,
)
from schemas.tables.said import movement, source_record, source_version

__all__ = [
    "access_log",
    "access_token",
    "account",
    "act",
    "agreement_version",
    "alarm",
    "asked",
    "backup_key",
    "checkpoint",
    "comparison",
    "counted_ledger",
    "decision",
    "delivery",
    "delivery_record",
    "disclosure",
    "dossier",
    "erasure",
    "full_picture",
    "identity_key",
    "link",
    "matching_base",
    "message",
    "metadata",
    "movement",
    "person",
    "protection",
    "protection_record",
    "quarantine",
    "rate_budget",
    "recall",
    "recall_message",
    "redaction",
    "release_preview",
    "remembered_unit",
    "review_case",
    "review_opinion",
    "search_generation",
    "source_identity",
    "source_record",
    "source_version",
    "staged_record",
    "switched_off",
    "sync_file",
    "threshold_check",
    "told",
    "tombstone",
    "value_rarity",
]
