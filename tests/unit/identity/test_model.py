"""The model: the same levels, bits and weights for one pair in process and for files in DuckDB; what is never linked."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import combinations, product

import duckdb
import numpy as np
import pytest

from hub.identity.french.person import COLUMNS, standardise
from hub.identity.match.compared import compare_pairs, count_values, frequencies_of
from hub.identity.match.reading import read_files
from hub.identity.match.standardised import standardise_all
from hub.identity.model.decision import Costs, decide
from hub.identity.model.frequencies import Frequencies
from hub.identity.model.in_process import compare_with
from hub.identity.model.levels import COMPARISONS, levels_of
from hub.identity.model.pairs import BITS, Pairs
from hub.identity.model.relatives import RELATIVES
from hub.identity.model.rules import LOOK_ALIKES, NEVER, ONLY_A_PERSON, SURE, forbidden
from hub.identity.model.scorecard import features_of, load, nobody, rivals_of
from hub.identity.rarity import TYPICAL
from schemas.nir import key_of

NAMES = (
    ("Martin", ""), ("MARTIN", "DUPONT"), ("Dupont (née Martin)", ""), ("MARTIN EP DUPONT", ""), ("Ben Ali", ""), ("BENALI", None), ("Mártin", ""),
    ("MARTIM", ""), ("DE LA FONTAINE", "LE GOFF"), ("FONTAINE-MARTIN", ""), ("Jean", ""), ("NR", ""), ("RAZAFINDRAKOTOMALALA", ""), ("RAZAFINDRAKOTO", ""),
    ("MartÃ\xadn", ""), ("Marttin", ""), ("Ly", ""),
)  # fmt: skip
FIRSTS = (
    "Jean Pierre",
    "Jean-Luc",
    "Jean-Marc, Luc",
    "JEAN-PIERRE",
    "JEANPIERRE",
    "Pierre",
    "Jean",
    "Martin",
    "J",
    "Jeanne",
    "Jehan",
    "",
    "Zoé, Pierre",
    "Jen",
    "Perne",
    "Zeo",
)
DATES = (
    "12/03/1975",
    "1975-12-03",
    "01/01/1975",
    "00/03/1975",
    "12/03/1957",
    "13/03/1975",
    "12/04/1975",
    "1975",
    "",
    "12/03/1976",
    "01/01/1980",
)
PLACES = ("75111", "75056", "2A004", "20004", "91012", "99352", "97411", "08105", "08", "")
OTHERS = (
    ("M", "12 rue des Lilas", "08000", "06 12 34 56 79", "lea.martin@exemple.fr"),
    ("Mme", "12, RUE DES LILAS", "8000", "+33612345679", "Lea.Martin@exemple.com"),
    ("", "", "", "", ""),
    ("2", "3 place de l'Église", "08200", "0612345678", "lea.martim@exemple.fr"),
    ("H", "3 place de l'Église", "75011", "0711111223", "contact@exemple.org"),
    ("F", "7 bd Voltaire", "08000", "", ""),
)
BIRTHS = ("1750375056", "2750399352", "1750375056", "2570408105")


def records(size: int = 160):
    """Records that agree and disagree in every way, in a fixed order."""
    chosen = np.random.default_rng(7)
    for _ in range(size):
        (birth, usage), first, date, place = (
            each[chosen.integers(len(each))] for each in (NAMES, FIRSTS, DATES, PLACES)
        )
        sex, address, code, phone, email = OTHERS[chosen.integers(len(OTHERS))]
        value = f"{chosen.integers(1, 3)}75{chosen.integers(3, 5):02d}75056{chosen.integers(1, 4):03d}"
        nir = (value + key_of(value), value, f"{value}00", "", " ".join(value), f"{value[:12]}9", "111111111111111")[
            chosen.integers(7)
        ]
        yield dict(
            zip(COLUMNS, (nir, birth, usage, first, date, place, sex, address, code, "", phone, email), strict=True)
        )


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Every pair of the records, compared in DuckDB; the people; the frequencies."""
    raw = list(records())
    file = tmp_path_factory.mktemp("model") / "all.csv"
    with file.open("w", newline="") as sink:
        writer = csv.DictWriter(sink, ("source", "source_id", *COLUMNS))
        writer.writeheader()
        writer.writerows(
            {"source": f"file {number // 4}", "source_id": number, **record} for number, record in enumerate(raw)
        )
    with duckdb.connect(config={"threads": 2}) as connection:
        read_files(connection, [file])
        standardise_all(connection)
        count_values(connection)
        connection.execute(
            "CREATE TABLE candidates AS SELECT x.rid AS a, y.rid AS b FROM records x JOIN records y ON x.rid < y.rid"
        )
        pairs = compare_pairs(connection)
        frequencies = frequencies_of(connection)
        forgotten = connection.execute(
            "SELECT rid, nir, nir_state, phone, email, mailbox FROM records ORDER BY rid"
        ).fetchall()
    people = [_as_forgotten(standardise(record), row) for record, row in zip(raw, forgotten, strict=True)]
    return pairs, people, frequencies


