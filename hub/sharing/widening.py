"""Compare two versions of an agreement: what it gives more, what it gives less, and what holds while nobody approved the more."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from hub.sharing.territory import common

if TYPE_CHECKING:
    from hub.sharing.agreements import Agreement

# What a change of these says is another agreement, whatever the fields.
DECISIVE = ("partner", "purpose", "perimeter", "out_flow")


def content_of(agreement: Agreement) -> dict[str, Any]:
    """The agreement as plain JSON values."""
    return agreement.model_dump(mode="json")


def sha256_of(agreement: Agreement) -> str:
    """What the agreement says, hashed: comments and layout of its YAML do not count."""
    return hashlib.sha256(orjson.dumps(content_of(agreement), option=orjson.OPT_SORT_KEYS)).hexdigest()


def gained(old: Agreement | None, new: Agreement) -> list[str]:
    """The fields the partner would receive and does not yet, in the order of the new agreement."""
    known = set(old.all_fields) if old else set()
    return [path for path in new.all_fields if path not in known]


def lost(old: Agreement, new: Agreement) -> list[str]:
    """The fields the partner would receive no more."""
    kept = set(new.all_fields)
    return [path for path in old.all_fields if path not in kept]


def wider(old: Agreement | None, new: Agreement) -> list[str]:
    """In which respects the new agreement gives more than the old one; empty when it gives nothing more."""
    if old is None:
        return ["agreement"]
    found = ["fields"] if gained(old, new) else []
    found += [name for name in DECISIVE if getattr(old, name) != getattr(new, name)]
    found += ["territory"] if set(new.territory).difference(common(new.territory, old.territory)) else []
    if new.valid_from < old.valid_from:
        found.append("valid_from")
    if new.valid_until > old.valid_until:
        found.append("valid_until")
    if new.retention_months > old.retention_months:
        found.append("retention_months")
    return found


def held_back(approved: Agreement, declared: Agreement) -> Agreement:
    """What is in force until the wider agreement is approved: the approved one, less what the declared one takes away.

    An agreement left without any field, or any territory, shares nothing: it ends the day it began.
    """
    territory = common(approved.territory, declared.territory)
    less = set(declared.all_fields)
    fields = tuple(path for path in approved.fields if path in less)
    sensitive = tuple(path for path in approved.sensitive if path in less)
    begins, ends = max(approved.valid_from, declared.valid_from), min(approved.valid_until, declared.valid_until)
    if not (fields or sensitive) or not territory:
        fields, sensitive, territory, begins = (
            approved.fields, approved.sensitive, approved.territory, approved.valid_until,
        )  # fmt: skip
        ends = approved.valid_from
    return approved.model_copy(
        update={
            "fields": fields,
            "sensitive": sensitive,
            "territory": territory,
            "valid_from": begins,
            "valid_until": ends,
            "retention_months": min(approved.retention_months, declared.retention_months),
        }
    )
