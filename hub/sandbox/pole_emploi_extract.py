"""What Pôle emploi has: the ``principal`` extract, which carries no NIR, and the people its API answers about."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING

from hub.sandbox.dirt import plain, seen_by
from hub.sandbox.france_travail import FtPerson
from hub.sandbox.population import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from hub.sandbox.population import Adult

COLUMNS = (
    "identifiant_unique_de", "civilite", "nom", "prenom", "lieu_naissance", "code_lieu_naissance", "date_naissance",
    "adresse_ligne2", "adresse_ligne3", "adresse_ligne4", "adresse_ligne5", "adresse_ligne6", "departement", "dr", "rome_1",
    "appelation_rome_1", "rome_2", "appelation_rome_2", "mrech.axetravailprincipal", "mrech.axetravailsecondaire",
    "der_entretien_ppae", "der_entretien", "inscription", "code_motif_inscription", "motif_inscription",
    "categorie_inscription", "struct_principale", "referent_civilite", "referent_nom", "referent_prenom", "referent_mail",
    "code_safir", "modalite_accompagnement", "struct_suivi", "suivi_debut", "suivi_fin_prev", "dif_financiere",
    "dif_admin_jur", "dif_sante", "dif_logement", "dif_transport", "dif_inser_com", "dif_familiale", "brsa",
)  # fmt: skip
PATHWAYS = {"emploi": "PED", "socio_pro": "PSO", "social": "PSP"}


def write_extract(sink: IO[bytes], adults: Iterable[Adult], *, seed: int) -> int:
    """Write the extract: ``;``, UTF-8, the word NULL, dates with hours."""
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for adult in adults:
        writer.writerow(_row(adult, seed))
        count += 1
    text.detach()
    return count


def _row(adult: Adult, seed: int) -> tuple[str, ...]:
    seen = seen_by("pole_emploi", adult, seed)
    agency, safir = words()["agencies"][adult.agency]
    rome, label = words()["jobs"][adult.job]
    name, _, postcode = adult.commune
    return (
        adult.extract_id, "M." if adult.sex == "1" else "MME", seen.birth_name, seen.first_names[0], plain(adult.birth_place[0]),
        adult.birth_place[1], _stamp(adult.birth_date), "NULL", "NULL", plain(" ".join(adult.address)), "NULL",
        f"{postcode} {plain(name)}", adult.departement, "044", rome, label, "NULL", "NULL", "RETOUR DIRECT EMPLOI", "NULL",
        "NULL", "NULL", _stamp(adult.ft_since), "14", "FIN DE CDD OU DE CONTRAT AIDE", adult.ft_category, plain(agency), "Mme",
        "DURAND", "Paule", "conseil@exemple.fr", safir, "GUIDE", plain(agency), "NULL", "NULL", "NULL", "NULL",
        "O" if adult.number % 11 == 0 else "NULL", "NULL", "O" if adult.number % 5 == 0 else "NULL", "NULL", "NULL",
        "O" if adult.in_caf else "N",
    )  # fmt: skip


def _stamp(day: date) -> str:
    return f"{day.isoformat()} 00:00:00.0"


def ft_people(adults: Iterable[Adult], seed: int) -> dict[str, FtPerson]:
    """The people the API knows, by their number."""
    return {adult.ft_number: _ft_person(adult, seed) for adult in adults if adult.in_ft}


def _ft_person(adult: Adult, seed: int) -> FtPerson:
    seen = seen_by("pole_emploi", adult, seed)
    name, code, postcode = adult.commune
    oriented = adult.departement == "08"
    return FtPerson(
        numero=adult.ft_number,
        nir13=adult.nir if seen.nir else None,
        birth_date=adult.birth_date.isoformat(),
        nom=seen.birth_name,
        prenom=seen.first_names[0],
        nom_correspondance=seen.usage_name,
        civilite="M." if adult.sex == "1" else "Mme",
        numero_type_libelle_voie=plain(" ".join(adult.address)),
        code_postal=postcode,
        code_insee_commune=code,
        libelle_commune=plain(name),
        phones=(adult.phone.replace("+33", "0"),),
        emails=(adult.email,),
        statut=adult.ft_status,
        date_effet_statut=adult.ft_since.isoformat(),
        duree_inscription_12=12,
        duree_inscription_24=20,
        duree_inscription_36=20,
        motif_inscription=("14", "FIN DE CDD OU DE CONTRAT AIDE"),
        categ_inscription=(adult.ft_category, "Catégorie"),
        parcours=PATHWAYS[adult.pathway] if oriented else None,
        organisme="FT" if oriented else None,
        structure_libelle=words()["agencies"][adult.agency][0] if oriented else None,
        structure_aurore="GES0057" if oriented else None,
        date_entree_parcours=adult.decided_on.isoformat() if oriented else None,
        entitled=adult.number % 97 != 0,
        has_address=adult.number % 89 != 0,
    )