def _as_forgotten(person, row):
    """The same person less the contacts that too many records share: that is known of a file, not of a record."""
    from dataclasses import replace

    _, nir, state, phone, email, mailbox = row
    assert nir in {person.nir, None}
    assert email in {person.email, None}
    return replace(person, nir=nir, nir_state=state, phone=phone, email=email, mailbox=mailbox)


def test_levels_are_the_same_in_python_and_in_sql(compared):
    pairs, people, _ = compared

    told = {
        (a, b): tuple(row) for a, b, row in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.levels.tolist(), strict=True)
    }
    here = {(a + 1, b + 1): levels_of(people[a], people[b]) for a, b in combinations(range(len(people)), 2)}

    assert told == here
    assert len(set(told.values())) > 1_000


def test_nearly_every_level_was_seen(compared):
    """So that the parity above is worth something."""
    pairs, _, _ = compared

    unseen = [
        f"{comparison.name}: {level.name}"
        for column, comparison in enumerate(COMPARISONS)
        for place, level in enumerate(comparison.levels)
        if not (pairs.levels[:, column] == place).any()
    ]

    assert len(unseen) <= 3, unseen


def test_one_pair_weighs_the_same_in_process_and_in_files(compared):
    pairs, people, frequencies = compared
    model = load()

    in_files = model.weights(pairs.levels, pairs.bits).sum(axis=1)
    for number in range(0, len(people) - 1, 10):
        alone = compare_with(
            people[number],
            people[number + 1 :],
            source=0,
            sources=[0] * (len(people) - number - 1),
            frequencies=frequencies,
        )
        weighed = model.weights(alone.levels, alone.bits).sum(axis=1)

        assert weighed == pytest.approx(in_files[pairs.a == number + 1], abs=0.01)


def test_a_score_is_the_sum_of_its_lines(compared):
    pairs, _, _ = compared
    model = load()

    features = features_of(model, pairs, records=dict.fromkeys(range(40), 4))
    total = model.start + model.points(features).sum(axis=1)

    assert model.chances(features) == pytest.approx(1 / (1 + np.exp(-total)))


def test_two_people_of_nothing_compare_without_a_word():
    nobody = standardise({})

    assert levels_of(nobody, nobody) == (0,) * len(COMPARISONS)


def person(**said):
    base = {
        "birth_name": "Martin", "first_names": "Lucas", "birth_date": "12/06/1985", "birth_place_insee": "75056", "sex": "M",
        "address": "12 rue des Lilas", "postcode": "75011", "phone": "0612345679", "email": "foyer@exemple.fr",
    }  # fmt: skip
    return standardise(base | said)


def decided(a, b, *, first=10.0):
    """The decision on one pair, in a population where each of its values is borne by one in a thousand; ``first``: the bits of the
    second's first name.
    """

    bits = {
        "name": dict.fromkeys([a.birth_bare, b.birth_bare], 10.0), "first": {a.first_name: 10.0, b.first_name: first},
        "born": dict.fromkeys([a.born, b.born], 14.0), "place": dict.fromkeys([a.place, b.place], 7.0),
    }  # fmt: skip
    pairs = compare_with(a, [b], source=0, sources=[1], frequencies=Frequencies(records=100_000, bits=bits))
    return decide(load(), pairs, records={0: 50_000, 1: 50_000}, costs=Costs())


