"""Small deliveries, written by hand, for the tests of the way in."""

from __future__ import annotations


def caf(day, people, *, kind="I", departement="08", total=None, extra="", stamp="01:18:36.0000"):
    """A CAF delivery: ``people`` are (claim, first name, postcode); one household each."""
    units = "".join(_household(claim, first, postcode, departement) for claim, first, postcode in people)
    header = (
        f"<APPLIEME>CRI</APPLIEME><NUMVERSIONAPPLIEME>6200</NUMVERSIONAPPLIEME><TYPEFLUX>{kind}</TYPEFLUX><NATFLUX>D</NATFLUX>"
        f"<DTCREAFLUX>{day}</DTCREAFLUX><HEUCREAFLUX>{stamp}</HEUCREAFLUX><DTREF>{day}</DTREF>"
    )
    count = len(people) if total is None else total
    return (
        f'<?xml version="1.0" encoding="windows-1252"?>\n<Racine><IdentificationFlux>{header}</IdentificationFlux>{extra}{units}'
        f"<TransmissionFlux><NBTOTDOSRSATRANSM>{count:08d}</NBTOTDOSRSATRANSM>"
        "<NBTOTDOSRSATRANSMANO>00000000</NBTOTDOSRSATRANSMANO></TransmissionFlux></Racine>"
    ).encode("cp1252")


def _household(claim, first, postcode, departement):
    return (
        f"<InfosFoyerRSA><IdentificationRSA><Organisme><FONORG>CAF</FONORG><NUMORG>{departement}1</NUMORG>"
        f"<MATRICULE>{claim:07d}00000000</MATRICULE></Organisme><Partenaire><TYPEPARTE>CG </TYPEPARTE><IDEPARTE>0{departement}"
        f"</IDEPARTE></Partenaire><DemandeRSA><DTDEMRSA>2024-01-15</DTDEMRSA><NUMDEMRSA>{claim:011d}</NUMDEMRSA></DemandeRSA>"
        f"</IdentificationRSA><Personne><Identification><QUAL>MME</QUAL><NOM>DURAND</NOM><NOMNAI>DURAND</NOMNAI><PRENOM>{first}</PRENOM>"
        f"<DTNAI>19{60 + claim % 40}-0{1 + claim % 9}-11</DTNAI><TYPEDTNAI>N</TYPEDTNAI></Identification><Prestations><NATPREST>RSA</NATPREST>"
        "<ROLEPERS>DEM</ROLEPERS></Prestations></Personne><DonneesAdministratives><Adresse><TroncCommunAdresse><RGADR>01</RGADR>"
        f"</TroncCommunAdresse><AdresseDetailleeFrance><CODEPOS>{postcode}</CODEPOS></AdresseDetailleeFrance></Adresse></DonneesAdministratives>"
        "<PrestationRSA><SituationDossierRSA><EtatDossierRSA><ETATDOSRSA>2</ETATDOSRSA></EtatDossierRSA></SituationDossierRSA></PrestationRSA>"
        "</InfosFoyerRSA>"
    )
