"""Text as it was meant: accents encoded twice are read back, invisible characters taken out, letters composed.

A repair is made only where it cannot be wrong, and is always counted: what a partner sent stays in the raw delivery.
"""

from __future__ import annotations

import unicodedata

DOUBLED = "accents_doubles"
INVISIBLE = "caracteres_invisibles"
COMPOSED = "lettres_decomposees"
MARKS = frozenset("’‘“”«»–—…•°€ºª·\N{NO-BREAK SPACE}")
LATIN = range(0xC0, 0x180)


def _byte_behind(code: int) -> str:
    """The character that byte becomes when somebody reads UTF-8 as windows-1252; itself where the table has a hole."""
    try:
        return bytes([code]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(code)


BYTES = {chr(code): code for code in range(0x100)} | {_byte_behind(code): code for code in range(0x80, 0xA0)}


def encoded_once(text: str) -> str:
    """The text without its second encoding, if it has one: every letter of it must be a byte of UTF-8, and give Latin letters."""
    if text.isascii():
        return text
    try:
        meant = bytes(BYTES[letter] for letter in text).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return text
    return meant if all(each.isascii() or ord(each) in LATIN or each in MARKS for each in meant) else text


def mend(text: str) -> tuple[str, tuple[str, ...]]:
    """The text put right, and the names of the repairs it took."""
    if text.isascii() and text.isprintable():
        return text, ()
    repairs: list[str] = []
    meant = encoded_once(text)
    if meant != text:
        repairs.append(DOUBLED)
    visible = "".join(letter for letter in meant if not _invisible(letter))
    if visible != meant:
        repairs.append(INVISIBLE)
    composed = unicodedata.normalize("NFC", visible)
    if composed != visible:
        repairs.append(COMPOSED)
    return composed, tuple(repairs)


def _invisible(letter: str) -> bool:
    """Control and format characters, and halves of a surrogate pair; spaces of every kind are not."""
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs"} and not letter.isspace()
