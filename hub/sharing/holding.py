"""Holding: what of an agreement holds for one person, by where it lives and by how it is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.dossiers.protections import SILENT, whereabouts
from hub.sharing.territory import lives_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hub.sharing.agreements import Agreement


def holding(
    agreement: Agreement, dossier: Mapping[str, Mapping[str, Any]], kinds: Collection[str], *, recall: bool
) -> tuple[Agreement, Mapping[str, Mapping[str, Any]]] | None:
    """The agreement as it holds for a person, and what may be said of it; None when nothing may.

    Of somebody who lives outside its territory, what was told by mistake is taken back, and nothing else is said.
    """
    if not set(SILENT).isdisjoint(kinds):
        return None
    inside = agreement.within(lives_in(dossier))
    if inside is None:
        return (agreement, {}) if recall else None
    return _sheltered(inside, kinds), dossier


def _sheltered(agreement: Agreement, kinds: Collection[str]) -> Agreement:
    """Of somebody under threat, it does not say where it lives."""
    if "threat" not in kinds:
        return agreement
    fields = tuple(path for path in agreement.fields if path not in whereabouts())
    return agreement.model_copy(update={"fields": fields})
