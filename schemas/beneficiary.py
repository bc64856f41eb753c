"""The common record: what one delivery says about one person, whoever the partner is.

A record has two equal forms. *Nested* is this pydantic model, the published contract. *Flat* is a mapping from
``block.field`` to a JSON value, the form that travels in tables and in the store; an absent field has no key.
Dates are ISO text. Codes are kept as received when no list knows them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from schemas.facts import Fact, Owner, Sensitivity, fact, read_fact

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "1.0"

CAF, PE, DEPT, SECOND = Owner.CAF, Owner.POLE_EMPLOI, Owner.DEPARTEMENT, Owner.SECOND_CIRCLE
CONTACT, NIR, SENSITIVE = Sensitivity.CONTACT, Sensitivity.NIR, Sensitivity.SENSITIVE


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(Block):
    """Who the person is."""

    birth_name: str | None = fact("Nom de naissance", CAF)
    usage_name: str | None = fact("Nom d'usage", CAF)
    first_names: list[str] | None = fact("Prénoms, dans l'ordre de l'état civil", CAF)
    title: str | None = fact("Civilité", CAF, codes="title")
    sex: Literal["1", "2"] | None = fact("Sexe (1 homme, 2 femme)", CAF, codes="sex")
    birth_date: str | None = fact("Date de naissance", CAF, pattern=r"^\d{4}-\d{2}-\d{2}$")
    birth_date_precision: Literal["day", "month", "year"] | None = fact("Précision de la date de naissance", CAF)
    birth_place_name: str | None = fact("Commune de naissance", CAF)
    birth_place_code: str | None = fact("Code de la commune de naissance", CAF)
    birth_country: str | None = fact("Pays de naissance", CAF)
    birth_rank: int | None = fact("Rang de naissance (naissances multiples)", CAF, ge=1, le=9)
    nir: str | None = fact("Numéro de sécurité sociale (13 caractères)", CAF, sensitivity=NIR)
    nir_key_status: Literal["given_ok", "given_wrong", "computed", "malformed"] | None = fact(
        "État de la clé du NIR", CAF
    )
    nir_kind: Literal["definitive", "provisional", "incomplete", "fictitious", "unknown"] | None = fact(
        "Nature du NIR", CAF
    )
    certified: bool | None = fact("État civil certifié", CAF)


class Identifiers(Block):
    """The numbers under which each partner knows the person."""

    caf_number: str | None = fact("Numéro d'allocataire CAF", CAF)
    caf_body_kind: str | None = fact("Organisme payeur (CAF ou MSA)", CAF, codes="body_kind")
    caf_body: str | None = fact("Code de l'organisme payeur", CAF, codes="paying_body")
    claim_number: str | None = fact("Numéro de demande RSA", CAF)
    france_travail_number: str | None = fact("Numéro France Travail (11 chiffres)", PE)
    france_travail_local_id: str | None = fact("Identifiant Pôle emploi local (8 caractères)", PE)
    france_travail_extract_id: str | None = fact("Identifiant unique du demandeur d'emploi dans l'extrait", PE)
    departement_id: str | None = fact("Identifiant dans le SI du département", DEPT)
    departement: str | None = fact("Département destinataire", CAF, codes="departement")


class Household(Block):
    """The foyer the person belongs to, as the RSA sees it."""

    role: str | None = fact("Rôle dans le foyer RSA", CAF, codes="household_role")
    family_situation: str | None = fact("Situation familiale", CAF, codes="family_situation")
    family_situation_since: str | None = fact("Situation familiale depuis", CAF)
    dependants: int | None = fact("Enfants et autres personnes à charge", CAF, ge=0)


class Contact(Block):
    """How to reach the person, and since when each means is known."""

    address_complement: str | None = fact("Complément d'adresse", CAF, sensitivity=CONTACT)
    address_street: str | None = fact("Numéro et voie", CAF, sensitivity=CONTACT)
    postcode: str | None = fact("Code postal", CAF, sensitivity=CONTACT)
    commune_code: str | None = fact("Code INSEE de la commune", CAF, sensitivity=CONTACT)
    commune_name: str | None = fact("Commune", CAF, sensitivity=CONTACT)
    country: str | None = fact("Pays de résidence", CAF, sensitivity=CONTACT, codes="country_of_residence")
    address_since: str | None = fact("Adresse connue depuis", CAF, sensitivity=CONTACT)
    address_quality: str | None = fact("Qualité de l'adresse", CAF, codes="address_quality")
    no_fixed_address: bool | None = fact("Sans domicile fixe", CAF, sensitivity=CONTACT)
    phones: list[str] | None = fact("Téléphones (format international)", PE, sensitivity=CONTACT)
    phones_changed_on: str | None = fact("Téléphone modifié le", PE)
    phone_opt_in: str | None = fact("Accord pour le téléphone", CAF, codes="opt_in")
    email: str | None = fact("Adresse électronique", PE, sensitivity=CONTACT)
    email_changed_on: str | None = fact("Adresse électronique modifiée le", PE)
    email_opt_in: str | None = fact("Accord pour le courriel", CAF, codes="opt_in")


class Suspension(Block):
    """One suspension of the RSA; a file may carry several at once."""

    kind: Literal["right", "payment"]
    reason: str
    since: str
    benefit_group: str | None = None


class Rsa(Block):
    """The right to RSA, and the duties that go with it."""

    claim_date: str | None = fact("Date de la demande RSA", CAF)
    state: str | None = fact("État du dossier RSA", CAF, codes="rsa_state")
    suspensions: list[Suspension] | None = fact("Suspensions en cours", CAF, codes="suspension_reason")
    refusal_reason: str | None = fact("Motif de refus", CAF, codes="refusal_reason")
    refusal_date: str | None = fact("Date de refus", CAF)
    closure_reason: str | None = fact("Motif de clôture", CAF, codes="closure_reason")
    closure_date: str | None = fact("Date de clôture", CAF)
    rights_and_duties: bool | None = fact("Soumis aux droits et devoirs", CAF)
    rights_and_duties_new: bool | None = fact("Entre dans les droits et devoirs", CAF)
    beneficiary: bool | None = fact("Bénéficiaire du RSA, vu par un autre partenaire", CAF)


class JobSeeker(Block):
    """Registration with France Travail."""

    status: str | None = fact("Statut d'inscription", PE, codes="registration_status")
    status_since: str | None = fact("Statut depuis", PE)
    registered_on: str | None = fact("Date d'inscription", PE)
    category: str | None = fact("Catégorie d'inscription", PE, codes="registration_category")
    registration_reason: str | None = fact("Motif d'inscription", PE)
    closure_reason: str | None = fact("Motif de cessation", PE)
    months_registered_of_12: int | None = fact("Mois d'inscription sur les 12 derniers", PE, ge=0, le=12)
    months_registered_of_24: int | None = fact("Mois d'inscription sur les 24 derniers", PE, ge=0, le=24)
    months_registered_of_36: int | None = fact("Mois d'inscription sur les 36 derniers", PE, ge=0, le=36)
    rome_1: str | None = fact("Métier recherché (code ROME)", PE)
    rome_1_label: str | None = fact("Métier recherché", PE)
    rome_2: str | None = fact("Second métier recherché (code ROME)", PE)
    agency_safir: str | None = fact("Agence (code SAFIR)", PE)
    agency_name: str | None = fact("Agence", PE)
    support_level: str | None = fact("Modalité d'accompagnement", PE, codes="support_level")
    activity: str | None = fact("Situation d'activité", DEPT, codes="activity")


class Orientation(Block):
    """Which path was recommended or decided, and who follows it."""

    pathway: str | None = fact("Parcours d'orientation", DEPT, codes="pathway")
    body: str | None = fact("Organisme d'accompagnement", DEPT, codes="orientation_body")
    status: str | None = fact("Statut de l'orientation (préconisée, décidée)", DEPT, codes="orientation_status")
    state: str | None = fact("État de l'orientation", DEPT, codes="orientation_state")
    origin: str | None = fact("Origine de l'orientation", DEPT)
    decided_on: str | None = fact("Date de la décision d'orientation", DEPT)
    started_on: str | None = fact("Entrée dans le parcours", DEPT)
    ended_on: str | None = fact("Sortie du parcours", DEPT)
    structure_name: str | None = fact("Structure d'accompagnement", DEPT)
    structure_code: str | None = fact("Code de la structure (Aurore)", DEPT)
    structure_siret: str | None = fact("SIRET de la structure d'accompagnement", DEPT)


class Referent(Block):
    """The professional in charge of the person's path."""

    last_name: str | None = fact("Nom du référent", DEPT)
    first_name: str | None = fact("Prénom du référent", DEPT)
    email: str | None = fact("Courriel professionnel du référent", DEPT)
    phone: str | None = fact("Téléphone professionnel du référent", DEPT)
    structure_name: str | None = fact("Structure du référent", DEPT)
    since: str | None = fact("Référent depuis", DEPT)


