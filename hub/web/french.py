"""How numbers, dates and states are written for a French reader."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

PARIS = ZoneInfo("Europe/Paris")
STATES = {
    "received": "en cours",
    "applied": "appliquée",
    "refused": "refusée",
    "repeated": "déjà reçue",
    "redated": "déjà reçue",
    "outdated": "dépassée",
    "reverted": "annulée",
    "held": "retenue",
    None: "jamais reçue",
}
PARTNERS = {"caf": "CAF / MSA", "pole_emploi": "Pôle emploi"}


def number(value: int | None) -> str:
    """Group thousands with a narrow no-break space; nothing is a dash."""
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def when(moment: datetime | None) -> str:
    """A moment in Paris time."""
    return "–" if moment is None else moment.astimezone(PARIS).strftime("%d/%m/%Y à %H:%M")


def state_name(state: str | None) -> str:
    """The state of a delivery, as an operator says it."""
    return STATES.get(state, state or "–")


def partner_name(partner: str) -> str:
    """The name of a partner, as people say it."""
    kind, _, code = partner.partition("_")
    return PARTNERS.get(partner, f"Département {code}" if kind == "departement" else partner)
