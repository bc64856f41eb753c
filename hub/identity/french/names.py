"""Family names and first names: birth against usage, particles, lists, what a form cut off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from hub.identity.french.text import REMEMBERED, repaired, words

PARTICLES = frozenset({
    "DE", "DU", "DES", "D", "LA", "LE", "LES", "L", "EL", "AL", "BEN", "IBN", "AIT", "VAN", "VON", "DER", "DEN", "DA", "DI",
    "DO", "DOS", "DAS", "MC", "MAC", "SAINT", "ST", "STE", "SAINTE",
})  # fmt: skip
TITLES = frozenset({"M", "MR", "MME", "MLLE", "MELLE", "MONSIEUR", "MADAME", "MADEMOISELLE", "MLE"})
BORN = re.compile(r"\bn[ée]{1,2}e?\b|\bn[ée]e?\s*:|\bjf\b|\bjeune fille\b", re.IGNORECASE)
MARRIED = re.compile(r"\b(?:[ée]pouse|[ée]poux|[ée]p|veuve|vve|vf|div(?:orc[ée]e)?)\b\.?", re.IGNORECASE)
HYPHENS = re.compile("[-\u2010\u2011]")
BETWEEN_FIRST_NAMES = re.compile(r"[\s,;/]+")
NOBODY = frozenset({
    "INCONNU", "INCONNUE", "NEANT", "NR", "NC", "ND", "NA", "NULL", "NONE", "NAN", "SANS", "X", "XX", "XXX", "XXXX", "SN", "SP",
    "NONRENSEIGNE", "SANSNOM", "SANSPRENOM", "TEST",
})  # fmt: skip
SHORTEST_WORD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Surname:
    """One family name: whole, without its particles, and its words. All joined: spaces and hyphens are not stable."""

    whole: str
    bare: str
    words: tuple[str, ...]


def surname(text: str | None) -> Surname | None:
    """A family name as it can be compared; nothing for a word that only says that there is none."""
    tokens = [word for word in words(text) if word not in TITLES] if text else []
    whole = "".join(tokens)
    if not whole or whole in NOBODY:
        return None
    kept = [word for word in tokens if word not in PARTICLES] or tokens
    return Surname(
        whole=whole, bare="".join(kept), words=tuple(sorted({word for word in kept if len(word) >= SHORTEST_WORD}))
    )


@lru_cache(maxsize=REMEMBERED)
def surnames(birth: str | None, usage: str | None) -> tuple[Surname | None, Surname | None]:
    """Birth and usage name, also when one cell holds both: DUPONT (née MARTIN), MARTIN épouse DUPONT."""
    from_birth, from_usage = split_cell(birth), split_cell(usage)
    born = surname(from_birth[0]) or surname(from_usage[0]) or surname(from_birth[2])
    used = surname(from_usage[1]) or surname(from_birth[1]) or surname(from_usage[2])
    if born is None:
        born, used = used, None
    return born, (used if born is not None and used is not None and used.bare != born.bare else None)


def split_cell(text: str | None) -> tuple[str, str, str]:
    """What a cell says to be the birth name, the usage name, and what it says without saying which."""
    if not text:
        return "", "", ""
    text = repaired(text)
    for mark, after_is_birth in ((BORN, True), (MARRIED, False)):
        parts = mark.split(text, maxsplit=1)
        if len(parts) == 2 and parts[0].strip(" (-,") and parts[1].strip(" )-,."):
            return (parts[1], parts[0], "") if after_is_birth else (parts[0], parts[1], "")
    return "", "", text


@lru_cache(maxsize=REMEMBERED)
def first_names(text: str | None) -> tuple[str, ...]:
    """All first names, one word each: JEAN-PIERRE and JEAN PIERRE are the same two words."""
    found = tuple(dict.fromkeys(word for word in words(text) if word not in TITLES))
    return () if "".join(found) in NOBODY else found


def second_half(text: str | None) -> str | None:
    """What the first name that somebody goes by is joined to: CLAUDE for Marie-Claude, who is not Marie; none without a hyphen."""
    for cell in BETWEEN_FIRST_NAMES.split(text or ""):
        said = [word for word in words(cell) if word not in TITLES]
        if said:
            return said[1] if len(said) > 1 and HYPHENS.search(cell) else None
    return None