class Contract(Block):
    """The commitment in force: CER, PPAE or contrat d'engagement."""

    kind: str | None = fact("Nature du contrat", DEPT, codes="contract_kind")
    state: str | None = fact("État du contrat", DEPT, codes="contract_state")
    starts_on: str | None = fact("Début du contrat", DEPT)
    ends_on: str | None = fact("Fin du contrat", DEPT)
    signed_on: str | None = fact("Contrat signé le", DEPT)
    rank: str | None = fact("Rang du contrat", DEPT, codes="contract_rank")


class Appointment(Block):
    """The first appointment of the path."""

    starts_at: str | None = fact("Premier rendez-vous", DEPT)
    reason: str | None = fact("Motif du rendez-vous", DEPT, codes="appointment_reason")
    status: str | None = fact("Statut du rendez-vous", DEPT, codes="appointment_status")
    modality: str | None = fact("Modalité du rendez-vous", DEPT, codes="appointment_modality")
    place: str | None = fact("Lieu du rendez-vous", DEPT)


class Action(Block):
    """One step towards employment: a training course, a workshop, a placement."""

    code: str | None = None
    label: str
    starts_on: str | None = None
    ends_on: str | None = None


class Actions(Block):
    items: list[Action] | None = fact("Actions prescrites", PE)


