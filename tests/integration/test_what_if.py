"""A change of model shows its effect before it has one; a full match that would change too many changes nobody."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from identities import People, crowd, say
from sqlalchemy import text
from test_intake import run

from hub.identity.matching import read_matching
from hub.people.reconcile import reconcile, what_if
from hub.sandbox.population import Population
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration


@pytest.fixture
def people(hub):
    return People(hub.engine, hub.vault)


@pytest.fixture
def candidate(tmp_path):
    def write(**given):
        path = tmp_path / "candidate.json"
        path.write_text(json.dumps(given), encoding="utf-8")
        return path

    return write


def blind():
    """The model that ships, but every name, first name and date speaks against."""
    document = json.loads(files("hub.identity.models").joinpath("2026-11-28.json").read_text(encoding="utf-8"))
    for matter in ("name", "first_name", "born"):
        for level in document["levels"][matter]:
            level["bits"] = min(level["bits"], -60.0)
    return document | {"version": "candidate"}


def kept(people):
    return (
        people.together(),
        people.rows("select id from link order by id"),
        people.rows("select count(*) from comparison"),
    )


def test_what_a_careless_cost_would_merge_is_said_and_not_done(hub, people, candidate, clock):
    people.hear(*crowd(40))
    reconcile(hub, clock=clock)
    before = kept(people)
    careless = candidate(costs={"false_merge": 0.1, "of_relatives": 0.1})

    said = what_if(hub, careless, clock=clock)

    assert said["merges"] > 0
    assert said["splits"] == 0
    assert said["households"] > 0
    assert len(said["worst"][0]["persons"]) >= 2
    assert kept(people) == before


def test_what_a_blind_model_would_split_is_said_worst_first_and_blocked(hub, people, candidate, clock):
    people.hear(*(say(adult, flow, nir=False) for adult in Population(seed=5, size=30).adults
                  for flow in ("caf_rsa", "pole_emploi_usagers")))  # fmt: skip
    reconcile(hub, clock=clock)
    before = kept(people)

    said = what_if(hub, candidate(**blind()), clock=clock)

    assert (said["blocked"], said["model"]) == (True, "candidate")
    assert said["splits"] > 10
    assert [each["partners_told"] for each in said["worst"]] == sorted(
        (each["partners_told"] for each in said["worst"]), reverse=True
    )
    assert kept(people) == before


def test_the_same_model_would_change_nobody(hub, people, candidate, clock):
    people.hear(*crowd(40))
    reconcile(hub, clock=clock)

    said = what_if(hub, candidate(costs={}), clock=clock)

    assert (said["merges"], said["splits"], said["blocked"], said["worst"]) == (0, 0, False, [])


def test_a_full_match_that_drifts_too_far_changes_nobody_unless_told_to(hub, people, clock):
    adults = Population(seed=5, size=40).adults
    people.hear(*(say(adult, flow) for adult in adults for flow in ("caf_rsa", "pole_emploi_usagers")))
    reconcile(hub, clock=clock)
    before = kept(people)
    with hub.engine.begin() as connection:  # as if an older release had linked by something else
        connection.execute(text("update source_identity set comparable = comparable"))
        connection.execute(
            text("update source_version set content = content - 'identity.birth_date' - 'identity.first_names',"
                 " nir_encrypted = null")
        )  # fmt: skip

    refused = run(hub, "reconcile", "--full", code=1)
    unchanged = kept(people)
    allowed = run(hub, "reconcile", "--full", "--yes")

    assert refused["blocked"]
    assert refused["splits"] > 10
    assert unchanged == before
    assert allowed["drift"]["splits"] == refused["splits"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cost": {}}, "only costs, labels, levels"),
        ({"costs": {"false": 1}}, "costs may hold false_merge, of_relatives, review"),
        ({"costs": {"review": 0}}, "above zero"),
        ({"version": "x"}, "lacks 'scorecard'"),
        ({"version": "x", "scorecard": {"start": 0, "lines": []}, "levels": {}}, "levels.nir must hold 9 levels"),
    ],
)
def test_a_wrong_candidate_says_what_to_correct(candidate, given, said):
    with pytest.raises(FixTheDeclaration, match=said):
        read_matching(candidate(**given))


def test_a_candidate_that_is_not_there_is_a_wrong_call(hub):
    assert "cannot be read" in run(hub, "reconcile", "--what-if", "absent.json", code=2)
