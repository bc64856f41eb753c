"""Counts that stay quick whatever the store holds: they stop at a limit, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

LIMIT = 10_000

# A place in a list by key: what stands after it, however long the list is.
PAGE = 50

Capped = tuple[int, bool]


def capped(count: int) -> Capped:
    """What a query that stops one past the limit counted, and whether there is more."""
    return min(count, LIMIT), count > LIMIT


def backlog(connection: Connection) -> dict[str, Any]:
    """What waits: refused records, cases, held deliveries, records not reconciled yet."""
    row = connection.execute(text(BACKLOG), {"most": LIMIT + 1}).one()
    return {
        "held": row.held,
        "quarantined": row.quarantined,
        "review_cases": row.review_cases,
        "to_reconcile": capped(row.to_reconcile),
        "disclosures": row.disclosures,
    }


# The journal is dense: its last position is how many entries it has.
BACKLOG = """
select (select count(*) from delivery where state = 'held') as held,
  (select count(*) from quarantine where state = 'open') as quarantined,
  (select count(*) from review_case where closed_at is null) as review_cases,
  (select count(*) from (select from source_record where to_match limit :most) r) as to_reconcile,
  (select coalesce(max(position), 0) from disclosure) as disclosures
"""
