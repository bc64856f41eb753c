"""What the suite says, in French: what is expected of a delivery, and what was found instead. Rates and counts only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quality.declaration import Expectation
    from quality.measures import Measure

SAID = {
    "records": "La livraison compte {value:.0f} enregistrements",
    "fill_rate": "Le champ {field} est rempli à {percent:.0f} %",
    "quarantined_share": "{percent:.0f} % des enregistrements sont refusés",
    "volume_change": "Le volume s'écarte de l'habitude du flux d'un facteur {factor:.1f} ({about})",
    "fill_change": "Le remplissage du champ {about} s'écarte de {percent:.0f} % de l'habitude du flux",
    "code_change": "Les codes du champ {about} se répartissent autrement que d'habitude (écart de {percent:.0f} %)",
    "missing_columns": "Colonnes attendues et absentes : {value:.0f} ({about})",
}
MEASURED = {
    "records": "Nombre d'enregistrements",
    "fill_rate": "Remplissage du champ {field}",
    "quarantined_share": "Part des enregistrements refusés",
    "volume_change": "Volume, comparé à l'habitude du flux",
    "fill_change": "Remplissage du champ qui a le plus changé, écart à l'habitude du flux",
    "code_change": "Répartition des codes du champ qui a le plus changé, écart à l'habitude du flux",
    "missing_columns": "Colonnes absentes que la livraison précédente avait",
}
CONSEQUENCES = {"hold": "sinon la livraison est retenue", "warn": "sinon une alerte est levée"}
KINDS = {"full": "livraisons complètes", "delta": "livraisons de changements"}
COUNTS = {"records", "missing_columns"}


def finding(expectation: Expectation, measured: Measure) -> str:
    """What was found of a delivery, where it is not what was expected."""
    said = SAID[expectation.expect].format(
        value=measured.value,
        percent=measured.value * 100,
        factor=measured.value + 1,
        about=measured.about,
        field=expectation.field,
    )
    return f"{said} ; attendu : {bounds(expectation)}."


def promise(expectation: Expectation) -> str:
    """What is expected of every delivery, of which kind, and what happens otherwise."""
    only = f" ({KINDS[expectation.kind]})" if expectation.kind else ""
    return f"{subject(expectation)}{only} : {bounds(expectation)} ; {CONSEQUENCES[expectation.severity]}"


def subject(expectation: Expectation) -> str:
    """What an expectation looks at."""
    return MEASURED[expectation.expect].format(field=expectation.field)


def bounds(expectation: Expectation) -> str:
    """Between what and what."""
    said = [f"au moins {figure(expectation, expectation.at_least)}"] if expectation.at_least is not None else []
    said += [f"au plus {figure(expectation, expectation.at_most)}"] if expectation.at_most is not None else []
    return ", ".join(said)


def figure(expectation: Expectation, value: float) -> str:
    """A measure as a person reads it: a count, a percentage, or how many times more or less."""
    if expectation.expect == "volume_change":
        return f"un facteur {value + 1:.1f}"
    return f"{value:.0f}" if expectation.expect in COUNTS else f"{value * 100:.0f} %"
