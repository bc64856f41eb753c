"""Why a person's records are linked, in plain French, read from what was stored when it was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

LINKS = """
select l.method, l.score, l.evidence, l.author, l.decided_at, r.flow
from link l join source_record r on r.id = l.source_record_id
where l.person_id = :person and l.superseded_at is null order by l.id
"""

METHODS = {
    "seul": "aucun autre partenaire ne la décrit encore",
    "nir": "même NIR, et la naissance et le nom concordent",
    "etat_civil": "pas de NIR d'un côté, mais même nom, même prénom, même date de naissance et au moins deux appuis",
    "decision_humaine": "un agent l'a décidé",
}
LEVELS = {
    "egal": "identique",
    "proche": "proche",
    "different": "différent",
    "absent": "non comparable",
    "inverse": "jour et mois inversés",
}
FIELDS = {"nir": "NIR", "date_naissance": "date de naissance", "nom": "nom", "prenom": "prénom"}
SUPPORTS = {
    "lieu_naissance": "lieu de naissance", "adresse": "adresse", "telephone": "téléphone", "courriel": "courriel",
    "numero_caf": "numéro d'allocataire", "numero_france_travail": "numéro France Travail",
    "identifiant_pole_emploi": "identifiant Pôle emploi",
}  # fmt: skip


def explain(connection: Connection, person: UUID) -> list[str]:
    """One sentence per record; raises ``FixTheDeclaration`` when nobody has that id."""
    known = connection.execute(text("select forwards_to from person where id = :person"), {"person": person}).first()
    if known is None:
        raise FixTheDeclaration(f"No person {person}.")
    if known.forwards_to is not None:
        return [f"Cette personne a été réunie à une autre : voir {known.forwards_to}."]
    return [_sentence(row) for row in connection.execute(text(LINKS), {"person": person})]


def _sentence(row: Any) -> str:
    levels = row.evidence.get("niveaux", {})
    seen = [f"{label} {LEVELS[levels[name]]}" for name, label in FIELDS.items() if levels.get(name)]
    supports = [SUPPORTS[name] for name in levels.get("appuis", ())]
    details = f" ({', '.join(seen)})" if seen else ""
    helped = f" ; appuis : {', '.join(supports)}" if supports else ""
    who = "" if row.author == "hub" else f", par {row.author}"
    return f"{row.flow} : {METHODS.get(row.method, row.method)}{details}{helped}{who}, le {row.decided_at:%d/%m/%Y}."
