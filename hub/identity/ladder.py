"""The ladder: what two records say of each other, rung by rung; doubtful pairs go to a person, never to a merge.

Rungs, in order: certain numbers that differ; a number shared; a number missing on one side and civil status that agrees with
two independent supports. A scoring rung may be appended: a rung takes a comparison and returns a verdict or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rapidfuzz.distance import JaroWinkler

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.identity.standardise import Keys

Decision = Literal["link", "review", "never"]
Level = Literal["egal", "proche", "different", "absent", "inverse"]

CLOSE_NAME = 0.92
CLOSE_FIRST_NAME = 0.90
TRUNCATED_AT = 13
ENOUGH_SUPPORTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Levels per field, and the independent supports that agree. No value of anybody."""

    same_flow: bool
    nir: Level
    both_certified: bool
    birth_date: Level
    name: Level
    first_name: Level
    birth_rank_differs: bool
    sex_differs: bool
    supports: tuple[str, ...]

    def levels(self) -> dict[str, object]:
        """The evidence as stored with a decision."""
        return {
            "nir": self.nir,
            "date_naissance": self.birth_date,
            "nom": self.name,
            "prenom": self.first_name,
            "appuis": list(self.supports),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rung says of a pair."""

    decision: Decision
    rung: str
    score: float


def compare(a: Keys, b: Keys) -> Comparison:
    """Compare two records field by field."""
    return Comparison(
        same_flow=a.flow == b.flow,
        nir=_equal(a.nir_hash, b.nir_hash),
        both_certified=a.nir_certified and b.nir_certified,
        birth_date=_birth_date(a, b),
        name=_name(a, b),
        first_name=_first_name(a, b),
        birth_rank_differs=bool(a.birth_rank and b.birth_rank and a.birth_rank != b.birth_rank),
        sex_differs=bool(a.sex and b.sex and a.sex != b.sex),
        supports=tuple(name for name, agrees in SUPPORTS.items() if agrees(a, b)),
    )


def _equal(a: object, b: object) -> Level:
    if a is None or b is None:
        return "absent"
    return "egal" if a == b else "different"


def _birth_date(a: Keys, b: Keys) -> Level:
    if a.birth_date is None or b.birth_date is None:
        return "absent"
    precisions = {a.birth_date_precision, b.birth_date_precision}
    if "year" in precisions:
        return _equal(a.birth_date.year, b.birth_date.year)
    if "month" in precisions:
        return _equal((a.birth_date.year, a.birth_date.month), (b.birth_date.year, b.birth_date.month))
    if a.birth_date == b.birth_date:
        return "egal"
    swapped = (a.birth_date.year, a.birth_date.day, a.birth_date.month) == (
        b.birth_date.year,
        b.birth_date.month,
        b.birth_date.day,
    )
    return "inverse" if swapped else "different"


def _name(a: Keys, b: Keys) -> Level:
    if not a.names or not b.names:
        return "absent"
    if a.names & b.names:
        return "egal"
    close = any(
        _truncated(one, other) or JaroWinkler.similarity(one, other) >= CLOSE_NAME
        for one in a.names
        for other in b.names
    )
    return "proche" if close else "different"


def _first_name(a: Keys, b: Keys) -> Level:
    if a.first_name is None or b.first_name is None:
        return "absent"
    if a.first_name == b.first_name:
        return "egal"
    if _truncated(a.first_name, b.first_name) or JaroWinkler.similarity(a.first_name, b.first_name) >= CLOSE_FIRST_NAME:
        return "proche"
    return "different"


def _truncated(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= TRUNCATED_AT and (one.startswith(other) or other.startswith(one))


# A support is independent of name and birth date. A household shares phone, address and CAF number: with the same birth
# date and first name they still tell the person, alone they never do.
SUPPORTS: dict[str, Callable[[Keys, Keys], bool]] = {
    "lieu_naissance": lambda a, b: bool(a.birth_place) and a.birth_place == b.birth_place,
    "adresse": lambda a, b: bool(a.place) and a.place == b.place,
    "telephone": lambda a, b: bool(set(a.phones) & set(b.phones)),
    "courriel": lambda a, b: bool(a.email) and a.email == b.email,
    "numero_caf": lambda a, b: bool(a.caf_number) and a.caf_number == b.caf_number,
    "numero_france_travail": lambda a, b: (
        bool(a.france_travail_number) and a.france_travail_number == b.france_travail_number
    ),
    "identifiant_pole_emploi": lambda a, b: (
        bool(a.france_travail_local_id) and a.france_travail_local_id == b.france_travail_local_id
    ),
}


def certain_difference(seen: Comparison) -> Verdict | None:
    """Deux numéros certifiés différents, ou deux rangs de naissance différents : ce sont deux personnes."""
    if seen.nir == "different" and seen.both_certified:
        return Verdict(decision="never", rung="nir_certifies_differents", score=0.0)
    if seen.birth_rank_differs and seen.birth_date == "egal" and seen.nir != "egal":
        return Verdict(decision="never", rung="rangs_de_naissance_differents", score=0.0)
    return None


def shared_number(seen: Comparison) -> Verdict | None:
    """Le même numéro : la même personne si la naissance et le nom suivent, sinon une erreur à examiner."""
    if seen.nir != "egal":
        return None
    born_alike = seen.birth_date in {"egal", "inverse"}
    named_alike = seen.name in {"egal", "proche"} or seen.first_name in {"egal", "proche"}
    if born_alike and named_alike and seen.first_name != "different":
        return Verdict(decision="link", rung="nir", score=0.99 if seen.birth_date == "egal" else 0.97)
    return Verdict(decision="review", rung="nir_en_conflit", score=0.5)


def different_numbers(seen: Comparison) -> Verdict | None:
    """Deux numéros différents : jamais la même personne sans qu'un agent le dise, même si tout le reste concorde."""
    if seen.nir != "different":
        return None
    alike = seen.birth_date == "egal" and seen.name == "egal" and seen.first_name == "egal"
    if alike and not seen.same_flow:
        return Verdict(decision="review", rung="nir_differents", score=0.4)
    return Verdict(decision="never", rung="nir_differents", score=0.0)


def civil_status(seen: Comparison) -> Verdict | None:
    """Pas de numéro d'un côté : l'état civil et deux appuis indépendants suffisent, un seul demande un avis."""
    if (
        seen.same_flow
        or seen.birth_date != "egal"
        or seen.name not in {"egal", "proche"}
        or seen.first_name not in {"egal", "proche"}
    ):
        return None
    exact = seen.name == "egal" and seen.first_name == "egal" and not seen.sex_differs
    if exact and len(seen.supports) >= ENOUGH_SUPPORTS:
        return Verdict(decision="link", rung="etat_civil", score=min(0.90 + 0.01 * len(seen.supports), 0.95))
    if seen.supports:
        return Verdict(decision="review", rung="etat_civil_a_confirmer", score=0.6)
    return None


RUNGS: tuple[Callable[[Comparison], Verdict | None], ...] = (
    certain_difference,
    shared_number,
    different_numbers,
    civil_status,
)


def judge(a: Keys, b: Keys) -> tuple[Verdict | None, Comparison]:
    """The first rung that speaks; nothing when none does."""
    seen = compare(a, b)
    for rung in RUNGS:
        verdict = rung(seen)
        if verdict is not None:
            return verdict, seen
    return None, seen
