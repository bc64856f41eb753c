"""What people decide about who is who: in which order they are asked, by how many, for how long, and undone without a trace."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest
from cycle import new_hub
from identities import People, crowd, say
from sqlalchemy import text
from test_intake import run

from hub.identity.explain import explain
from hub.identity.two_truths import vouched_for
from hub.people.reconcile import reconcile
from hub.people.reviews import decide, keep_decision, open_cases, show, weigh_cases
from hub.people.unlink import unlink
from hub.sandbox.population import Population
from hub.storage.store import create_database, drop_database
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

ONE, OTHER = Population(seed=5, size=2).adults


@pytest.fixture
def people(hub):
    return People(hub.engine, hub.vault)


@pytest.fixture
def control(postgres, tmp_path):
    """Another hub, in which the link never existed."""
    create_database(postgres, "control", template="hub_template")
    opened = new_hub(tmp_path / "control", postgres.set(database="control"))
    yield opened
    opened.engine.dispose()
    drop_database(postgres, "control")


def doubtful(adult, *, key="d"):
    """A record of somebody whose first name nearly agrees."""
    return say(adult, "pole_emploi_usagers", key=key, nir=False, identity__first_names=[nearly(adult.first_names[0])],
               contact__address_street=None, contact__postcode=None)  # fmt: skip


def nearly(name):
    return f"{name[:3]}{name[3:][::-1]}" if name[3:] != name[3:][::-1] else f"{name[:2]}ou{name[2:]}"


def case_of(hub):
    (case,) = open_cases(hub)
    return case


def agree(hub, verdict, clock):
    """Two people say the same, whatever the model is sure of."""
    case = case_of(hub)["id"]
    decided = [decide(hub, case, verdict=verdict, author="a.dupont", reason="vues ensemble", now=clock())]
    if not decided[0]:
        decided.append(decide(hub, case, verdict=verdict, author="b.leroy", reason="vues ensemble", now=clock()))
    assert decided[-1]


def persons(people):
    return people.together()


# --- asked --------------------------------------------------------------------------------------------------------


def put_cases(people, *cases):
    """Cases of a given chance and evidence, each between two records of their own."""
    made = []
    for number, (chance, rules, partners) in enumerate(cases):
        said = [say(ONE, "caf_rsa", key=f"a{number}"), say(OTHER, "pole_emploi_usagers", key=f"b{number}")]
        a, b = sorted(people.hear(*said))
        with people.engine.begin() as connection:
            for record in (a, b)[:partners]:
                person = connection.execute(
                    text("insert into person (id, created_at) values (gen_random_uuid(), now()) returning id")
                ).scalar_one()
                connection.execute(
                    text("insert into link (source_record_id, person_id, method, evidence, author, decided_at)"
                         " values (:record, :person, 'seul', '{}', 'hub', now())"), {"record": record, "person": person}
                )  # fmt: skip
            made.append(
                connection.execute(
                    text("insert into review_case (record_a, record_b, kind, evidence, chance, opened_at)"
                         " values (:a, :b, 'a_confirmer', cast(:evidence as jsonb), :chance, now()) returning id"),
                    {"a": a, "b": b, "chance": chance, "evidence": json.dumps({"regles": rules})},
                ).scalar_one()
            )  # fmt: skip
            weigh_cases(connection, connection.execute(text("select id from person")).scalars().all())
    return made


def test_the_case_whose_answer_is_worth_most_is_asked_first(hub, people):
    sure, open_, twins, awaited = put_cases(
        people, (0.06, [], 1), (0.5, [], 1), (0.5, ["perhaps_twins"], 1), (0.5, [], 2)
    )

    asked = [case["id"] for case in open_cases(hub)]

    assert asked == [twins, awaited, open_, sure]
    assert [case["partners"] for case in open_cases(hub)] == [1, 2, 1, 1]


def test_against_a_model_that_is_sure_two_different_people_must_agree(hub, people, clock):
    (case,) = put_cases(people, (0.03, [], 2))

    assert not decide(hub, case, verdict="same", author="a.dupont", reason="vue en entretien", now=clock())
    assert not decide(hub, case, verdict="same", author=" A.Dupont ", reason="encore", now=clock())
    assert not decide(hub, case, verdict="same", author="a.dupont", reason="toujours", now=clock())
    assert [each["reason"] for each in show(hub, case)["opinions"]] == ["toujours"]
    assert len(open_cases(hub)) == 1


def test_the_second_person_decides_and_both_are_named(hub, people, clock):
    (case,) = put_cases(people, (0.97, [], 2))

    first = decide(hub, case, verdict="distinct", author="a.dupont", reason="jumelles", now=clock())
    against = decide(hub, case, verdict="distinct", author="a.dupont", reason="jumelles", now=clock())
    second = decide(hub, case, verdict="distinct", author="b.leroy", reason="jumelles", now=clock())

    assert (first, against, second) == (False, False, True)
    assert people.rows("select verdict, author, reason from decision") == [
        ("distinct", "a.dupont et b.leroy", "jumelles")
    ]
    assert open_cases(hub) == []


def test_near_what_the_model_says_one_person_is_enough(hub, people, clock):
    (case,) = put_cases(people, (0.5, [], 2))

    assert decide(hub, case, verdict="same", author="a.dupont", reason=None, now=clock())


def test_a_decision_outlives_a_hundred_full_matches(hub, people, clock):
    people.hear(say(ONE, "caf_rsa"), doubtful(ONE), say(OTHER, "departement_pivot"))
    people.match()
    agree(hub, "distinct", clock)
    people.match()
    before = (persons(people), people.rows("select id from link order by id"))

    for _ in range(100):
        done = people.match(full=True)
        assert (done.linked, done.reviews_opened) == (0, 0)

    assert (persons(people), people.rows("select id from link order by id")) == before


def test_a_person_s_yes_holds_as_long(hub, people, clock):
    people.hear(say(ONE, "caf_rsa"), doubtful(ONE))
    people.match()
    agree(hub, "same", clock)
    people.match()

    assert len(persons(people)) == 1
    assert [people.match(full=True).linked for _ in range(3)] == [0, 0, 0]
    assert people.rows("select method, author from link where superseded_at is null order by id")[-1] == (
        "decision_humaine", "a.dupont",
    )  # fmt: skip


# --- two truths ---------------------------------------------------------------------------------------------------


def test_two_partners_that_vouch_for_two_birth_dates_are_a_case_for_the_field_s_owner(hub, people, clock):
    day = ONE.birth_date.replace(day=ONE.birth_date.day % 28 + 1)
    people.hear(say(ONE, "caf_rsa"), say(ONE, "departement_pivot", identity__birth_date=day.isoformat()))

    opened = people.match().reviews_opened

    (case,) = open_cases(hub, owner="caf")
    assert (opened, case["kind"], len(persons(people))) == (1, "deux_verites", 1)
    assert show(hub, case["id"])["evidence"] == {"champs": ["identity.birth_date"]}
    assert open_cases(hub, owner="pole_emploi") == []
    assert people.match(full=True).reviews_opened == 0
    decide(hub, case["id"], verdict="same", author="a.dupont", reason="date de l'acte", now=clock())
    assert people.match(full=True).reviews_opened == 0


def test_two_truths_that_agree_again_close_their_case(hub, people):
    day = ONE.birth_date.replace(day=ONE.birth_date.day % 28 + 1)
    people.hear(say(ONE, "caf_rsa"), say(ONE, "departement_pivot", identity__birth_date=day.isoformat()))
    people.match()

    people.hear(say(ONE, "departement_pivot"))
    people.match()

    assert open_cases(hub) == []


def test_every_field_vouched_for_can_be_compared():
    assert "identity.birth_date" in vouched_for()


# --- undone -------------------------------------------------------------------------------------------------------


def dossiers(hub):
    """Every dossier, by the records it is made of."""
    with hub.engine.connect() as connection:
        rows = connection.execute(
            text("""
            select d.content::text as content, d.content_hash, array_agg(l.source_record_id order by 1) as records
            from dossier d join link l on l.person_id = d.person_id and l.superseded_at is null group by d.person_id
            """)
        ).all()
    return {tuple(row.records): (row.content, bytes(row.content_hash)) for row in rows}


SITUATION = {"job_seeker__status": "Inscrit", "job_seeker__category": "1", "job_seeker__registered_on": "2026-01-05"}
RSA = {"rsa__state": "2", "rsa__claim_date": "2025-05-05", "identifiers__departement": "008"}


def three():
    """One person the département 08 follows, who lives there."""
    one = partial(say, ONE, contact__postcode="08000")
    return (
        one("caf_rsa", **RSA),
        one("departement_pivot", identifiers__departement_id="X1", contact__phones=None, contact__email=None),
        one("pole_emploi_usagers", nir=False, identifiers__france_travail_number="40000000001", **SITUATION),
    )


def all_sent(hub):
    with hub.engine.begin() as connection:
        connection.execute(text("update message set state = 'sent', sent_at = created_at where state = 'pending'"))


def test_unlinking_leaves_both_dossiers_as_if_the_link_had_never_been(hub, people, control, clock):
    never = People(control.engine, control.vault)
    records = people.hear(*three())
    assert records == never.hear(*three())
    reconcile(hub, clock=clock)
    with control.engine.begin() as connection:
        for other in records[:2]:
            keep_decision(connection, (other, records[2]), verdict="distinct", author="x", reason="x", now=clock())
    reconcile(control, clock=clock)
    person = people.person(records[0])
    assert len(dossiers(hub)) == 1

    unlink(hub, person, records[2], author="a.dupont", reason="sa sœur", clock=clock, dry_run=False)

    assert dossiers(hub) == dossiers(control)
    assert len(dossiers(hub)) == 2
    for _ in range(3):
        assert reconcile(hub, clock=clock, full=True)["linked"] == 0
    assert dossiers(hub) == dossiers(control)


def test_unlinking_hands_over_what_each_partner_was_sent_because_of_the_link(hub, people, clock):
    records = people.hear(*three())
    reconcile(hub, clock=clock)
    all_sent(hub)
    person = people.person(records[0])

    done = unlink(hub, person, records[2], author="a.dupont", reason="sa sœur", clock=clock, dry_run=False)

    told = done["sent_because_of_the_link"]
    assert {"job_seeker.status", "job_seeker.registered_on"} <= set(told["departement_08"])
    assert "rsa.state" not in told["departement_08"]
    assert done["messages"]["departement_08"] == 1
    last = people.rows(
        "select payload from message where partner = 'departement_08' and state = 'pending' order by sequence desc"
    )
    assert last[0].payload["fields"]["job_seeker.status"] is None


def test_what_never_left_was_sent_to_nobody(hub, people, clock):
    records = people.hear(*three())
    reconcile(hub, clock=clock)

    done = unlink(hub, people.person(records[0]), records[2], author="a", reason="b", clock=clock, dry_run=True)

    assert done["sent_because_of_the_link"] == {}


def test_the_part_with_the_oldest_certified_record_keeps_the_id_and_no_id_comes_back(hub, people, clock):
    uncertified, certified = people.hear(
        say(ONE, "pole_emploi_usagers", nir=False), say(ONE, "caf_rsa"), say(OTHER, "caf_rsa")
    )[:2]
    people.match()
    person, ever = people.person(certified), {row.id for row in people.rows("select id from person")}

    unlink(hub, person, certified, author="a", reason="b", clock=clock, dry_run=False)

    assert people.person(certified) == person
    assert people.person(uncertified) not in ever


def test_a_dry_run_of_unlinking_moves_nothing(hub, people, clock):
    records = people.hear(*three())
    reconcile(hub, clock=clock)
    before = (persons(people), dossiers(hub), people.rows("select * from decision"))

    said = run(
        hub, "person", "unlink", str(people.person(records[0])), str(records[2]), "--author", "a", "--reason", "b"
    )

    assert len(said["persons"]) == 2
    assert (persons(people), dossiers(hub), people.rows("select * from decision")) == before


def test_a_record_of_somebody_else_or_the_only_one_cannot_be_unlinked(hub, people, clock):
    mine, theirs = people.hear(say(ONE, "caf_rsa"), say(OTHER, "caf_rsa"))
    people.match()

    with pytest.raises(FixTheDeclaration, match="is not linked"):
        unlink(hub, people.person(mine), theirs, author="a", reason="b", clock=clock, dry_run=False)
    with pytest.raises(FixTheDeclaration, match="nothing to unlink"):
        unlink(hub, people.person(mine), mine, author="a", reason="b", clock=clock, dry_run=False)


# --- explained ----------------------------------------------------------------------------------------------------


def paragraphs(people, person):
    with people.engine.connect() as connection:
        return explain(connection, person)


def test_a_link_is_explained_field_by_field_with_what_would_have_changed_it(people):
    (caf,) = people.hear(say(ONE, "caf_rsa"))
    people.match()
    (pe,) = people.hear(say(ONE, "pole_emploi_usagers", nir=False))
    people.match()

    first, second = paragraphs(people, people.person(pe))

    assert re.match(rf"caf_rsa, fiche {caf} : première fiche", first)
    assert "rapprochée par le calcul, le 24/11/2026 (modèle 2026-11-28, chance 99," in second
    assert "date de naissance : égale, pèse fortement pour" in second
    assert "non comparable : numéro de sécurité sociale" in second
    assert "aurait changé la décision : numéro de sécurité sociale « différents, certifiés »" in second


def test_a_refusal_is_explained_and_tells_nothing_of_the_other(people):
    sister = say(ONE, "pole_emploi_usagers", key="s", nir=False, identity__first_names=["Philippine"])
    caf, _ = people.hear(say(ONE, "caf_rsa"), sister)
    people.match()

    said = "\n".join(paragraphs(people, people.person(caf)))

    assert "une fiche ressemblante n'a pas été réunie, jamais réunie sans qu'un agent le dise" in said
    assert "Des prénoms sans rapport et pas de numéro commun" in said
    for value in ("PHILIPPINE", "Philippine", ONE.birth_name, ONE.phone[-9:], ONE.email):
        assert value not in said


def test_an_explanation_is_read_and_never_computed_again(people, monkeypatch):
    caf, _ = people.hear(say(ONE, "caf_rsa"), say(ONE, "pole_emploi_usagers", nir=False))
    people.match()
    before = paragraphs(people, people.person(caf))
    with people.engine.begin() as connection:
        connection.execute(text("update source_version set content = '{}'"))
        connection.execute(text("update source_identity set comparable = '{}'"))
    monkeypatch.setattr("hub.identity.model.scorecard.load", None)

    assert paragraphs(people, people.person(caf)) == before


def test_what_a_person_decided_is_explained_with_its_author(hub, people, clock):
    caf, _ = people.hear(say(ONE, "caf_rsa"), doubtful(ONE))
    people.match()
    agree(hub, "distinct", clock)
    people.match()

    assert "tenue à part pour toujours, décidé par a.dupont" in "\n".join(paragraphs(people, people.person(caf)))


def test_an_alias_says_where_the_person_is_now(people):
    caf, pe = people.hear(say(ONE, "caf_rsa"), say(OTHER, "pole_emploi_usagers", key="x"))
    people.match()
    gone, kept = people.person(pe), people.person(caf)
    people.hear(say(ONE, "pole_emploi_usagers", key="x"))
    people.match()

    assert paragraphs(people, gone) == [f"Cette personne a été réunie à une autre : voir {kept}."]


def test_every_refusal_and_every_link_of_a_crowd_keeps_its_evidence(people):
    people.hear(*crowd(40))
    people.match()

    without = "select count(*) from comparison where decision in ('link', 'review', 'never') and evidence is null"
    bare = (
        "select count(*) from link where method <> 'seul' and not evidence ?& array['champs', 'changerait', 'points']"
    )
    assert people.rows(without) == people.rows(bare) == [(0,)]
