"""Birth places: INSEE codes of then and now made comparable."""

from __future__ import annotations

import re

from hub.identity.french.text import letters

ARRONDISSEMENTS = {"751": "75056", "6938": "69123", "132": "13055"}
BEFORE_INDEPENDENCE = {"91": "99352", "92": "99352", "93": "99352", "94": "99352", "95": "99350", "96": "99351"}
INDEPENDENT_SINCE = 1963
PARIS_REGION_REDRAWN = 1968
PARIS_REGION = frozenset({"75", "78", "91", "92", "93", "94", "95"})
UNKNOWN = frozenset({"99999", "00000", "99000", "99990", "99100", "99"})
MERGED = {
    "50173": "50129", "50203": "50129", "50416": "50129", "50602": "50129",  # Cherbourg-en-Cotentin
    "74011": "74010", "74093": "74010", "74182": "74010", "74217": "74010", "74268": "74010",  # Annecy
    "59355": "59350", "59298": "59350",  # Lille
    "91182": "91228",  # Évry-Courcouronnes
    "78524": "78158",  # Le Chesnay-Rocquencourt
    "93059": "93066",  # Saint-Denis
}  # fmt: skip


def birth_place(text: str | None, *, year: int | None = None) -> str | None:
    """The commune or country in one code: Corsica as before 1976 (20), cities whole, Algeria as a country, merged communes
    as what they became. Two or three characters when only the département is known.
    """
    code = re.sub(r"[^0-9A-Z]", "", letters(text) or "")
    if len(code) == 4 and code.isdigit():
        code = f"0{code}"
    if not re.fullmatch(r"(?:\d\d|2[AB])(?:\d|\d{3})?|[1-9]", code) or code in UNKNOWN:
        return None
    if len(code) == 1:
        code = f"0{code}"
    if code[:2] in {"2A", "2B"}:
        code = f"20{code[2:]}"
    if year is not None and year < INDEPENDENT_SINCE and code[:2] in BEFORE_INDEPENDENCE:
        return BEFORE_INDEPENDENCE[code[:2]]
    return MERGED.get(code) or _whole_city(code)


def _whole_city(code: str) -> str:
    return next((city for prefix, city in ARRONDISSEMENTS.items() if len(code) == 5 and code.startswith(prefix)), code)


def departement(place: str | None, *, year: int | None = None) -> str | None:
    """The département of a code; 97 with its third figure, 99 for abroad; around Paris one area before 1968."""
    if place is None:
        return None
    if place[:2] in {"97", "98"}:
        return place[:3]
    if year is not None and year < PARIS_REGION_REDRAWN and place[:2] in PARIS_REGION:
        return "75"
    return place[:2]
