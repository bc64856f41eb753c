"""What is needed: the fields that may be kept at all. Those no agreement names and no reconciliation reads are never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.beneficiary import facts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from hub.sharing.agreements import Agreement
    from mappings.declaration import InMapping

# Who the person is, under which numbers partners know it, and by what else its records are compared.
RECOGNISED_BY = (
    "identity.", "identifiers.", "contact.address_street", "contact.postcode", "contact.commune_code", "contact.commune_name",
    "contact.phones", "contact.email",
)  # fmt: skip


def needed(mapping: InMapping, agreements: Iterable[Agreement], *, today: date) -> frozenset[str]:
    """The fields of a flow that may be stored: named by an agreement that is not over, or read to recognise the person."""
    named = {path for each in agreements if today <= each.valid_until for path in each.all_fields}
    kept = {path for path in facts() if path in named or path.startswith(RECOGNISED_BY)}
    return frozenset({*kept, *mapping.key, *filter(None, [mapping.as_of.field])})
