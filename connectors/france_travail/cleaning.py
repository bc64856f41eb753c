"""What is wrong with the letter of France Travail's answers, put right and counted."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import orjson

BOM = b"\xef\xbb\xbf"


def _byte_behind(code: int) -> str | None:
    """The character that byte becomes when somebody reads UTF-8 as windows-1252."""
    try:
        return bytes([code]).decode("cp1252")
    except UnicodeDecodeError:
        return None


BYTES = {chr(code): code for code in range(0x80, 0x100)} | {
    seen: code for code in range(0x80, 0xA0) if (seen := _byte_behind(code))
}
RUN = re.compile("[" + "".join(map(re.escape, BYTES)) + "]{2,}")


def parse(content: bytes) -> tuple[Any, Counter[str]]:
    """Read a JSON body, whatever its bytes; raises ``ValueError`` when it is not JSON."""
    body = content.removeprefix(BOM)
    try:
        return clean(orjson.loads(body))
    except orjson.JSONDecodeError:
        value, repairs = clean(orjson.loads(body.decode("cp1252")))
        return value, repairs + Counter({"not_utf8": 1})


def clean(value: Any) -> tuple[Any, Counter[str]]:
    """Turn ``"null"`` into ``None`` and doubly encoded accents into accents, at every depth; say how often."""
    repairs: Counter[str] = Counter()
    return _clean(value, repairs), repairs


def _clean(value: Any, repairs: Counter[str]) -> Any:
    if isinstance(value, dict):
        return {key: _clean(inner, repairs) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, repairs) for inner in value]
    if isinstance(value, str):
        return _clean_text(value, repairs)
    return value


def _clean_text(text: str, repairs: Counter[str]) -> str | None:
    if text == "null":
        repairs["null_text"] += 1
        return None
    if text.isascii():
        return text
    repaired = RUN.sub(_decode_again, text)
    if repaired != text:
        repairs["double_encoding"] += 1
    return repaired


def _decode_again(run: re.Match[str]) -> str:
    """Accents side by side are only touched when their bytes happen to be UTF-8, which true French never is."""
    try:
        return bytes(BYTES[letter] for letter in run.group()).decode("utf-8")
    except UnicodeDecodeError:
        return run.group()
