"""Identity: what may be compared, what decides, and what is left to a person."""

from __future__ import annotations

import random

import pytest

from hub.identity.clusters import Clusters, Edge, gather
from hub.identity.ladder import RUNGS, judge
from hub.identity.standardise import keys_of, letters, surname

BASE = {
    "identity.birth_name": "MARTIN",
    "identity.first_names": ["LEA"],
    "identity.birth_date": "1985-06-12",
    "identity.birth_date_precision": "day",
    "identity.nir_key_status": "computed",
    "identity.nir_kind": "definitive",
    "identity.certified": True,
}
NIR_A, NIR_B = b"a" * 16, b"b" * 16


def keys(number: int = 1, *, flow: str | None = None, nir: bytes | None = NIR_A, **changes):
    content = BASE | {path.replace("__", "."): value for path, value in changes.items()}
    return keys_of(content, source_record_id=number, flow=flow or f"flow_{number}", partner="p", nir_hash=nir)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Lefèvre", "LEFEVRE"),
        ("D’Hondt", "D HONDT"),
        ("Jean-Philippe", "JEAN PHILIPPE"),
        ("Œuvrard", "OEUVRARD"),
        ("Yılmaz", "YILMAZ"),
        ("  ", None),
    ],
)
def test_letters_are_compared_without_accents_or_marks(written, key):
    assert letters(written) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [("de La Tour", "TOUR"), ("d'Hondt", "HONDT"), ("Ben Amar", "AMAR"), ("Le Roux", "LE ROUX"), ("De", "DE")],
)
def test_particles_do_not_count_unless_nothing_else_is_left(written, key):
    assert surname(written) == key


@pytest.mark.parametrize(
    ("status", "kind", "usable"),
    [
        ("computed", "definitive", True),
        ("given_ok", "incomplete", True),
        ("given_wrong", "definitive", False),
        ("malformed", "unknown", False),
        ("computed", "provisional", False),
        ("computed", "fictitious", False),
    ],
)
def test_only_a_number_that_may_decide_is_a_key(status, kind, usable):
    seen = keys(identity__nir_key_status=status, identity__nir_kind=kind)

    assert (seen.nir_hash is not None) is usable
    assert seen.nir_certified is usable


TWO_SUPPORTS = {"identity__birth_place_name": "REIMS", "contact__email": "x@exemple.fr"}