class Diagnosis(Block):
    """What helps and what stands in the way; health-like fields are sensitive."""

    study_level: str | None = fact("Niveau de formation", PE, codes="study_level")
    mobility_zone: str | None = fact("Zone de mobilité (km)", PE)
    driving_licence: bool | None = fact("Permis B", DEPT)
    job_sought: str | None = fact("Emploi recherché", PE)
    obstacles: list[str] | None = fact("Freins identifiés", PE, codes="obstacle")
    health_constraint: str | None = fact("Contrainte de santé", PE, sensitivity=SENSITIVE)
    disabled_worker: bool | None = fact("Reconnaissance de travailleur handicapé", PE, sensitivity=SENSITIVE)
    unemployment_benefit: bool | None = fact("Droit à l'ARE", PE)
    solidarity_benefit: bool | None = fact("Droit à l'ASS", PE)
    activity_bonus: bool | None = fact("Prime d'activité", CAF)


class FollowUp(Block):
    """A follow-up by an actor of the second circle."""

    kind: str
    structure_name: str | None = None
    structure_siret: str | None = None
    starts_on: str | None = None
    ends_on: str | None = None
    exit_reason: str | None = None


class FollowUps(Block):
    items: list[FollowUp] | None = fact("Accompagnements du second cercle", SECOND, codes="follow_up_kind")


class Structure(Block):
    """The structure that speaks, for a partner of the second circle."""

    siret: str | None = fact("SIRET de la structure", SECOND, pattern=r"^\d{14}$")
    name: str | None = fact("Nom de la structure", SECOND)


class Beneficiary(Block):
    """One record of the common schema."""

    identity: Identity = Identity()
    identifiers: Identifiers = Identifiers()
    household: Household = Household()
    contact: Contact = Contact()
    rsa: Rsa = Rsa()
    job_seeker: JobSeeker = JobSeeker()
    orientation: Orientation = Orientation()
    referent: Referent = Referent()
    contract: Contract = Contract()
    appointment: Appointment = Appointment()
    actions: Actions = Actions()
    diagnosis: Diagnosis = Diagnosis()
    follow_ups: FollowUps = FollowUps()
    structure: Structure = Structure()

    @classmethod
    def from_flat(cls, flat: Mapping[str, Any]) -> Beneficiary:
        """Build the nested form; raises pydantic's ``ValidationError`` on an unknown path or a wrong value."""
        nested: dict[str, dict[str, Any]] = {}
        for path, value in flat.items():
            block, _, field = path.partition(".")
            nested.setdefault(block, {})[field] = value
        return cls.model_validate(nested)

    def to_flat(self) -> dict[str, Any]:
        """Return the flat form, absent fields left out."""
        nested = self.model_dump(mode="json", exclude_none=True)
        return {f"{block}.{field}": value for block, fields in nested.items() for field, value in fields.items()}


@cache
def facts() -> dict[str, Fact]:
    """Every field of the common record by its path, in reading order."""
    found: dict[str, Fact] = {}
    for block, field in Beneficiary.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, Block)):
            message = f"{block} is not a block"
            raise TypeError(message)
        for name, info in model.model_fields.items():
            path = f"{block}.{name}"
            found[path] = read_fact(path, info)
    return found