CERTIFIED = "1850675056024" + key_of("1850675056024")
TWIN = "1850675056025" + key_of("1850675056025")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"nir": CERTIFIED}, {"nir": TWIN}),
        ({}, {"first_names": "Hugo"}),
        ({}, {"first_names": "Sophie", "sex": "F"}),
        ({"nir": CERTIFIED}, {"first_names": "Théo"}),
    ],
)
def test_twins_brothers_and_couples_are_never_one_person(one, other):
    said = decided(person(**one), person(**other))

    assert said.never.all()
    assert not said.link.any()
    assert not said.review.any()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"nir": CERTIFIED}, {"nir": CERTIFIED, "address": "", "postcode": "", "phone": "", "email": ""}),
        ({}, {"nir": CERTIFIED}),
        ({}, {"birth_name": "MARTIN", "first_names": "LUCAS PAUL"}),
        (
            {"birth_name": "Dupont (née Martin)", "first_names": "Léa", "sex": "F"},
            {"first_names": "LEA", "sex": "F", "usage_name": "DUPONT"},
        ),
        ({"birth_name": "Lucas", "first_names": "Martin"}, {}),
    ],
)
def test_one_person_said_twice_is_linked(one, other):
    assert decided(person(**one), person(**other)).link.all()


ELSEWHERE = {
    "nir": CERTIFIED,
    "phone": "0712345678",
    "email": "autre@exemple.fr",
    "address": "3 rue Haute",
    "postcode": "69001",
}


@pytest.mark.parametrize("first_names", ["Lucien", "Hugo", "Luc"])
def test_twins_of_whom_one_bears_the_other_s_number_are_left_to_a_person(first_names):
    said = decided(person(nir=CERTIFIED), person(**ELSEWHERE, first_names=first_names))

    assert said.review.all()


@pytest.mark.parametrize("shared", [{"phone": "0612345679"}, {"email": "foyer@exemple.fr"}])
def test_one_number_and_a_way_to_be_met_make_one_person_under_two_first_names(shared):
    assert decided(person(nir=CERTIFIED), person(**ELSEWHERE | shared, first_names="Lucien")).link.all()


def test_one_number_and_a_slip_that_nobody_bears_make_one_person():
    assert decided(person(nir=CERTIFIED), person(**ELSEWHERE, first_names="Lucad"), first=16.0).link.all()


def test_a_brother_and_a_sister_with_near_first_names_are_left_to_a_person():
    said = decided(person(first_names="Jules"), person(first_names="Julie", sex="F"))

    assert not said.link.any()


def test_twins_whose_first_names_are_alike_but_no_slip_are_left_to_a_person():
    said = decided(person(first_names="Mathilde"), person(first_names="Mathieu", phone="", email=""))

    assert not said.link.any()


def test_a_husband_and_wife_of_one_first_name_and_one_birthday_are_left_to_a_person():
    husband = person(birth_name="Leroy", first_names="Camille", sex="M", birth_place_insee="")
    wife = person(birth_name="Moulin", usage_name="Leroy", first_names="Camille", sex="F", birth_place_insee="")

    assert not decided(husband, wife).link.any()


def test_names_and_first_names_swapped_and_one_of_them_written_badly_make_one_person():
    assert decided(person(), person(birth_name="Lucsa", first_names="Martin")).link.all()


def test_a_sex_typed_wrong_keeps_nobody_apart():
    assert decided(person(nir=CERTIFIED), person(nir=CERTIFIED, sex="F")).link.all()


def test_what_links_does_not_depend_on_the_side():
    for one, other in product([person(), person(first_names="Luca"), person(birth_date="01/01/1985")], repeat=2):
        assert decided(one, other).chances == pytest.approx(decided(other, one).chances)


def test_rules_say_in_french_why_and_each_differs():
    said = [rule.__doc__ for rule in (*NEVER, *SURE, *ONLY_A_PERSON, *RELATIVES, *LOOK_ALIKES)]

    assert all(said)
    assert len(set(said)) == len(said)


def test_a_father_and_son_of_one_name_are_left_to_a_person():
    said = decided(person(), person(birth_date="03/02/2008"))

    assert not said.link.any()


def test_costs_set_the_thresholds():
    thresholds = Costs(false_merge=19, of_relatives=99).link_from(np.array([False, True]))

    assert thresholds == pytest.approx([0.95, 0.99])
    assert not forbidden(np.zeros((1, len(COMPARISONS)), dtype=np.uint8)).any()


