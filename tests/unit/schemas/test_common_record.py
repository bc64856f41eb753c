"""The common record: two equal forms, declared fields, published contract, known lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.beneficiary import Beneficiary, facts
from schemas.codes import code_lists
from schemas.publish import published

ROOT = Path(__file__).parents[3]


def test_flat_and_nested_forms_say_the_same():
    flat = {
        "identity.birth_name": "MARTIN",
        "identity.first_names": ["Léa", "Marie"],
        "rsa.suspensions": [{"kind": "right", "reason": "GK", "since": "2026-01-01"}],
        "contact.no_fixed_address": False,
    }

    assert Beneficiary.from_flat(flat).to_flat() == flat


@pytest.mark.parametrize(
    "flat", [{"identity.nickname": "x"}, {"hobby.name": "x"}, {"identity.sex": "3"}, {"structure.siret": "1"}]
)
def test_an_unknown_path_or_a_wrong_value_is_refused(flat):
    with pytest.raises(ValidationError):
        Beneficiary.from_flat(flat)


def test_every_field_has_a_label_and_every_list_it_names_exists():
    for fact in facts().values():
        assert fact.label
        assert fact.codes is None or fact.codes in code_lists()


def test_no_two_fields_share_a_label():
    labels = [fact.label for fact in facts().values()]

    assert len(labels) == len(set(labels))


def test_codes_are_text_and_an_unknown_one_keeps_its_own_name():
    states = code_lists()["rsa_state"]

    assert states.known("4")
    assert not states.known("9")
    assert states.label_of("9") == "9"


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the repository's published copies are not beside this test")
@pytest.mark.parametrize("path", list(published()))
def test_the_published_copies_are_current(path):
    assert (ROOT / path).read_bytes() == published()[path], "run: hub schema publish"
