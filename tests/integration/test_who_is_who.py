"""Who is who in the store: one model in every mode, any order of arrival, and nobody merged with a relative."""

from __future__ import annotations

import csv
import random
import threading
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pytest
from identities import FLOWS, People, crowd, say, with_key
from sqlalchemy import text

from hub.identity import comparing, comparisons, neighbours, reconcile, records
from hub.identity.candidates import candidate_pairs, pairs_and_who
from hub.identity.french.person import COLUMNS
from hub.identity.match.blocking import find_pairs
from hub.identity.match.reading import read_files
from hub.identity.match.standardised import standardise_all
from hub.identity.model.scorecard import load
from hub.identity.records import known_of, load_known
from hub.sandbox.population import Population
from hub.storage.statements import ask
from hub.storage.store import create_database, drop_database

pytestmark = pytest.mark.integration

SAID = crowd(60)


@pytest.fixture
def people(engine):
    return People(engine)


@pytest.fixture
def elsewhere(postgres):
    """Other empty stores, for the same people told otherwise."""
    from sqlalchemy import create_engine

    opened = []

    def another():
        name = f"elsewhere_{len(opened)}"
        create_database(postgres, name, template="hub_template")
        engine = create_engine(postgres.set(database=name))
        opened.append((name, engine))
        return People(engine)

    yield another
    for name, engine in opened:
        engine.dispose()
        drop_database(postgres, name)


def adults(size=40, seed=5):
    return Population(seed=seed, size=size).adults


# --- who is linked ------------------------------------------------------------------------------------------------


def test_three_partners_speak_of_one_person(people):
    one = adults()[0]

    people.hear(say(one, "caf_rsa"), say(one, "pole_emploi_usagers", nir=False), say(one, "departement_pivot"))
    done = people.match()

    assert (done.records, done.new_persons, done.linked) == (3, 1, 3)
    assert len(people.together()) == 1


def test_nobody_of_a_crowd_is_merged_with_another_and_most_are_recognised(people):
    truth = {(each.flow, each.key): each.number for each in SAID}

    people.hear(*SAID)
    people.match()

    together = people.together()
    assert all(len({truth[each] for each in members}) == 1 for members in together)
    assert len(together) <= 1.12 * len(
        set(truth.values())
    )  # so few people make every first name common: doubts go to a person


def test_two_certified_numbers_are_never_one_person(people):
    one, other = adults()[0], adults()[1]
    twin = say(one, "pole_emploi_usagers")
    twin = type(twin)(twin.flow, twin.key, twin.content, one.nir[:-3] + "987")
    bridge = say(one, "departement_pivot", nir=False)

    people.hear(say(one, "caf_rsa"), twin, bridge, say(other, "caf_rsa", key="other"))
    people.match()

    assert people.person(people.ids["caf_rsa", one_key(one)]) != people.person(
        people.ids["pole_emploi_usagers", one_key(one)]
    )


def one_key(adult):
    return f"{adult.number}"


@pytest.mark.parametrize("shared_home", [True, False])
def test_twins_of_one_home_stay_two(people, shared_home):
    one = adults()[0]
    first = say(one, "caf_rsa", nir=False, identity__first_names=["Camille"])
    second = say(one, "pole_emploi_usagers", key="twin", nir=False, identity__first_names=["Louise"],
                 **({} if shared_home else {"contact__address_street": "3 rue Haute", "contact__phones": None}))  # fmt: skip

    people.hear(first, second)
    people.match()

    assert len(people.together()) == 2
    assert people.rows("select kind from review_case") == []


def test_a_centre_s_phone_brings_nobody_together_and_its_fifth_bearer_changes_the_first_four(people):
    crowd_of = [adult for adult in adults(60) if adult.in_caf][:6]
    said = [say(adult, "caf_rsa", key=f"{place}", nir=False, contact__phones=["+33612345670"])
            for place, adult in enumerate(crowd_of)]  # fmt: skip

    people.hear(*said[:4])
    people.match()
    flagged = "select count(*) from source_identity where 8 = any(shared)"
    before = people.rows(flagged)
    people.hear(*said[4:])
    people.match()

    assert (before, people.rows(flagged)) == ([(0,)], [(6,)])
    changed = said[0]
    people.hear(*(type(changed)(each.flow, each.key, each.content | {"contact.phones": [f"+3361234568{n}"]}, None)
                  for n, each in enumerate(said[:2])))  # fmt: skip
    people.match()
    assert people.rows(flagged) == [(0,)]