def test_rivals_are_the_same_whichever_record_of_a_pair_came_first():
    draw = np.random.default_rng(4)
    source = draw.integers(0, 3, 40).astype(np.uint8)
    a, b = np.array(list(combinations(range(40), 2))).T
    total = draw.normal(size=len(a))
    forward = _pairs_of(a, b, source)
    turned = draw.random(len(a)) < 0.5
    mixed = _pairs_of(np.where(turned, b, a), np.where(turned, a, b), source)

    ahead, again = rivals_of(forward, total), rivals_of(mixed, total)

    assert np.array_equal(np.where(turned, again[1], again[0]), ahead[0])
    assert np.array_equal(np.where(turned, again[0], again[1]), ahead[1])


def _pairs_of(a, b, source):
    return replace(Pairs.none(), a=a, b=b, source_a=source[a], source_b=source[b])


def test_rivals_only_take_chances_away():
    """What is refused if neither record had another pair is refused among any rivals: they need not be looked for."""
    model, draw = load(), np.random.default_rng(8)
    size = 20_000
    levels = np.column_stack([draw.integers(0, len(each.levels), size) for each in COMPARISONS]).astype(np.uint8)
    bits = draw.uniform(0, 18, (size, BITS)).astype(np.float32)
    places = np.zeros(size, dtype=np.uint8)
    pairs = Pairs(
        a=np.arange(size), b=np.arange(size) + size, source_a=places, source_b=places, levels=levels, bits=bits
    )
    rivals = tuple(model.totals(pairs) - draw.uniform(-60, 60, size) for _ in range(2))
    said = {"records": {0: 2_000_000}, "costs": Costs()}

    alone, among = decide(model, pairs, rivals=nobody(size), **said), decide(model, pairs, rivals=rivals, **said)

    assert (among.chances <= alone.chances).all()
    assert not ((among.link | among.review) & ~(alone.link | alone.review)).any()
    assert (alone.link | alone.review).any()


def test_a_rival_out_of_reach_changes_nothing():
    model, size = load(), 500
    draw = np.random.default_rng(9)
    levels = np.column_stack([draw.integers(0, len(each.levels), size) for each in COMPARISONS]).astype(np.uint8)
    places = np.zeros(size, dtype=np.uint8)
    pairs = Pairs(
        a=np.arange(size), b=np.arange(size) + size, source_a=places, source_b=places, levels=levels,
        bits=draw.uniform(0, 18, (size, BITS)).astype(np.float32),
    )  # fmt: skip
    total, said = model.totals(pairs), {"records": {0: 2_000_000}, "costs": Costs()}

    alone = decide(model, pairs, rivals=nobody(size), **said)
    beyond = decide(model, pairs, rivals=(total - model.reach, total - model.reach), **said)
    within = decide(model, pairs, rivals=(total, total), **said)

    assert (alone.chances == beyond.chances).all()
    assert (within.chances < alone.chances).any()


TWINS = {
    "birth_name": "Lejeune",
    "birth_date": "2004-08-20",
    "birth_place_insee": "52121",
    "sex": "F",
    "postcode": "52300",
}


@pytest.mark.parametrize(
    ("one", "other"), [("Marie", "Marie-Claude"), ("Anne-Marie", "Anne-Sophie"), ("Jean-Luc, Paul", "Jean-Marc, Paul")]
)
def test_twins_whose_first_names_begin_with_one_word_are_not_linked_by_the_model(one, other):
    pairs = compare_with(
        standardise(TWINS | {"first_names": one, "address": "106 boulevard Pasteur"}),
        [standardise(TWINS | {"first_names": other, "address": "37 rue Pasteur"})],
        source=0, sources=[1], frequencies=Frequencies(records=100_000, bits={kind: {} for kind in TYPICAL}, typical=TYPICAL),
    )  # fmt: skip

    decided = decide(load(), pairs, records={0: 100_000, 1: 100_000}, costs=Costs())

    assert not decided.link.any()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Marie-Claude", "Marie Claude"), ("Marie-Claude", "MARIE-CLAUD"), ("Marie-Claude", "Marie-Calude"), ("Jean-Pierre", "Jean, Pierre"),
        ("Marie-Claude", "Marie, Anne, Claude"), ("Marie-Françoise", "Marie-Françoi"), ("Jean-Luc", "Jean-Luc, Paul"),
    ],
)  # fmt: skip
def test_a_first_name_with_a_hyphen_is_the_same_however_it_is_written(one, other):
    (level,) = [
        comparison.levels[place].name
        for comparison, place in zip(
            COMPARISONS, levels_of(standardise({"first_names": one}), standardise({"first_names": other})), strict=True
        )
        if comparison.name == "first_name"
    ]

    assert level in {"égaux, deux ou plus", "égal"}
