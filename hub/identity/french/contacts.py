"""Where somebody can be reached: phones, mail boxes, streets. Shared by a household, so never a person by themselves."""

from __future__ import annotations

import re

from hub.identity.french.text import letters, repaired

PHONE_DIGITS = 9
NO_PHONE = re.compile(r"(\d)\1{6,}|12345678|23456789")
NO_MAIL = re.compile(r"^(?:inconnu|neant|sans|aucun|pas|non|no-?reply|xxx*|test|nc|na)[^@]*@|@(?:inconnu|aucun|xxx*)")
POSTCODE_LENGTH = 5


def phone(text: str | None) -> str | None:
    """The nine digits after the zero or the country; the first when a cell holds two."""
    digits = re.sub(r"[^0-9]", "", text or "")
    digits = digits.removeprefix("00")
    if digits.startswith("33") and len(digits) > 10:
        digits = digits[2:]
    kept = digits.lstrip("0")[:PHONE_DIGITS]
    return kept if len(kept) == PHONE_DIGITS and not NO_PHONE.search(kept) else None


def email(text: str | None) -> str | None:
    """Lower case, without spaces; nothing for what only says that there is none."""
    kept = re.sub(r"\s+", "", text or "").lower().strip(".;,")
    return kept if re.fullmatch(r"[^@]+@[^@]+\.[^@]+", kept) and not NO_MAIL.search(kept) else None


def postcode(text: str | None) -> str | None:
    """Five digits; the zero that a spreadsheet lost is given back."""
    digits = re.sub(r"\.0+$", "", (text or "").strip())
    digits = re.sub(r"[^0-9]", "", digits)
    if len(digits) == POSTCODE_LENGTH - 1:
        digits = f"0{digits}"
    return digits if len(digits) == POSTCODE_LENGTH and digits != "00000" else None


def street(text: str | None) -> str | None:
    """The number and the last word of a street, what is left of it in every spelling."""
    tokens = (letters(repaired(text)) or "").split() if text else []
    named = [token for token in tokens if not token[0].isdigit()]
    if not named:
        return None
    number = next((re.sub("[^0-9]", "", token) for token in tokens if token[0].isdigit()), "")
    return f"{number} {named[-1]}"
