"""What the two départements send: the 25-column pivot file (08), and an export in the manner of WebRSA (52)."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING

from hub.sandbox.dirt import seen_by

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from hub.sandbox.population import Adult

PIVOT = (
    "Identifiant dans le SI*", "Prénom*", "Nom*", "Date de naissance*", "NIR", "Lieu de naissance", "Téléphone", "Email",
    "Adresse", "Adresse (complément)", "Code postal", "Ville", "Situation", "Numéro allocataire CAF/MSA",
    "Identifiant Pôle emploi", "Droits RSA", "Droits ARE", "Droits ASS", "Prime d'activité", "RQTH", "Zone de mobilité",
    "Emploi recherché (code ROME)", "Niveau de formation", "Structure", "Accompagnateurs",
)  # fmt: skip
WEBRSA = (
    "ID_PERSONNE", "MATRICULE", "CIVILITE", "NOM", "NOMNAI", "PRENOM", "DTNAI", "NIR", "SEXE", "NOMCOMNAI", "ROLEPERS",
    "NUMVOIE", "LIBTYPEVOIE", "NOMVOIE", "CODEPOS", "NOMCOM", "TELEPHONE_FIXE", "TELEPHONE_PORTABLE", "EMAIL",
    "ETAT_DOSSIER", "DROIT_DEVOIR", "STATUT_ORIENT", "CODE_TYPE_ORIENT", "DATE_ORIENTATION", "DATE_DEBUT_ORIENTATION",
    "ORGANISME_ORIENTATION_REFERENT", "NOM_REFERENT", "PRENOM_REFERENT", "EMAIL_REFERENT", "CER_NUM_CONTRAT",
    "CER_POSITION", "CER_DATEDEB", "CER_DATEFIN", "RDV_DATE", "RDV_HEURE", "RDV_OBJET", "RDV_LIEU", "NIVETU",
)  # fmt: skip
STATES = {
    "2": "rsa_droit_ouvert_versable",
    "3": "rsa_droit_ouvert_et_suspendu",
    "4": "rsa_droit_ouvert_versement_suspendu",
}
PATHWAYS = {"emploi": "EMPLOI", "socio_pro": "SOCIOPRO", "social": "SOCIAL"}


def write_pivot(sink: IO[bytes], adults: Iterable[Adult], *, seed: int) -> int:
    """Write the pivot file: byte-order mark, ``;``, three ways of writing a date."""
    sink.write("\ufeff".encode())
    return _write(sink, PIVOT, (_pivot_row(adult, seed) for adult in adults))


def write_webrsa(sink: IO[bytes], adults: Iterable[Adult], *, seed: int) -> int:
    """Write the WebRSA-like export."""
    return _write(sink, WEBRSA, (_webrsa_row(adult, seed) for adult in adults))


def _write(sink: IO[bytes], header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> int:
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    text.detach()
    return count


def _pivot_row(adult: Adult, seed: int) -> tuple[str, ...]:
    seen = seen_by("departement", adult, seed)
    born = seen.birth_date
    written = (f"{born:%Y-%m-%d}", f"{born:%d/%m/%Y}", f"{born:%d-%m-%Y}")[adult.number % 3]
    name = seen.birth_name
    if seen.usage_name != seen.birth_name:
        name = f"{seen.usage_name} (née {seen.birth_name})" if adult.number % 2 else seen.birth_name
    phone = adult.phone.replace("+33", "" if adult.number % 7 == 0 else "0")
    structure = adult.structure if adult.number % 2 else ""
    return (
        adult.departement_id, seen.first_names[0], name, written, seen.nir, adult.birth_place[0],
        phone if adult.number % 3 else "", adult.email if adult.number % 4 else "", " ".join(adult.address), "",
        adult.commune[2], adult.commune[0], "recherche_emploi", adult.caf_number if adult.in_caf else "",
        adult.ft_local_id if adult.in_ft and adult.number % 5 == 0 else "", "" if adult.number % 4 else STATES.get(adult.rsa_state, ""),
        "", "Non", "", "", "30", "", ("NV5", "NV4", "C3A")[adult.number % 3], structure,
        f"referent{adult.number % 9}@departement08.exemple.fr" if structure else "",
    )  # fmt: skip


def _webrsa_row(adult: Adult, seed: int) -> tuple[str, ...]:
    seen = seen_by("departement", adult, seed)
    contract = adult.contract_start
    meeting = adult.appointment_on
    last_name, first_name = adult.referent
    return (
        adult.departement_id, adult.caf_number.lstrip("0") if adult.in_caf else "", "MR" if adult.sex == "1" else "MME",
        seen.usage_name, seen.birth_name, seen.first_names[0], _french(seen.birth_date), seen.nir, adult.sex, adult.birth_place[0],
        adult.role, *adult.address, adult.commune[2], adult.commune[0], "", adult.phone.replace("+33", "0") if adult.number % 3 else "",
        adult.email if adult.number % 4 else "", "", "", "Orienté", PATHWAYS[adult.pathway], _french(adult.decided_on),
        _french(adult.decided_on), adult.structure, last_name, first_name, "referent@departement52.exemple.fr",
        "PRE" if contract else "", "V" if contract else "", _french(contract),
        _french(contract.replace(year=contract.year + 1)) if contract else "",
        _french(meeting), "09:30" if meeting else "", "ORI" if meeting else "", adult.structure if meeting else "", "1204",
    )  # fmt: skip


def _french(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""
