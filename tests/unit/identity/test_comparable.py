"""What may be compared of a record, the keys it is found by, and the persons that pairs make."""

from __future__ import annotations

import random

import pytest

from hub.identity.clusters import Clusters, Edge, gather
from hub.identity.comparable import Known, comparable, may_be_used, read_back, stored, without
from hub.identity.french.numbers import State
from hub.identity.french.person import Person
from hub.identity.keys import MAY_BE_SHARED, RULES, keys_of

NIR = "2850675056024"
BASE = {
    "identity.birth_name": "d’Hondt",
    "identity.first_names": ["Léa", "Zoé"],
    "identity.birth_date": "1985-06-12",
    "identity.birth_date_precision": "day",
    "identity.birth_place_code": "75111",
    "identity.sex": "2",
    "identity.nir_key_status": "given_ok",
    "identity.nir_kind": "definitive",
    "contact.phones": ["+33612345679", "+33712345679"],
    "contact.email": "Lea@Exemple.fr",
}


def person(nir=NIR, **changes):
    return comparable(BASE | {path.replace("__", "."): value for path, value in changes.items()}, nir)


def test_a_record_is_read_by_the_french_pack():
    seen = person()

    assert (seen.birth_bare, seen.first_names, seen.born, seen.place) == ("HONDT", ("LEA", "ZOE"), 19850612, "75056")
    assert (seen.nir, seen.nir_state, seen.phone, seen.email) == (NIR, State.CERTIFIED, "612345679", "lea@exemple.fr")


@pytest.mark.parametrize(
    ("status", "certified", "state"),
    [
        ("given_ok", None, State.CERTIFIED),
        ("given_ok", False, State.VALID),
        ("computed", None, State.VALID),
        ("computed", True, State.CERTIFIED),
        ("given_wrong", True, State.SUSPECT),
    ],
)
def test_a_number_is_worth_what_its_partner_says_of_it(status, certified, state):
    assert person(identity__nir_key_status=status, identity__certified=certified).nir_state == state


def test_a_number_that_tells_another_birth_is_suspect():
    assert person(identity__birth_date="1990-01-02").nir_state == State.SUSPECT


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
def test_only_a_number_attributed_for_good_may_be_shown(status, kind, usable):
    assert may_be_used({"identity.nir_key_status": status, "identity.nir_kind": kind}) is usable


@pytest.mark.parametrize(("precision", "known"), [("day", (6, 12)), ("month", (6, None)), ("year", (None, None))])
def test_a_date_is_compared_no_finer_than_it_is_known(precision, known):
    seen = person(identity__birth_date_precision=precision)

    assert (seen.year, seen.month, seen.day) == (1985, *known)


def test_the_title_tells_the_sex_where_nothing_else_does():
    assert person(identity__sex=None, identity__title="MLE").sex == "2"


@pytest.mark.parametrize("nir", [NIR, None, "ABC", NIR + "99"])
def test_what_was_stored_is_read_back_as_it_was(nir):
    whole = person(nir, identity__nir_key_status="malformed" if nir != NIR else "given_ok")

    again = read_back(stored(whole), nir=nir, state=whole.nir_state)

    assert again == whole
    assert "nir" not in stored(whole)


def test_a_value_that_too_many_carry_is_unknown():
    seen = without(person(), ["nir", "phone", "email"])

    assert (seen.nir, seen.nir_state, seen.phone, seen.email, seen.mailbox) == (None, State.DUMMY, None, None, None)
    assert seen.birth_name == person().birth_name


def clear(value):
    return hash(value).to_bytes(8, "big", signed=True)


def test_records_share_a_key_whichever_name_each_goes_by():
    born, married = person(None), person(None, identity__birth_name="PETIT", identity__usage_name="D'HONDT")

    assert keys_of(born, clear).keys() & keys_of(married, clear).keys()


def test_a_record_that_says_nothing_has_no_key():
    assert keys_of(Person(), clear) == {}


def test_every_rule_has_a_name_and_shared_values_a_rule():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [RULES[place].name for place in MAY_BE_SHARED] == ["numéro", "téléphone", "courriel"]


# --- persons ------------------------------------------------------------------------------------------------------

NUMBER_A, NUMBER_B = b"a" * 16, b"b" * 16


def known(record, *, flow=None, number=None):
    state = int(State.CERTIFIED) if number else 0
    flow = flow or f"f{record}"
    return Known(
        record=record,
        flow=flow,
        partner=flow,
        label=f"{flow} {record}",
        person=Person(nir_state=state),
        number_hash=number,
    )


def edge(a, b, chance=0.99, *, human=False):
    return Edge(a=a, b=b, chance=chance, evidence={}, human=human)


def gathered(people, edges, **held):
    clusters = Clusters(people={each.record: each for each in people}, **held)
    _, refused = gather(clusters, edges)
    return {frozenset(clusters.members(each.record)) for each in people}, refused


def test_two_numbers_never_meet_in_one_person():
    people = [known(1, number=NUMBER_A), known(2), known(3, number=NUMBER_B)]

    found, refused = gathered(people, [edge(1, 2, 0.999), edge(2, 3, 0.99)])

    assert found == {frozenset({1, 2}), frozenset({3})}
    assert [(each.a, each.b) for each in refused] == [(2, 3)]


def test_one_flow_gives_two_records_to_a_person_at_most():
    people = [known(1, flow="f"), known(2, flow="f"), known(3, flow="f")]

    found, _ = gathered(people, [edge(1, 2, 0.999), edge(2, 3)])

    assert found == {frozenset({1, 2}), frozenset({3})}


@pytest.mark.parametrize("held", [{"never": frozenset({(1, 3)})}, {"apart": frozenset({(1, 3)})}])
def test_a_pair_held_apart_stays_apart_even_through_others(held):
    found, _ = gathered([known(1), known(2), known(3)], [edge(1, 2, 0.999), edge(2, 3)], **held)

    assert found == {frozenset({1, 2}), frozenset({3})}


def test_a_person_s_decision_passes_over_the_rules_but_not_over_another_s():
    people = [known(1, number=NUMBER_A), known(2, number=NUMBER_B)]
    pair = frozenset({(1, 2)})

    assert gathered(people, [edge(1, 2, human=True)], never=pair)[0] == {frozenset({1, 2})}
    assert gathered(people, [edge(1, 2, human=True)], apart=pair)[0] == {frozenset({1}), frozenset({2})}


def test_the_order_of_edges_and_of_records_changes_nothing():
    people = [known(number, flow=f"f{number % 3}") for number in range(1, 9)]
    edges = [edge(a, b, 0.96 + (a * b % 3) / 100) for a in range(1, 9) for b in range(a + 1, 9)]
    expected = gathered(people, edges)[0]

    for seed in range(10):
        draw = random.Random(seed)
        draw.shuffle(edges)
        assert gathered(people, edges)[0] == expected
        number_of = dict(zip(range(1, 9), draw.sample(range(1, 9), 8), strict=True))
        renamed = [
            Known(
                record=number_of[each.record], flow=each.flow, partner=each.flow, label=each.label, person=each.person
            )
            for each in people
        ]
        turned = [edge(*sorted((number_of[each.a], number_of[each.b])), each.chance) for each in edges]
        named_back = {frozenset(number_of[record] for record in members) for members in expected}
        assert gathered(renamed, turned)[0] == named_back
