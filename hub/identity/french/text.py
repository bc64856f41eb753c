"""Letters as they can be compared: accents, ligatures, look-alikes, text that was read in the wrong encoding."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ı": "i", "Ø": "O", "ø": "o", "ł": "l", "Ł": "L"}
)
LOOK_ALIKES = str.maketrans("АВЕКМНОРСТХавекморстх", "ABEKMHOPCTXabekmopctx")
MISREAD = re.compile("[ÃÂâÅ][\u0080-\u00bf\u2018-\u203a€™œžŸ\u0152\u0160\u0178\u017d\u0192\u02c6\u02dc]")
TIMES_MISREAD = 2
LONG_ENOUGH = 3

SOUNDS = (
    ("SCH", "CH"), ("SH", "CH"), ("PH", "F"), ("TH", "T"), ("KH", "K"), ("GH", "G"), ("DJ", "J"), ("DH", "D"),
    ("QU", "K"), ("CK", "K"), ("Q", "K"), ("OU", "U"), ("EE", "I"), ("W", "U"), ("Y", "I"), ("Z", "S"), ("AI", "E"), ("EI", "E"),
)  # fmt: skip
HARD_C = re.compile("C(?![HEI])")
MUTE_H = re.compile("(?<!C)H")
REPEATED = re.compile(r"(.)\1+")
REMEMBERED = 20_000  # names that a process has read and need not read again: most people have one of them
MUTE_END = re.compile("(?:E|ES|S|X|T)$")


def repaired(text: str) -> str:
    """UTF-8 read as Windows-1252, once or twice, put right; Cyrillic look-alikes made Latin."""
    for _ in range(TIMES_MISREAD):
        if not MISREAD.search(text):
            break
        try:
            text = bytes(_byte(letter) for letter in text).decode("utf-8")
        except ValueError:
            break
    return text.translate(LOOK_ALIKES)


def _byte(letter: str) -> int:
    """The byte a letter was read from: Windows-1252, or the control character that it leaves undefined."""
    try:
        return letter.encode("cp1252")[0]
    except UnicodeEncodeError:
        return letter.encode("latin-1")[0]


def letters(text: str | None) -> str | None:
    """Capitals without accents, ligatures spelt out, anything but letters and digits a space."""
    if not text:
        return None
    folded = unicodedata.normalize("NFKD", text.translate(LIGATURES)).upper()
    kept = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^A-Z0-9]+", " ", kept).split()) or None


def words(text: str | None) -> list[str]:
    """The words of a text, repaired and in capitals; digits and marks dropped."""
    folded = letters(repaired(text)) if text else None
    return re.sub(r"[0-9]+", " ", folded).split() if folded else []


@lru_cache(maxsize=REMEMBERED)
def sounding(word: str) -> str:
    """One spelling for those that transliteration and dictation give: ph and f, ou and u, y and i, doubled letters."""
    heard = word
    for written, sound in SOUNDS:
        heard = heard.replace(written, sound)
    heard = MUTE_H.sub("", HARD_C.sub("K", heard))
    heard = REPEATED.sub(r"\1", heard)
    shorter = MUTE_END.sub("", heard)
    return shorter if len(shorter) >= LONG_ENOUGH else heard or word
