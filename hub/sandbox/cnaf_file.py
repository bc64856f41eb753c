"""The VRSB0801 delivery of a département: windows-1252, strict element order, the blocks the hub must not read included."""

from __future__ import annotations

from itertools import groupby
from typing import IO, TYPE_CHECKING
from xml.sax.saxutils import escape

from hub.sandbox.dirt import plain, seen_by
from hub.sandbox.population import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from hub.sandbox.population import Adult

BODIES = {"08": "081", "52": "521"}


def write_cnaf(sink: IO[bytes], adults: Sequence[Adult], *, departement: str, when: date, seed: int, full: bool) -> int:
    """Write the households of ``adults``: a monthly picture (``full``) or a daily file. Returns how many households."""
    kind = "M" if full else "I"
    sink.write(_header(kind, when).encode("cp1252"))
    count = 0
    for _, household in groupby(adults, key=lambda adult: adult.household):
        count += 1
        said = _household(list(household), departement, seed, daily=not full, when=when)
        sink.write(said.encode("cp1252", "replace"))
    sink.write(_footer(count).encode("cp1252"))
    return count


def _tags(**leaves: str) -> str:
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in leaves.items())


def _header(kind: str, when: date) -> str:
    leaves = _tags(
        APPLIEME="CRI", NUMVERSIONAPPLIEME="6200", TYPEFLUX=kind, NATFLUX="D", DTCREAFLUX=when.isoformat(),
        HEUCREAFLUX="01:18:36.0000", DTREF=when.isoformat(),
    )  # fmt: skip
    return (
        f'<?xml version="1.0" encoding="windows-1252"?>\n<Racine>\n<IdentificationFlux>{leaves}</IdentificationFlux>\n'
    )


def _footer(count: int) -> str:
    leaves = _tags(NBTOTDOSRSATRANSM=f"{count:08d}", NBTOTDOSRSATRANSMANO="00000000")
    return f"<TransmissionFlux>{leaves}</TransmissionFlux>\n</Racine>\n"


def _household(adults: list[Adult], departement: str, seed: int, *, daily: bool, when: date) -> str:
    head = adults[0]
    body = _tags(FONORG="CAF", NUMORG=BODIES[departement], MATRICULE=head.caf_number.ljust(15, "0"))
    receiver = _tags(TYPEPARTE="CG ", IDEPARTE=f"0{departement}")
    claim = _tags(DTDEMRSA=head.claim_date.isoformat(), NUMDEMRSA=head.claim_number)
    children = head.household % 3
    persons = "".join(_adult(adult, seed) for adult in adults)
    persons += "".join(_child(head, rank) for rank in range(children))
    event = (
        "<Evenement>" + _tags(DTLIQ=when.isoformat(), HEULIQ="03:00:17.52", FG="SITPRO") + "</Evenement>"
        if daily
        else ""
    )
    return (
        f"<InfosFoyerRSA><IdentificationRSA><Organisme>{body}</Organisme><Partenaire>{receiver}</Partenaire>"
        f"<DemandeRSA>{claim}</DemandeRSA></IdentificationRSA>{persons}{_administrative(head, len(adults))}"
        f"{_right(head, children)}{event}</InfosFoyerRSA>\n"
    )


def _adult(adult: Adult, seed: int) -> str:
    seen = seen_by("caf", adult, seed)
    names = dict(zip(("PRENOM", "PRENOM2", "PRENOM3"), seen.first_names, strict=False))
    names = {tag: name[:15] if tag != "PRENOM" else name for tag, name in names.items()}
    leaves = {"QUAL": "MR" if adult.sex == "1" else "MME", "NOM": seen.usage_name, "NOMNAI": seen.birth_name, **names}
    leaves["NOMCOMNAI"] = plain(adult.birth_place[0])[:26]
    leaves["DTNAI"] = seen.birth_date.isoformat()
    if adult.birth_rank:
        leaves["RGNAI"] = str(adult.birth_rank)
    leaves["TYPEDTNAI"] = "N"
    if seen.nir:
        leaves["NIR"] = seen.nir
    leaves |= {"TOPVALIEC": "1" if seen.nir[:1] in "12" and seen.nir == adult.nir else "0", "SEXE": adult.sex}
    duties = _tags(TOPPERSDRODEVORSA=str(int(adult.rights_and_duties))) if adult.number % 50 else ""
    duties = f"<MontantCalculDroitRSAPersonne>{duties}</MontantCalculDroitRSAPersonne>" if duties else ""
    local = (
        f"<DossierPoleEmploi>{_tags(IDASSEDIC=adult.ft_local_id)}</DossierPoleEmploi>"
        if adult.in_ft and adult.number % 2
        else ""
    )
    return (
        f"<Personne><Identification>{_tags(**leaves)}</Identification>"
        f"<DossierCAF>{_tags(TOPRESPDOS=str(int(adult.role == 'DEM')), DDRATDOS='2015-05-15')}</DossierCAF>"
        f"{_benefits(adult.role, adult.role)}{local}{RESOURCES}{duties}"
        f"<Activite>{_tags(REG='GE', ACT='CHO', DDACT='2026-01-20')}</Activite></Personne>"
    )


def _benefits(family: str, rsa: str) -> str:
    return "".join(
        f"<Prestations>{_tags(NATPREST=kind, ROLEPERS=role, TOPCHAPERS=str(int(role == 'ENF')))}</Prestations>"
        for kind, role in (("PFA", family), ("RSA", rsa))
    )


