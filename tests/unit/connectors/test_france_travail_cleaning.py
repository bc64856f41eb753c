"""What is wrong with the letter of France Travail's answers is put right, and counted."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from connectors.france_travail.cleaning import clean, parse


@pytest.mark.parametrize(
    ("received", "meant"),
    [
        ("mÃ©tier", "métier"),
        ("RÃ‰THEL", "RÉTHEL"),
        ("Ã\xa0 pied", "à pied"),
        ("lâ€™emploi", "l’emploi"),
        ("NoÃ«l", "Noël"),
        ("Ã\x81lvaro", "Álvaro"),
        ("bÅ“uf", "bœuf"),
    ],
)
def test_doubly_encoded_accents_are_repaired_and_counted(received, meant):
    value, repairs = clean({"libelle": [received]})

    assert value == {"libelle": [meant]}
    assert repairs == Counter({"double_encoding": 1})


@pytest.mark.parametrize("text", ["métier", "SÃO PAULO", "Éléonore", "créée", "Â", "5 €", "«é»", "rue de l’Œuvre"])
def test_accents_that_are_right_are_left_alone(text):
    value, repairs = clean(text)

    assert value == text
    assert not repairs


def test_null_in_words_is_nothing_at_every_depth():
    received = {"a": "null", "b": [{"c": "null", "d": None}], "e": "NULL", "f": "nullement", "g": 0, "h": False}

    value, repairs = clean(received)

    assert value == {"a": None, "b": [{"c": None, "d": None}], "e": "NULL", "f": "nullement", "g": 0, "h": False}
    assert repairs == Counter({"null_text": 2})


@pytest.mark.parametrize(
    ("content", "value", "repairs"),
    [
        ('{"nom": "É"}'.encode(), {"nom": "É"}, {}),
        (b'\xef\xbb\xbf{"nom": "E"}', {"nom": "E"}, {}),
        ('{"nom": "É"}'.encode("cp1252"), {"nom": "É"}, {"not_utf8": 1}),
    ],
)
def test_a_body_is_read_whatever_its_bytes(content, value, repairs):
    read, counted = parse(content)

    assert read == value
    assert counted == Counter(repairs)


@pytest.mark.parametrize("content", [b"<html>Maintenance</html>", b"", b"Bad Gateway \x81", b"{"])
def test_a_body_that_is_not_json_says_so(content):
    with pytest.raises((orjson.JSONDecodeError, UnicodeDecodeError)):
        parse(content)