def test_a_key_that_explodes_is_counted_and_not_followed(people, monkeypatch):
    monkeypatch.setattr("hub.identity.candidates.LARGEST_BLOCK", 30)
    one = adults()[0]
    people.hear(*(say(one, "caf_rsa", key=f"{n}", nir=False, identity__first_names=[f"Prénom{chr(65 + n)}"],
                      contact__phones=None, contact__email=None) for n in range(12)))  # fmt: skip

    done = people.match()

    assert done.set_aside["un nom ou le prénom entendus, date"] == 1
    assert people.rows("select count(*) from comparison where chance is null") == [(0,)]


def test_a_number_shared_by_a_family_decides_nothing(people):
    one = adults()[0]
    child = say(one, "departement_pivot", identity__first_names=["Nina"], identity__birth_date="2001-02-03",
                identity__birth_name="MOREL", identity__usage_name=None, contact__phones=None)  # fmt: skip

    people.hear(say(one, "caf_rsa"), child)
    people.match()

    assert len(people.together()) == 2


# --- one model in every mode --------------------------------------------------------------------------------------


def test_a_pair_weighs_the_same_one_by_one_in_a_batch_and_in_a_full_run(people, elsewhere, monkeypatch):
    batch = elsewhere()
    for each in SAID[:60]:
        people.hear(each)
        people.match()
    monkeypatch.setattr(comparing, "MANY", 1)
    batch.hear(*SAID[:60])
    batch.match()
    one_by_one, at_once = people.weights(), batch.weights()
    batch.match(full=True)

    assert one_by_one.keys() == at_once.keys() == batch.weights().keys()
    model = load()
    for pair, (levels, bits, chance) in one_by_one.items():
        assert levels == at_once[pair][0]
        assert abs(weight(model, levels, bits) - weight(model, *at_once[pair][:2])) < 0.01
        assert chance == pytest.approx(at_once[pair][2], abs=1e-4)
    assert batch.weights() == at_once


def weight(model, levels, bits):
    return float(model.weights(np.frombuffer(levels, np.uint8)[None, :], np.frombuffer(bits, "<f4")[None, :]).sum())


def test_the_index_finds_the_pairs_that_whole_files_find(people, tmp_path):
    columns = {
        "birth_name": "identity.birth_name", "usage_name": "identity.usage_name", "birth_date": "identity.birth_date",
        "birth_place_insee": "identity.birth_place_code", "sex": "identity.sex", "address": "contact.address_street",
        "postcode": "contact.postcode", "email": "contact.email",
    }  # fmt: skip
    path = tmp_path / "all.csv"
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, ["source", "source_id", *COLUMNS])
        writer.writeheader()
        for each in SAID:
            key_known = each.content.get("identity.nir_key_status") == "given_ok"
            writer.writerow(
                {name: each.content.get(field) for name, field in columns.items()}
                | {
                    "source": each.flow, "source_id": each.key,
                    "nir": (with_key(each.nir) if key_known else each.nir) if each.nir else None,
                    "first_names": " ".join(each.content["identity.first_names"]),
                    "phone": next(iter(each.content.get("contact.phones", [])), None),
                }
            )  # fmt: skip
    people.hear(*SAID)
    people.match()
    with duckdb.connect() as connection:
        read_files(connection, [path])
        standardise_all(connection)
        find_pairs(connection, within=True)
        rows = connection.execute(
            "SELECT x.source, x.source_id, y.source, y.source_id FROM candidates JOIN said x ON x.rid = a JOIN said y ON y.rid = b"
        ).fetchall()
    expected = {frozenset({(a, b), (c, d)}) for a, b, c, d in rows}

    with people.engine.begin() as connection:
        found = candidate_pairs(connection, list(people.ids.values())).pairs

    names = {record: name for name, record in people.ids.items()}
    assert {frozenset({names[a], names[b]}) for a, b in found} == expected


