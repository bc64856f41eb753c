"""The documented shapes of what can be read with a user token, absent values as France Travail writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.sandbox.france_travail.people import FtPerson

NULL = "null"  # some fields say it in words, others with a JSON null: both are written here, as they are for real


def administrative(person: FtPerson) -> dict[str, Any]:
    return {
        "numeroFranceTravail": person.numero,
        "etatCivil": {
            "civilite": person.civilite or NULL,
            "dateNaissance": person.birth_date,
            "nir": person.nir13,
            "nom": person.nom,
            "nomCorrespondance": person.nom_correspondance or NULL,
            "prenom": person.prenom,
            "prenomCorrespondance": person.prenom_correspondance or NULL,
        },
        "adresses": [_address(person)] if person.has_address else [],
        "emails": [{"adresseEmail": email} for email in person.emails],
        "telephones": [{"numeroTelephone": phone} for phone in person.phones],
    }


def _address(person: FtPerson) -> dict[str, Any]:
    return {
        "codeInseeCommune": person.code_insee_commune,
        "codePostal": person.code_postal,
        "complementAdresse": person.complement_adresse or NULL,
        "complementDestinataire": person.complement_destinataire,
        "complementDistribution": person.complement_distribution or NULL,
        "libelleCommune": person.libelle_commune,
        "libellePays": person.libelle_pays,
        "numeroTypeLibelleVoie": person.numero_type_libelle_voie,
        "indicateurResidentQPV": {True: "QP", False: "NQ", None: NULL}[person.residence_qpv],
    }


def registration(person: FtPerson) -> dict[str, Any] | None:
    """``None`` (204) for somebody who never registered."""
    if person.statut is None:
        return None
    contract: dict[str, Any] = {
        "m_statut": person.statut,
        "m_date_effet_statut": person.date_effet_statut,
        "m_duree_inscription_12": person.duree_inscription_12,
        "m_duree_inscription_24": person.duree_inscription_24,
        "m_duree_inscription_36": person.duree_inscription_36,
    }
    pairs = {
        "m_motif_inscription": person.motif_inscription,
        "m_categ_inscription": person.categ_inscription,
        "m_situation_reg_emp": person.situation_reg_emp,
        "m_motif_cloture": person.motif_cloture,
    }
    for name, pair in pairs.items():
        contract[f"{name}_code"], contract[f"{name}_lib"] = pair or (None, NULL)
    return {"m_contrat": contract}


def orientations(person: FtPerson, decision: dict[str, Any] | None) -> list[dict[str, Any]] | None:
    """``None`` (204) for somebody without a path; ``decision`` is the last one that was told."""
    if person.parcours is None:
        return None
    structure = {
        "code_aurore": person.structure_aurore,
        "code_safir": person.structure_safir,
        "libelle_structure": person.structure_libelle,
    }
    return [
        {
            "parcours": (decision or {}).get("parcours") or person.parcours,
            "organisme": (decision or {}).get("organisme") or person.organisme,
            "structure": structure,
            "structure_decision": structure,
            "statut": "DECIDE" if decision else person.orientation_statut,
            "etat": person.orientation_etat,
            "date_entree_parcours": person.date_entree_parcours,
            "date_sortie_parcours": person.date_sortie_parcours,
            "motif_sortie_parcours": person.motif_sortie_parcours,
            "date_creation": person.date_creation,
            "date_modification": person.date_modification,
            "criteres_orientation": dict(person.criteres),
            "decision": _decision(decision),
        }
    ]


def _decision(decision: dict[str, Any] | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    told = ("etat_decision", "date_decision", "agent_decision", "motif_refus", "commentaire_refus")
    return {name: decision.get(name) for name in told}


def encode_twice(value: Any) -> Any:
    """What a library that reads UTF-8 as windows-1252 makes of accents; seen in real payloads."""
    if isinstance(value, dict):
        return {name: encode_twice(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [encode_twice(inner) for inner in value]
    if isinstance(value, str):
        return "".join(_misread(letter) for letter in value)
    return value


def _misread(letter: str) -> str:
    raw = letter.encode()
    return "".join(map(_as_windows, raw)) if len(raw) > 1 else letter


def _as_windows(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:  # five bytes mean nothing in windows-1252
        return chr(byte)
