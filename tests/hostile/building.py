"""How the bytes of a hostile delivery are built: a small good one of its flow, then edits, or a named generator."""

from __future__ import annotations

import base64
import csv
import io
import json

import packing
import producing

PIVOT = [
    "Identifiant dans le SI",
    "Prénom",
    "Nom",
    "Date de naissance",
    "NIR",
    "Lieu de naissance",
    "Téléphone",
    "Email",
    "Adresse",
    "Adresse (complément)",
    "Code postal",
    "Ville",
    "Situation",
    "Numéro allocataire CAF/MSA",
    "Identifiant Pôle emploi",
    "Droits RSA",
    "Droits ARE",
    "Droits ASS",
    "Prime d'activité",
    "RQTH",
    "Zone de mobilité",
    "Emploi recherché (code ROME)",
    "Niveau de formation",
    "Structure",
    "Accompagnateurs",
]
HEADER = {
    "APPLIEME": "CRI", "NUMVERSIONAPPLIEME": "6200", "TYPEFLUX": "I", "NATFLUX": "D",
    "DTCREAFLUX": "2026-11-20", "HEUCREAFLUX": "01:18:36.0000", "DTREF": "2026-11-20",
}  # fmt: skip
GOOD = 3


def household(number, more=""):
    """One invented household of one adult."""
    return (
        f"<InfosFoyerRSA><IdentificationRSA><Organisme><FONORG>CAF</FONORG><NUMORG>081</NUMORG><MATRICULE>{number:07d}00000000</MATRICULE>"
        "</Organisme><Partenaire><TYPEPARTE>CG </TYPEPARTE><IDEPARTE>008</IDEPARTE></Partenaire><DemandeRSA><DTDEMRSA>2024-03-01</DTDEMRSA>"
        f"<NUMDEMRSA>{number:011d}</NUMDEMRSA></DemandeRSA></IdentificationRSA><Personne><Identification><QUAL>MME</QUAL><NOM>MARTIN</NOM>"
        f"<NOMNAI>LEFEVRE</NOMNAI><PRENOM>ZOE</PRENOM><NOMCOMNAI>REIMS</NOMCOMNAI><DTNAI>19{60 + number % 40}-06-12</DTNAI><RGNAI>1</RGNAI>"
        "<TYPEDTNAI>N</TYPEDTNAI><NIR></NIR><TOPVALIEC>1</TOPVALIEC><SEXE>2</SEXE></Identification>"
        "<Prestations><NATPREST>RSA</NATPREST><ROLEPERS>DEM</ROLEPERS></Prestations></Personne><DonneesAdministratives>"
        "<SituationFamille><SITFAM>CEL</SITFAM><DDSITFAM>2020-01-01</DDSITFAM></SituationFamille>"
        "<Adresse><TroncCommunAdresse><RGADR>01</RGADR><DTEMM>2023-05-01</DTEMM></TroncCommunAdresse><AdresseDetailleeFrance><NUMVOIE>11</NUMVOIE>"
        "<LIBTYPEVOIE>RUE</LIBTYPEVOIE><NOMVOIE>HAUTE</NOMVOIE><CODEPOS>8300</CODEPOS><NOMCOM>RETHEL</NOMCOM></AdresseDetailleeFrance></Adresse>"
        "</DonneesAdministratives><PrestationRSA><SituationDossierRSA><EtatDossierRSA><ETATDOSRSA>2</ETATDOSRSA></EtatDossierRSA>"
        "<SuspensionDroit><MOTISUSDRORSA>GK</MOTISUSDRORSA><DDSUSDRORSA>2026-09-01</DDSUSDRORSA></SuspensionDroit></SituationDossierRSA>"
        f"<DetailDroitRSA><TroncCommunDroitRSA><NBENFAUTCHA>01</NBENFAUTCHA></TroncCommunDroitRSA></DetailDroitRSA></PrestationRSA>{more}</InfosFoyerRSA>\n"
    )


