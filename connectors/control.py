"""What a delivery's header and footer say of it: its place in the order, its reference date, its control total."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from schemas.errors import FixTheDelivery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.base import Reading
    from connectors.declaration import Flow

LONGEST_TOTAL = 9
PLAIN = re.compile(r"(?!.*[A-Za-z]{4})(?!.*\d{9})[A-Za-z0-9.:+_-]{0,30}", re.ASCII)
PLACE_IN_TIME = re.compile(r"\d[\d:.TZ+-]{0,39}", re.ASCII)
AHEAD = timedelta(days=62)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The partner's count beside ours."""

    expected: int | None
    counted: int
    agrees: bool
    message: str


def control_total(flow: Flow, reading: Reading) -> Checked | None:
    """Compare the units read with the partner's own total; None for a flow that sends none.

    The total covers every file of the delivery, the companion anomaly file included, so a file that is short of
    exactly the companion's share is whole too.
    """
    declared = flow.control_total
    if declared is None:
        return None
    expected = _whole(reading.footer.get(declared.footer))
    if expected is None:
        return Checked(expected=None, counted=reading.units, agrees=False, message=_absent(declared.footer))
    aside = _whole(reading.footer.get(declared.less)) if declared.less else None
    agrees = reading.units == expected or bool(aside and reading.units == expected - aside)
    message = f"Total de contrôle : le partenaire annonce {expected} dossiers ({declared.footer}), {reading.units} ont été lus."
    if reading.repeated_units:
        message += f" {reading.repeated_units} dossiers portent un numéro déjà vu."
    return Checked(
        expected=expected,
        counted=reading.units,
        agrees=agrees,
        message=f"{message} Rien n'est appliqué : demander un nouvel envoi complet." if not agrees else message,
    )


def _absent(name: str) -> str:
    return f"Total de contrôle absent ou illisible ({name}) : rien n'est appliqué, demander un nouvel envoi complet."


def _whole(text: str | None) -> int | None:
    digits = (text or "").lstrip("0") or (text or "")[-1:]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_TOTAL else None


def told(flow: Flow, leaves: Mapping[str, str]) -> dict[str, str]:
    """What a header or a footer says that the flow asked to know, in the form of a date, an hour, a number or a code.

    Anything else that stands there may be about somebody: it is read with the delivery, and not kept beside it.
    """
    picture, total = flow.full_picture, flow.control_total
    asked = {*flow.order_by, *flow.header_key, flow.reference_date, picture and picture.header}
    asked |= {total.footer, total.less} if total else set()
    return {name: text for name, text in leaves.items() if name in asked and PLAIN.fullmatch(text)}


def check_header(flow: Flow, header: Mapping[str, str], *, today: date) -> None:
    """Raise ``FixTheDelivery`` where the header does not say, or cannot mean, the delivery's place in the order.

    A date far ahead would make everything that comes after it look old.
    """
    for name in flow.order_by:
        if not PLACE_IN_TIME.fullmatch(header.get(name, "")):
            raise FixTheDelivery(_illegible(name))
    if flow.reference_date is None:
        return
    day = reference_date(flow, header)
    if day is None:
        raise FixTheDelivery(_illegible(flow.reference_date))
    if day > today + AHEAD:
        raise FixTheDelivery(
            f"L'en-tête parle d'une date trop loin dans le futur ({flow.reference_date}) : la corriger et renvoyer."
        )


def _illegible(name: str) -> str:
    return (
        f"L'en-tête ne dit pas, ou dit mal, {name} : la place de la livraison dans l'ordre est inconnue. La renvoyer."
    )


def order_key(flow: Flow, header: Mapping[str, str], fallback: str) -> str:
    """A text that sorts the deliveries of a flow as their partner meant them."""
    if not flow.order_by:
        return fallback
    return "|".join(header.get(name, "") for name in flow.order_by)


def header_key(flow: Flow, header: Mapping[str, str], scopes: Sequence[str]) -> str | None:
    """How the partner itself tells a delivery from the others of its flow; None where it does not say.

    A delivery without any record does not say whom it is for: two such may share a header and be two deliveries.
    """
    if not flow.header_key or not scopes:
        return None
    return "|".join([*(header.get(name, "") for name in flow.header_key), *scopes])


def is_full_picture(flow: Flow, header: Mapping[str, str]) -> bool:
    """Whether whoever is absent from this delivery has left the flow."""
    picture = flow.full_picture
    if picture is None:
        return False
    return picture.header is None or header.get(picture.header) in picture.values


def reference_date(flow: Flow, header: Mapping[str, str]) -> date | None:
    """The day the delivery speaks of, where its header says it."""
    try:
        return date.fromisoformat(header.get(flow.reference_date or "", ""))
    except ValueError:
        return None
