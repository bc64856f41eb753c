"""Certified numbers check the thresholds at each large run: what the model would do without them is measured, kept, said."""

from __future__ import annotations

import pytest
from identities import People, crowd, say
from sqlalchemy import text

from hub.identity import thresholds
from hub.identity.matching import Matching
from hub.identity.model.decision import Costs
from hub.identity.thresholds import CONTRADICTED, MISSED, Check
from hub.people import reconcile as matching_module
from hub.people.reconcile import reconcile
from hub.sandbox.population import Population

pytestmark = pytest.mark.integration

CHECKS = "select same, same_linked, same_to_review, different, different_linked from threshold_check order by id"
ALARMS = "select kind, closed_at is not null as closed from alarm where kind = 'seuils_derives' order by id"


@pytest.fixture
def people(hub):
    return People(hub.engine, hub.vault)


@pytest.fixture(autouse=True)
def few_suffice(monkeypatch):
    monkeypatch.setattr(thresholds, "ENOUGH", 20)


def twins(adults):
    """What two partners say of people, and of a twin of each: other certified number, a first name one letter away, all else shared."""
    for adult in adults:
        yield say(adult, "caf_rsa")
        yield say(adult, "pole_emploi_usagers")
        twin = say(adult, "departement_pivot", key=f"twin {adult.number}")
        first = adult.first_names[0][:-1] + "X"
        content = twin.content | {"identity.first_names": [first]}
        yield type(twin)(twin.flow, twin.key, content, twin.nir[:-3] + "998")


def test_a_full_match_says_what_the_model_would_do_without_certified_numbers(hub, people, clock):
    people.hear(*crowd(60))
    reconcile(hub, clock=clock)

    said = reconcile(hub, clock=clock, full=True)["thresholds"]

    assert said["same"] > 20
    assert said["same_linked"] + said["same_to_review"] > 0.9 * said["same"]
    assert (said["missed_limit"], said["contradicted_limit"]) == (MISSED, CONTRADICTED)
    assert people.rows(CHECKS)[-1][:2] == (said["same"], said["same_linked"])


def test_a_run_of_a_few_records_checks_nothing(hub, people, clock):
    people.hear(*crowd(20))

    assert "thresholds" not in reconcile(hub, clock=clock)
    assert people.rows(CHECKS) == []


def test_a_run_of_many_new_records_checks_too(hub, people, clock, monkeypatch):
    monkeypatch.setattr(matching_module, "FEW", 30)
    people.hear(*crowd(40))

    assert reconcile(hub, clock=clock)["thresholds"]["same"] > 0


def test_links_that_numbers_contradict_raise_an_alarm_that_closes_by_itself(hub, people, clock):
    people.hear(*twins(Population(seed=9, size=60).adults))
    reconcile(hub, clock=clock)
    hub.__dict__["matching"] = Matching(costs=Costs(false_merge=0.001, of_relatives=0.001))

    careless = reconcile(hub, clock=clock, full=True, anyhow=True)["thresholds"]
    raised = people.rows(ALARMS)
    hub.__dict__["matching"] = Matching(costs=Costs(false_merge=1e9, of_relatives=1e9, review=0.0))
    careful = reconcile(hub, clock=clock, full=True, anyhow=True)["thresholds"]

    assert careless["different_linked"] > 0
    assert careless["contradicted"] > CONTRADICTED
    assert raised == [("seuils_derives", False)]
    assert careful["contradicted"] == 0.0
    assert people.rows(ALARMS) == [("seuils_derives", True)]


def test_two_different_certified_numbers_still_make_two_persons_whatever_the_costs(hub, people, clock):
    people.hear(*twins(Population(seed=9, size=20).adults))
    hub.__dict__["matching"] = Matching(costs=Costs(false_merge=0.001, of_relatives=0.001))
    reconcile(hub, clock=clock)

    numbers = people.rows("""
        select 1 from link l join source_identity i using (source_record_id)
        where l.superseded_at is null and i.nir_state = 5 group by l.person_id having count(distinct i.number_hash) > 1
        """)
    assert numbers == []


def test_the_alarm_says_which_cost_would_suffice_and_names_nobody(hub, people, clock):
    people.hear(*twins(Population(seed=9, size=60).adults))
    hub.__dict__["matching"] = Matching(costs=Costs(false_merge=0.001, of_relatives=0.001))
    found = reconcile(hub, clock=clock)
    assert "thresholds" not in found
    found = reconcile(hub, clock=clock, full=True, anyhow=True)["thresholds"]

    with hub.engine.connect() as connection:
        (message,) = connection.execute(text("select message from alarm where kind = 'seuils_derives'")).scalars()

    assert "contredits" in message
    assert (found["cost_needed"] is None) or f"{found['cost_needed']:g}" in message


@pytest.mark.parametrize(
    ("counts", "drifted"),
    [
        ({"same": 10, "same_linked": 0}, False),
        ({"same": 100, "same_linked": 90, "same_to_review": 9, "different": 5}, False),
        ({"same": 100, "same_linked": 80, "same_to_review": 5}, True),
        ({"same": 100, "same_linked": 99, "different": 5, "different_linked": 1}, True),
    ],
)
def test_thresholds_have_drifted_past_either_limit_on_enough_pairs(counts, drifted):
    assert Check(**counts).drifted is drifted
