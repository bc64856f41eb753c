"""What is wrong with the letter of France Travail's answers, put right and counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from schemas.lettering import encoded_once

BOM = b"\xef\xbb\xbf"


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
    repaired = encoded_once(text)
    if repaired != text:
        repairs["double_encoding"] += 1
    return repaired
