"""Every hostile delivery of the corpus is applied, quarantined with a reason or refused with one; never anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import building
import corpus
from document import document
from judging import faults, value_faults
from taking import Taker

from connectors.completeness import Place, is_wanted
from connectors.france_travail.cleaning import parse
from connectors.writers.files import harmless
from hub.storage.store import create_database, drop_database

pytestmark = pytest.mark.integration
HERE = Path(__file__).parent
MOST_SECONDS = 60
MOST_MEGABYTES = 700


@pytest.fixture(scope="module")
def url(postgres):
    create_database(postgres, "hostile", template="hub_template")
    yield postgres.set(database="hostile").render_as_string(hide_password=False)
    drop_database(postgres, "hostile")


@pytest.fixture(scope="module")
def taker(url, tmp_path_factory):
    opened = Taker(tmp_path_factory.mktemp("hub"), url)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ["xml", "csv", "json_lines", "archives"])
def test_every_hostile_delivery_meets_its_verdict(taker, name):
    found = {case["name"]: faults(taker, case) for case in corpus.deliveries(name)}

    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("flow", corpus.values())
def test_every_odd_value_meets_its_verdict(taker, flow):
    cases = corpus.values()[flow]

    verdict = taker.take(flow, corpus.delivery_of_values(flow, cases))

    assert verdict.balanced, verdict.reason
    assert value_faults(taker.hub(), verdict, cases) == {}


def test_the_heaviest_deliveries_stay_within_time_and_memory(url, tmp_path):
    done = subprocess.run(
        [sys.executable, str(HERE), "heavy", url, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert figures["faults"] == {}
    assert figures["slowest_seconds"] < MOST_SECONDS
    assert figures["peak_megabytes"] < MOST_MEGABYTES


@pytest.mark.parametrize("case", corpus.read("names")["cases"], ids=lambda case: repr(case["name"]))
def test_a_hostile_file_name_is_left_where_it_is(case):
    assert is_wanted(case["name"], Place(folder=".", pattern=corpus.read("names")["pattern"])) is case["taken"]


@pytest.mark.parametrize("case", corpus.read("outgoing")["cases"], ids=lambda case: repr(case["cell"]))
def test_no_cell_runs_in_the_spreadsheet_of_a_partner(case):
    assert harmless(case["cell"]) == case["written"]


@pytest.mark.parametrize("case", corpus.read("bodies")["cases"], ids=lambda case: case["name"])
def test_an_answer_of_france_travail_is_read_or_said_to_be_unreadable(case):
    content = building.content_of(case | {"flow": "pole_emploi_usagers"})

    try:
        found = {"becomes": parse(content)[0]}
    except ValueError:
        found = {"unreadable": True}

    assert found.items() <= case.items()


def test_the_corpus_is_as_large_as_it_says():
    assert corpus.count() >= 300


def test_the_table_of_verdicts_is_up_to_date():
    written = (HERE.parents[1] / "docs" / "hostile-input.md").read_text(encoding="utf-8")

    assert written == document(), "run: .venv/bin/python tests/hostile document > docs/hostile-input.md"
