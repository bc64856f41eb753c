"""Schema drift: which columns came, went, changed name or place since the last delivery, said by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz.distance import JaroWinkler

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIKE = 0.8
NOT_A_NAME = "(nom illisible)"
MOST_DIGITS = 4


def column_shown(name: str, *, is_header: bool) -> str:
    """The name of a column nobody declared, as it may be repeated: no number, date or address in it, on a true header line."""
    digits = sum(letter.isdigit() for letter in name)
    return name if is_header and digits <= MOST_DIGITS and "@" not in name else NOT_A_NAME


def column_drift(now: Sequence[str], before: Sequence[str]) -> list[tuple[str, str]]:
    """Compare two headers; returns (rule, French message) for each difference. An empty header is not compared."""
    if not now or not before or list(now) == list(before):
        return []
    came = [name for name in now if name not in before]
    went = [name for name in before if name not in now]
    found: list[tuple[str, str]] = []
    for old in list(went):
        new = _renamed(old, came, now, before)
        if new:
            came.remove(new)
            went.remove(old)
            found.append(("colonne_renommee", f"La colonne {old} semble s'appeler maintenant {new}."))
    found += [("colonne_disparue", f"La colonne {name} n'est plus envoyée.") for name in went]
    found += [("colonne_nouvelle", f"Nouvelle colonne : {name}.") for name in came]
    if not found:
        found.append(("colonnes_deplacees", "Les colonnes ont changé d'ordre ; elles sont lues par leur nom."))
    return found


def _renamed(old: str, came: Sequence[str], now: Sequence[str], before: Sequence[str]) -> str | None:
    """A new column in the very place of one that went, or much like it by name."""
    place = before.index(old)
    if len(now) == len(before) and now[place] in came:
        return now[place]
    alike = [(JaroWinkler.similarity(old.lower(), name.lower()), name) for name in came]
    score, name = max(alike, default=(0.0, ""))
    return name if score >= ALIKE else None