def caf(units):
    """A CAF delivery of these households."""
    head = "".join(f"<{tag}>{value}</{tag}>" for tag, value in HEADER.items())
    return (
        f'<?xml version="1.0" encoding="windows-1252"?>\n<Racine>\n<IdentificationFlux>{head}</IdentificationFlux>\n{"".join(units)}'
        f"<TransmissionFlux><NBTOTDOSRSATRANSM>{len(units):08d}</NBTOTDOSRSATRANSM>"
        "<NBTOTDOSRSATRANSMANO>00000000</NBTOTDOSRSATRANSMANO></TransmissionFlux>\n</Racine>\n"
    )


def pivot_row(number):
    """One invented person of the pivot file."""
    given = {
        "Identifiant dans le SI": f"A{number}",
        "Prénom": "Zoé",
        "Nom": "Lefèvre",
        "Date de naissance": f"12/06/19{60 + number % 40}",
    }
    return {name: given.get(name, "") for name in PIVOT}


def pivot(rows):
    """A pivot file of these rows."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(PIVOT)
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def usager(number):
    """One invented answer of France Travail."""
    civil = {"dateNaissance": f"19{60 + number % 40}-06-12", "nom": "LEFEVRE", "prenom": "ZOE"}
    return {
        "recherche": {"codeRetour": "S001"},
        "administratif": {"numeroFranceTravail": f"{number:011d}", "etatCivil": civil, "adresses": [], "emails": [], "telephones": []},
        "contrat": {"m_contrat": {"m_statut": "Inscrit"}}, "orientation": [],
    }  # fmt: skip


def usagers(people):
    """A pull of these answers."""
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in people)


GOOD_DELIVERY = {
    "caf_rsa": lambda: caf([household(n) for n in range(1, GOOD + 1)]),
    "departement_pivot": lambda: pivot([pivot_row(n) for n in range(1, GOOD + 1)]),
    "pole_emploi_usagers": lambda: usagers([usager(n) for n in range(1, GOOD + 1)]),
}
ENCODING = {"caf_rsa": "cp1252", "departement_pivot": "utf-8", "pole_emploi_usagers": "utf-8"}


def content_of(case):
    """The bytes of a case: its text, its bytes, what a generator makes, or a good delivery of its flow; then its edits."""
    flow = case["flow"]
    if "hex" in case:
        content = bytes.fromhex(case["hex"])
    elif "base64" in case:
        content = base64.b64decode(case["base64"])
    elif "text" in case:
        content = case["text"].encode(case.get("encoding", ENCODING[flow]))
    elif "make" in case:
        content = getattr(producing, case["make"])(**case.get("with", {}))
    else:
        content = GOOD_DELIVERY[flow]().encode(ENCODING[flow])
    for edit in case.get("edits", ()):
        [(name, given)] = edit.items()
        content = EDITS[name](content, given, flow)
    return packing.pack(content, case["pack"]) if "pack" in case else content


def _bytes(text, flow):
    return bytes.fromhex(text["hex"]) if isinstance(text, dict) else str(text).encode(ENCODING[flow])


def _found(content, text):
    assert text in content, f"nothing to edit: {text!r}"
    return content.index(text)


def _replace(content, given, flow):
    old, new = (_bytes(each, flow) for each in given[:2])
    _found(content, old)
    return content.replace(old, new, given[2] if len(given) > 2 else 1)


def _cut(content, given, flow):
    marker = _bytes(given, flow)
    return content[: _found(content, marker) + len(marker)]


def _recode(content, given, flow):
    return content.decode(ENCODING[flow]).encode(given)


EDITS = {
    "replace": _replace,
    "cut_after": _cut,
    "insert_after": lambda content, given, flow: _replace(content, [given[0], {"hex": (_bytes(given[0], flow) + _bytes(given[1], flow)).hex()}], flow),
    "prepend": lambda content, given, flow: _bytes(given, flow) + content,
    "append": lambda content, given, flow: content + _bytes(given, flow),
    "recode": _recode,
    "keep_first": lambda content, given, flow: content[:given],
    "drop_last": lambda content, given, flow: content[:-given],
    "twice": lambda content, given, flow: content + content,
}  # fmt: skip