PAIRS = [
    ("same number, name and birth", {}, {}, "link", "nir"),
    ("same number, married since", {}, {"identity__birth_name": "DURAND", "identity__usage_name": "MARTIN"}, "link", "nir"),
    ("same number, day and month swapped", {}, {"identity__birth_date": "1985-12-06"}, "link", "nir"),
    ("same number, another first name: the parent's", {}, {"identity__first_names": ["ZOE"]}, "review", "nir_en_conflit"),
    ("same number, another birth: the partner's", {}, {"identity__birth_date": "1990-01-01"}, "review", "nir_en_conflit"),
    ("different certain numbers, all else equal", {}, {"nir": NIR_B}, "never", "nir_certifies_differents"),
    ("different numbers, one not certified", {}, {"nir": NIR_B, "identity__certified": False}, "review", "nir_differents"),
    ("different numbers, other people", {}, {"nir": NIR_B, "identity__certified": False, "identity__first_names": ["ZOE"]}, "never", "nir_differents"),
    ("no number, two supports", TWO_SUPPORTS, {"nir": None, **TWO_SUPPORTS}, "link", "etat_civil"),
    ("no number, one support", {"contact__email": "x@exemple.fr"}, {"nir": None, "contact__email": "x@exemple.fr"}, "review", "etat_civil_a_confirmer"),
    ("no number, close first name", TWO_SUPPORTS, {"nir": None, **TWO_SUPPORTS, "identity__first_names": ["LEAA"]}, "review", "etat_civil_a_confirmer"),
    ("no number, another sex", {**TWO_SUPPORTS, "identity__sex": "1"}, {"nir": None, **TWO_SUPPORTS, "identity__sex": "2"}, "review", "etat_civil_a_confirmer"),
    ("twins: another first name", TWO_SUPPORTS, {"nir": None, **TWO_SUPPORTS, "identity__first_names": ["ZOE"]}, None, None),
    ("twins by rank, one first name", {"identity__birth_rank": 1, **TWO_SUPPORTS}, {"nir": None, "identity__birth_rank": 2, **TWO_SUPPORTS}, "never", "rangs_de_naissance_differents"),
    ("a couple: one first name, one home", {"nir": None, **TWO_SUPPORTS}, {"nir": None, **TWO_SUPPORTS, "identity__birth_date": "1990-01-01"}, None, None),
    ("homonyms without support", {}, {"nir": None}, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("case", "one", "other", "decision", "rung"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_what_the_ladder_says_of_a_pair(case, one, other, decision, rung):
    verdict, seen = judge(keys(1, **one), keys(2, **other))

    assert (verdict.decision if verdict else None, verdict.rung if verdict else None) == (decision, rung)
    assert "MARTIN" not in str(seen.levels())


def test_a_pair_is_judged_alike_both_ways():
    for _, one, other, _, _ in PAIRS:
        assert judge(keys(1, **one), keys(2, **other))[0] == judge(keys(2, **other), keys(1, **one))[0]


def test_an_unknown_day_is_not_compared():
    whole, month = keys(1), keys(2, identity__birth_date="1985-06-01", identity__birth_date_precision="month")

    assert judge(whole, month)[0].decision == "link"


def test_every_rung_says_what_it_means():
    said = [rung.__doc__ for rung in RUNGS]

    assert all(said)
    assert len(set(said)) == len(said)


def edge(a, b, score=0.9, *, human=False):
    return Edge(a=a, b=b, score=score, rung="x", levels={}, human=human)


def gathered(records, edges, apart=()):
    clusters = Clusters(keys={record.source_record_id: record for record in records}, apart=frozenset(apart))
    _, refused = gather(clusters, edges)
    return {frozenset(clusters.members(record.source_record_id)) for record in records}, refused


def test_two_numbers_never_meet_in_one_person():
    records = [keys(1, nir=NIR_A), keys(2, nir=None), keys(3, nir=NIR_B)]

    found, refused = gathered(records, [edge(1, 2, 0.95), edge(2, 3, 0.9)])

    assert found == {frozenset({1, 2}), frozenset({3})}
    assert [(each.a, each.b) for each in refused] == [(2, 3)]


def test_one_flow_does_not_give_two_records_to_a_person():
    records = [keys(1, flow="f", nir=None), keys(2, nir=None), keys(3, flow="f", nir=None)]

    found, _ = gathered(records, [edge(1, 2), edge(2, 3)])

    assert found == {frozenset({1, 2}), frozenset({3})}


def test_a_pair_a_person_held_apart_stays_apart_even_through_others():
    records = [keys(1), keys(2), keys(3)]

    found, _ = gathered(records, [edge(1, 2), edge(2, 3)], apart=[(1, 3)])

    assert found == {frozenset({1, 2}), frozenset({3})}


def test_a_person_s_decision_passes_over_the_rules():
    records = [keys(1, nir=NIR_A), keys(2, nir=NIR_B)]

    found, _ = gathered(records, [edge(1, 2, 1.0, human=True)])

    assert found == {frozenset({1, 2})}


def test_the_order_of_edges_changes_nothing():
    records = [keys(number, flow=f"f{number % 3}", nir=None) for number in range(1, 9)]
    edges = [edge(a, b, 0.5 + (a * b % 7) / 20) for a in range(1, 9) for b in range(a + 1, 9)]
    expected = gathered(records, edges)

    for seed in range(10):
        random.Random(seed).shuffle(edges)
        assert gathered(records, edges) == expected