# --- any order, any time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_same_people_come_out_in_whatever_order_they_came_in(people, elsewhere, seed):
    draw = random.Random(seed)
    told, order = elsewhere(), list(SAID)
    told.hear(*SAID)
    told.match()
    draw.shuffle(order)

    while order:
        size = draw.choice((1, 1, 2, 5, 40))
        people.hear(*order[:size])
        people.match()
        del order[:size]

    assert people.together() == told.together()
    assert people.weights() == told.weights()  # chances among rivals included
    assert people.match(full=True).linked == 0


@pytest.mark.parametrize("weighed", [True, False], ids=["weighed", "of a store filled before pairs were weighed"])
def test_rivals_read_one_at_a_time_give_the_same_chances(people, elsewhere, monkeypatch, weighed):
    monkeypatch.setattr(neighbours, "TOP", 1)
    told, order = elsewhere(), namesakes(24)
    told.hear(*order)
    told.match()
    random.Random(5).shuffle(order)

    for start in range(0, len(order), 3):
        people.hear(*order[start : start + 3])
        people.match()
        if not weighed:
            with people.engine.begin() as connection:
                connection.execute(text("update comparison set total = 'infinity', contended = true"))

    assert people.together() == told.together()
    assert people.weights() == told.weights()
    lost = "select decision, count(*) as pairs from comparison where contended group by decision order by decision"
    assert not weighed or people.rows(lost) == told.rows(lost)
    assert any(row.decision == "apart" for row in told.rows(lost))


