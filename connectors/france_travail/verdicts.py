"""What France Travail's return codes mean, and what to tell the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.france_travail.exchange import Finding
    from connectors.france_travail.line import Reply


@dataclass(frozen=True, kw_only=True)
class Verdict:
    finding: Finding
    message_fr: str


NOBODY = Verdict(finding="nobody", message_fr="France Travail ne connaît personne sous ces identifiants.")
BAD_INPUT = Verdict(
    finding="bad_input",
    message_fr="France Travail juge les données envoyées incorrectes : à corriger avant de renvoyer.",
)
NOT_ENTITLED = Verdict(
    finding="not_entitled", message_fr="France Travail ne nous autorise pas à accéder à cette personne."
)
UNUSABLE = Verdict(finding="unusable", message_fr="France Travail a donné une réponse inattendue.")
UNAVAILABLE = Verdict(
    finding="unavailable", message_fr="France Travail ne répond pas pour le moment : le message sera renvoyé."
)
WRITE_REFUSED = "France Travail a refusé le message : à examiner avant de renvoyer."

BY_CODE = {
    "S001": Verdict(finding="found", message_fr="France Travail a reconnu la personne."),
    "S002": NOBODY,
    "S003": Verdict(
        finding="several",
        message_fr="France Travail connaît plusieurs personnes sous ces identifiants : à examiner à la main.",
    ),
    "R001": NOT_ENTITLED,
    "R002": Verdict(
        finding="not_entitled", message_fr="La personne n'est pas rattachée à notre structure chez France Travail."
    ),
    "R997": BAD_INPUT,
    "R998": Verdict(
        finding="unusable",
        message_fr="France Travail ne peut pas traiter cette personne (souvent : aucune adresse dans son dossier).",
    ),
    "ID_NON_RECONNU": Verdict(
        finding="unusable",
        message_fr="France Travail ne reconnaît plus cet identifiant (dossiers fusionnés) : l'envoi est à recréer.",
    ),
    "NO_IDENTIFIER": Verdict(
        finding="bad_input",
        message_fr="Ni NIR avec date de naissance, ni numéro France Travail : la personne ne peut pas être cherchée.",
    ),
}
BY_STATUS = {204: NOBODY, 400: BAD_INPUT, 403: NOT_ENTITLED, 404: NOBODY, 422: BAD_INPUT}


def verdict_on(reply: Reply) -> Verdict:
    """A known code says more than the status; an unknown one, less."""
    return BY_CODE.get(reply.code) or BY_STATUS.get(reply.status, UNUSABLE)