def _child(head: Adult, rank: int) -> str:
    leaves = _tags(
        NOM=plain(head.usage_name)[:28], NOMNAI=plain(head.usage_name)[:28], PRENOM=("LEO", "LINA", "NOE")[rank],
        NOMCOMNAI=plain(head.commune[0])[:26], DTNAI=f"{2015 + rank}-04-12", TYPEDTNAI="N", TOPVALIEC="1", SEXE="1",
    )  # fmt: skip
    kin = _tags(
        NOMNAI=plain(head.birth_name)[:28],
        PRENOM=plain(head.first_names[0])[:32],
        DTNAI=head.birth_date.isoformat(),
        TYPEPAR="LEG",
    )
    return (
        f"<Personne><Identification>{leaves}</Identification><DossierCAF>{_tags(TOPRESPDOS='0', DDRATDOS='2018-01-01')}</DossierCAF>"
        f"{_benefits('ENF', 'ENF')}<Rattachement>{kin}</Rattachement>{RESOURCES}</Personne>"
    )


def _administrative(head: Adult, adults: int) -> str:
    situation = _tags(SITFAM="VIM" if adults > 1 else "CEL", DDSITFAM=head.claim_date.isoformat())
    number, way, street = head.address
    name, code, postcode = head.commune
    now = _tags(RGADR="01", DTEMM=head.address_since.isoformat(), PAYS="FRA", TYPEADR="D", ETATADR="CO")
    place = _tags(
        COMPLIDEADR="", COMPLADR="", NUMVOIE=number, LIBTYPEVOIE=plain(way), NOMVOIE=plain(street)[:32], LIEUDIST="",
        NUMCOM=code, CODEPOS=postcode, NOMCOM=plain(name)[:32],
    )  # fmt: skip
    return (
        f"<DonneesAdministratives><SituationFamille>{situation}</SituationFamille><Adresse><TroncCommunAdresse>{now}"
        f"</TroncCommunAdresse><AdresseDetailleeFrance>{place}</AdresseDetailleeFrance></Adresse></DonneesAdministratives>"
    )


def _right(head: Adult, children: int) -> str:
    since = (head.suspended_since or FIRST_DAY).isoformat()
    suspended = {
        "3": f"<SuspensionDroit>{_tags(MOTISUSDRORSA='GK', DDSUSDRORSA=since, NATGROUPFSUS='RSA')}</SuspensionDroit>",
        "4": f"<SuspensionVersement>{_tags(MOTISUSVERSRSA='06', DDSUSVERSRSA=since)}</SuspensionVersement>",
    }.get(head.rsa_state, "")
    common = _tags(TOPSANSDOMFIXE="0", NBENFAUTCHA=f"{children:02d}", ORIDEMRSA="DEM", TOPFOYDRODEVORSA="1")
    return (
        f"<PrestationRSA><SituationDossierRSA><EtatDossierRSA>{_tags(ETATDOSRSA=head.rsa_state)}</EtatDossierRSA>{suspended}"
        f"</SituationDossierRSA><DetailDroitRSA><TroncCommunDroitRSA>{common}</TroncCommunDroitRSA>{AMOUNTS}</DetailDroitRSA></PrestationRSA>"
    )


def _resources() -> str:
    quarter = f"<GeneraliteRessourcesTrimestre>{_tags(TOPRESSNUL='0', DDRESS='2026-07-01', DFRESS='2026-09-30')}</GeneraliteRessourcesTrimestre>"
    details = "".join(
        f"<DetailRessourcesMensuelles>{_tags(NATRESS=kind, MTNATRESSMEN=amount)}</DetailRessourcesMensuelles>"
        for kind, amount in (("001", "0000120.00"), ("010", "0000045.00"), ("044", "0000010.00"))
    )
    months = "".join(
        "<RessourcesMensuelles><GeneraliteRessourcesMensuelles>"
        f"{_tags(MOISRESS=f'2026-0{month}-01', NBHEUMENTRA='010')}</GeneraliteRessourcesMensuelles>{details}</RessourcesMensuelles>"
        for month in (7, 8, 9)
    )
    return f"<Ressources>{quarter}{months}</Ressources>"


def _amounts() -> str:
    last = _tags(
        DDELECAL="2026-10-01", MTREVMINIGARARSA="0000607.75", MTPENTRSA="0000000.00", MTLOCALRSA="0000000.00",
        MTREVGARARSA="0000607.75", MTPFRSA="0000000.00", MTALRSA="0000072.93", MTRESSMENRSA="0000058.00",
        MTSANOBLALIMRSA="0000000.00", MTREDHOSRSA="0000000.00", MTREDCGRSA="0000000.00", MTCUMINTEGRSA="0000000.00",
        MTABANEURSA="0000000.00", MTTOTDRORSA="0000476.82",
    )  # fmt: skip
    kind = _tags(NATPF="RSD", SOUSNATPF="RSDN2", DDNATDRO="2026-01-01", MTRSAVERS="0000476.82")
    return f"<MontantsCalculDroitRSA>{last}</MontantsCalculDroitRSA><DetailCalculDroitRSA>{kind}</DetailCalculDroitRSA>"


RESOURCES, AMOUNTS = _resources(), _amounts()


def of_departement(adults: Iterable[Adult], departement: str) -> list[Adult]:
    """The adults CAF knows in a département, households together."""
    known = [adult for adult in adults if adult.in_caf and adult.departement == departement]
    return sorted(known, key=lambda adult: (adult.household, adult.number))
