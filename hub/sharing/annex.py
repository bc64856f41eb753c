"""The annex of an agreement, in French, as a page that prints: what the lawyers sign, written from what the code enforces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.sharing.contract import columns
from hub.sharing.effect import of_partner
from hub.sharing.territory import FRANCE
from hub.sharing.widening import sha256_of
from schemas.beneficiary import facts
from schemas.facts import Sensitivity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from connectors.declaration import Flow
    from hub.sharing.agreements import Agreement
    from mappings.declaration import OutMapping

FREQUENCIES = {"daily": "une fois par jour", "immediate": "dès qu'elle est connue"}
SENSITIVITIES = {
    Sensitivity.ORDINARY: "ordinaire",
    Sensitivity.CONTACT: "coordonnée",
    Sensitivity.SENSITIVE: "sensible",
    Sensitivity.NIR: "NIR",
}


def annex(agreement: Agreement, flow: Flow, mapping: OutMapping, *, today: date, state: str) -> str:
    """The whole page. ``state`` says in French whether this version is in force."""
    environment = Environment(
        loader=PackageLoader("hub.sharing"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["jour"] = lambda day: day.strftime("%d/%m/%Y")
    named = {column["path"]: column["column"] for column in columns(flow, mapping) if column["path"]}
    return environment.get_template("annexe.html").render(
        agreement=agreement,
        partner=of_partner(agreement.partner, subject=True),
        fields=[
            (facts()[path], SENSITIVITIES[facts()[path].sensitivity], named.get(path, "–"))
            for path in agreement.all_fields
        ],
        sensitive=[facts()[path].label for path in agreement.sensitive],
        territory=_territory(agreement.territory),
        flow=flow,
        frequency=FREQUENCIES[agreement.frequency],
        state=state,
        sha256=sha256_of(agreement),
        today=today,
    )


def _territory(codes: Sequence[str]) -> str:
    if FRANCE in codes:
        return "La France entière : le partenaire est un organisme national."
    named = f"Département{'s' * (len(codes) > 1)} {', '.join(codes)}"
    return f"{named}. Rien n'est transmis sur une personne dont le domicile connu est ailleurs."