def namesakes(size):
    """Records of one name and first name, born on four days, without a number, that share a home or a birth place now and then."""
    draw, one, flows = random.Random(12), adults(60)[0], (*FLOWS,)
    days = [date(1961, 3, 4), date(1961, 3, 5), date(1974, 10, 22), date(1974, 1, 22)]
    return [
        say(replace(one, number=place, address=(f"{draw.randrange(4)}", "rue", "Haute"), phone=f"+3369990000{draw.randrange(5)}",
                    email=f"l{draw.randrange(6)}@exemple.fr", birth_date=draw.choice(days)),
            flows[place % 3], nir=False, identity__birth_place_code=draw.choice((None, "08105", "51454")))
        for place in range(size)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_twins_of_two_files_of_one_partner_come_out_the_same_in_any_order(people, elsewhere, monkeypatch, seed):
    """First names that begin alike: each record has rivals that came before it and after it, in files without a number."""
    monkeypatch.setitem(FLOWS, "pole_emploi_extrait", "pole_emploi")
    draw, told, order = random.Random(seed), elsewhere(), nearly_alike(6)
    told.hear(*order)
    told.match()
    draw.shuffle(order)

    while order:
        size = draw.choice((1, 2, 5))
        people.hear(*order[:size])
        people.match()
        del order[:size]

    assert people.together() == told.together()
    assert people.weights() == told.weights()


def nearly_alike(pairs):
    """What four flows say of twins with homes of their own: one flow never has a number, another does now and then not."""
    draw, flows = random.Random(11), (*FLOWS,)
    said = []
    for place, one in enumerate(adults(60)[:pairs]):
        first, second = (("Marie-Claude", "Marie"), ("Anne-Marie", "Anne-Sophie"), ("Jean-Luc", "Jean"))[place % 3]
        twin = replace(one, number=one.number + 500, nir=one.nir[:-1] + f"{(int(one.nir[-1]) + 1) % 10}",
                       address=("3", "rue", "Haute"), phone="+336999000" + f"{place:02d}", email=f"jumelle{place}@exemple.fr")  # fmt: skip
        for adult, name in ((one, first), (twin, second)):
            for flow in flows:
                bare = flow == "pole_emploi_extrait"
                less = {"contact__phones": None, "contact__email": None} if bare or draw.random() < 0.3 else {}
                number = not bare and draw.random() < 0.7
                said.append(say(adult, flow, nir=number, identity__first_names=[name], **less))
    return said


@pytest.mark.parametrize("size", [3, 40])
def test_how_many_records_are_looked_at_at_once_changes_nobody(people, elsewhere, monkeypatch, size):
    told = elsewhere()
    told.hear(*SAID)
    told.match()
    monkeypatch.setattr(records, "CHUNK", size)
    monkeypatch.setattr(reconcile, "CHUNK", size)
    monkeypatch.setattr(comparisons, "CHUNK", size)

    people.hear(*SAID)
    people.match()

    assert people.together() == told.together()
    assert people.weights() == told.weights()


def test_what_comes_or_changes_while_others_are_matched_is_left_for_the_next_run(people, monkeypatch):
    one, other = adults()[:2]
    people.hear(say(one, "caf_rsa"), say(other, "caf_rsa"))
    candidates = comparisons.candidate_pairs

    def meanwhile(*asked):
        monkeypatch.undo()
        people.hear(say(one, "caf_rsa", contact__phones=None), say(one, "pole_emploi_usagers"))
        return candidates(*asked)

    monkeypatch.setattr(comparisons, "candidate_pairs", meanwhile)
    first = people.match()
    second = people.match()

    assert (first.records, second.records) == (2, 2)
    assert people.rows("select count(*) from source_record where to_match") == [(0,)]


def test_a_record_that_changed_leaves_no_trace_of_what_it_said_before(people, elsewhere):
    told, (one, other) = elsewhere(), adults()[:2]
    wrong = say(other, "pole_emploi_usagers", key="x")
    right = say(one, "pole_emploi_usagers", key="x", nir=False)
    people.hear(say(one, "caf_rsa"), say(other, "caf_rsa"), wrong)
    people.match()

    people.hear(right)
    people.match()
    told.hear(say(one, "caf_rsa"), say(other, "caf_rsa"), right)
    told.match()

    assert people.together() == told.together()
    assert people.weights() == told.weights()


def test_the_keys_of_a_record_go_with_it(people):
    one = adults()[0]
    first, _ = people.hear(say(one, "caf_rsa"), say(one, "pole_emploi_usagers"))
    people.match()

    with people.engine.begin() as connection:
        connection.execute(text("delete from source_identity where source_record_id = :first"), {"first": first})

    left = people.rows("select distinct source_record_id = :first as gone from identity_key", first=first)
    assert left == [(False,)]


def test_pairs_of_a_few_are_those_of_many_and_say_who_the_others_are(people):
    people.hear(*SAID)
    people.match()
    some = sorted(people.ids.values())[:7]

    with people.engine.connect() as connection:
        found = candidate_pairs(connection, some)
        rows = ask(connection, pairs_and_who(some))[0]
        few = candidate_pairs(connection, some, rows)
        others = {record for pair in found.pairs for record in pair} - set(some)
        met = {row.record: known_of(row, people.vault) for row in few.others}

        assert (few.pairs, few.set_aside) == (found.pairs, found.set_aside)
        assert met == load_known(connection, people.vault, others)


def test_running_again_changes_nothing(people):
    people.hear(*SAID[:50])
    people.match()

    again = people.match()
    entirely = people.match(full=True)

    assert (again.records, again.linked, again.reviews_opened) == (0, 0, 0)
    assert (entirely.linked, entirely.new_persons, entirely.reviews_opened) == (0, 0, 0)


def test_two_events_about_one_person_at_once_make_one_person(people):
    one = adults()[0]
    events = [say(one, flow, nir=False) for flow in ("caf_rsa", "pole_emploi_usagers", "departement_pivot")]
    ready = threading.Barrier(len(events))

    def happen(event):
        ready.wait()
        people.hear(event)
        people.match()

    threads = [threading.Thread(target=happen, args=(event,)) for event in events]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(people.together()) == 1
    assert people.rows("select count(*) from person where forwards_to is null") == [(1,)]


def test_the_store_tells_no_number(people):
    one = adults()[0]
    people.hear(say(one, "caf_rsa"), say(one, "pole_emploi_usagers"))
    people.match()

    for table in ("source_identity", "identity_key", "comparison", "link"):
        assert people.rows(f"select 1 from {table} t where t::text like :number", number=f"%{one.nir}%") == []


def test_the_evidence_of_a_link_holds_no_value(people):
    one = adults()[0]
    people.hear(say(one, "caf_rsa"), say(one, "pole_emploi_usagers", nir=False))
    people.match()

    evidence = people.rows("select evidence::text as said from link where method = 'modele'")

    assert evidence
    for value in (one.birth_name, one.first_names[0], one.phone[-9:], one.email, one.birth_date.isoformat()):
        assert all(value not in row.said for row in evidence)
