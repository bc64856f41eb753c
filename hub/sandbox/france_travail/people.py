"""What the pretend France Travail knows of one invented person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class FtPerson:
    """Dates are ISO text. ``None`` is what France Travail does not know.

    ``attached`` is false for a user of another structure (R002), ``entitled`` for one nobody may read (R001);
    ``has_address`` false makes the search fail (R998) as it does for real. ``odd_status`` is the bare HTTP status
    (204 or 404) the search gives instead of an answer.
    """

    numero: str
    birth_date: str
    nom: str
    prenom: str
    nir13: str | None = None
    nom_correspondance: str | None = None
    prenom_correspondance: str | None = None
    civilite: str | None = None
    certified: bool = True

    numero_type_libelle_voie: str | None = None
    complement_adresse: str | None = None
    complement_destinataire: str | None = None
    complement_distribution: str | None = None
    code_postal: str | None = None
    code_insee_commune: str | None = None
    libelle_commune: str | None = None
    libelle_pays: str | None = "FRANCE"
    residence_qpv: bool | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    statut: str | None = None
    date_effet_statut: str | None = None
    duree_inscription_12: int | None = None
    duree_inscription_24: int | None = None
    duree_inscription_36: int | None = None
    motif_inscription: tuple[str, str] | None = None
    categ_inscription: tuple[str, str] | None = None
    situation_reg_emp: tuple[str, str] | None = None
    motif_cloture: tuple[str, str] | None = None

    parcours: str | None = None
    organisme: str | None = None
    structure_aurore: str | None = None
    structure_safir: str | None = None
    structure_libelle: str | None = None
    orientation_statut: str = "PRECONISE"
    orientation_etat: str = "OUVERT"
    date_entree_parcours: str | None = None
    date_sortie_parcours: str | None = None
    motif_sortie_parcours: str | None = None
    date_creation: str | None = None
    date_modification: str | None = None
    criteres: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    entitled: bool = True
    attached: bool = True
    has_address: bool = True
    odd_status: int | None = None
