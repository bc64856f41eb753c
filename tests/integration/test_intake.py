"""The way in, seen from the command line: reference files, refusals, quarantine, reviews."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.formats import Complete
from hub.intake import pipeline
from hub.intake.quarantined import drop, quarantined, show
from hub.people.reconcile import reconcile
from hub.people.reviews import decide, open_cases
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
SAMPLES = Path(__file__).parents[1] / "partners"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference files are not beside the project")


def run(hub, *words, code=0):
    """Run the command as its user would; returns its JSON."""
    environment = os.environ | {"HUB_HOME": str(hub.settings.home), "HUB_DATABASE_URL": hub.settings.database_url}
    done = subprocess.run(
        [sys.executable, "-c", "from hub.cli import main; main()", *words, "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


@needs_reference
def test_the_reference_delivery_is_refused_for_its_control_total(hub):
    line = run(hub, "receive", "caf_rsa", "--file", str(REFERENCE / "caf" / "RSABEM.xml"), code=1)["deliveries"][0]

    assert line["state"] == "refused"
    assert "annonce 1 dossiers" in line["reason"]
    assert "2 ont été lus" in line["reason"]
    assert (line["received"], line["refused"], line["applied"]) == (3, 3, 0)


@needs_reference
def test_the_corrected_delivery_goes_in(hub, tmp_path):
    corrected = tmp_path / "RSABEM.xml"
    content = (REFERENCE / "caf" / "RSABEM.xml").read_bytes()
    corrected.write_bytes(content.replace(b"TRANSM>00000001<", b"TRANSM>00000002<"))

    line = run(hub, "receive", "caf_rsa", "--file", str(corrected))["deliveries"][0]

    assert (line["state"], line["units"], line["applied"], line["balanced"]) == ("applied", 2, 3, True)


@needs_reference
@pytest.mark.parametrize(
    ("flow", "path", "applied", "quarantined"),
    [
        ("departement_pivot", "departement/import_beneficiaires.csv", 3, 1),
        ("pole_emploi_extrait", "pole_emploi/extract_principal.csv", 4, 0),
    ],
)
def test_the_other_reference_files_go_in(hub, clock, flow, path, applied, quarantined):
    line = pipeline.receive_path(hub, hub.flow(flow), REFERENCE / path, clock=clock)[0]

    assert (line.state, line.applied, line.quarantined, line.balanced) == ("applied", applied, quarantined, True)


def sample(flow):
    return next((SAMPLES / flow).glob("sample.*"))


def test_a_bad_record_waits_with_its_reason_and_the_good_ones_go_on(hub, clock):
    line = pipeline.receive_path(hub, hub.flow("departement_pivot"), sample("departement_pivot"), clock=clock)[0]

    waiting = quarantined(hub)

    assert (line.applied, line.quarantined) == (3, 2)
    assert [(each["record"], each["field"]) for each in waiting] == [(3, "identity.birth_date"), (5, "ligne")]
    assert all(each["hint"].endswith(".") for each in waiting)
    assert "Jean" not in json.dumps(show(hub, waiting[0]["reference"]), default=str)


def test_a_dropped_record_keeps_its_reason_and_cannot_be_dropped_twice(hub, clock):
    pipeline.receive_path(hub, hub.flow("departement_pivot"), sample("departement_pivot"), clock=clock)
    number = quarantined(hub)[0]["reference"]

    drop(hub, number, reason="doublon", now=clock())

    assert number not in [each["reference"] for each in quarantined(hub)]
    with pytest.raises(FixTheDeclaration, match="No open record"):
        drop(hub, number, reason="encore", now=clock())


def test_a_truncated_delivery_applies_nothing_and_the_next_one_goes_in(hub, clock, tmp_path):
    whole = sample("caf_rsa")
    cut = tmp_path / "RSABEM_cut.xml"
    cut.write_bytes(whole.read_bytes()[:-900])
    flow = hub.flow("caf_rsa")

    refused = pipeline.receive_path(hub, flow, cut, clock=clock)[0]
    taken = pipeline.receive_path(hub, flow, whole, clock=clock)[0]

    assert (refused.state, refused.applied) == ("refused", 0)
    assert "tronqué" in refused.reason
    assert (taken.state, taken.balanced) == ("applied", True)


def test_two_records_of_one_person_that_differ_are_not_both_believed(hub, clock, tmp_path):
    twice = tmp_path / "twice.csv"
    lines = sample("departement_webrsa").read_text(encoding="utf-8").splitlines()
    twice.write_text(
        "\n".join([*lines[:2], lines[1].replace("CHAUMONT", "LANGRES"), lines[1], *lines[2:]]), encoding="utf-8"
    )

    line = pipeline.receive_path(hub, hub.flow("departement_webrsa"), twice, clock=clock)[0]

    assert (line.received, line.applied, line.unchanged, line.quarantined) == (4, 2, 1, 1)
    assert quarantined(hub)[0]["rule"] == "cle_repetee"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("receive", "nothing"), 2, "Known: caf_retour"),
        (("receive", "caf_rsa", "--file", "absent.xml"), 2, "absent.xml"),
        (("share", "nobody"), 2, "No agreement"),
        (("quarantine", "show", "99"), 2, "No record 99"),
        (("review", "decide", "1", "perhaps", "--author", "x"), 2, "same, distinct, unsure"),
        (("ledger", "--month", "november"), 2, "YYYY-MM"),
        (("nonsense",), 2, "No such command"),
        (("receive", "caf_rsa"), 2, "No connection 'caf_sftp'"),
    ],
)
def test_a_wrong_call_says_what_to_do(hub, words, code, said):
    assert said in run(hub, *words, code=code)


@pytest.mark.parametrize(
    "words",
    [
        ("flows",),
        ("flows", "check"),
        ("status",),
        ("ledger",),
        ("quarantine", "list"),
        ("review", "list"),
        ("journal", "verify"),
        ("schema", "show"),
        ("reconcile",),
    ],
)
def test_every_command_answers_in_json(hub, words):
    assert run(hub, *words) is not None


def two_records(hub, clock, tmp_path):
    """One name, one date, two first names that nearly agree: twins, or one person; a case for a person."""
    pivot = sample("departement_pivot").read_text(encoding="utf-8-sig").splitlines()
    first, second = tmp_path / "one.csv", tmp_path / "two.csv"
    row = "X1;Paul;Martin;1985-06-01;;;;p@exemple.fr;;;;;;;;;;;;;;;;;"
    first.write_text("\n".join([pivot[0], row]) + "\n", encoding="utf-8")
    head = sample("departement_webrsa").read_text(encoding="utf-8").splitlines()[0]
    cells = dict.fromkeys(head.split(";"), "") | {
        "ID_PERSONNE": "Y1",
        "NOM": "MARTIN",
        "NOMNAI": "MARTIN",
        "PRENOM": "PAOLO",
        "DTNAI": "01/06/1985",
        "EMAIL": "p@exemple.fr",
    }
    second.write_text(f"{head}\n{';'.join(cells.values())}\n", encoding="utf-8")
    pipeline.receive_path(hub, hub.flow("departement_pivot"), first, clock=clock)
    pipeline.receive_path(hub, hub.flow("departement_webrsa"), second, clock=clock)
    return reconcile(hub, clock=clock)


def test_a_doubtful_pair_waits_for_a_person_and_the_decision_outlives_every_match(hub, clock, tmp_path):
    assert two_records(hub, clock, tmp_path)["new_persons"] == 2
    case = open_cases(hub)[0]

    decide(hub, case["id"], verdict="same", author="a.dupont", reason="vu en entretien", now=clock())
    merged = reconcile(hub, clock=clock)

    assert case["kind"] == "a_confirmer"
    assert (merged["merged"], open_cases(hub)) == (1, [])
    for _ in range(5):
        again = reconcile(hub, clock=clock, full=True)
        assert (again["linked"], again["reviews_opened"]) == (0, 0)


def test_two_people_a_person_held_apart_are_never_asked_about_again(hub, clock, tmp_path):
    two_records(hub, clock, tmp_path)

    decide(hub, open_cases(hub)[0]["id"], verdict="distinct", author="a.dupont", reason=None, now=clock())

    for _ in range(3):
        assert reconcile(hub, clock=clock, full=True)["reviews_opened"] == 0
    with hub.engine.connect() as connection:
        persons = connection.exec_driver_sql(
            "select count(distinct person_id) from link where superseded_at is null"
        ).scalar()
    assert persons == 2


class Told:
    """A CAF that announces the bytes it leaves."""

    def __init__(self, hub, folder):
        self.folder = folder
        flow = hub.flow("caf_rsa")
        update = {"protocol": "folder", "folder": ".", "complete": Complete(stable_for=0, manifest=".sha256")}
        hub.flows["caf_rsa"] = flow.model_copy(update=update)
        hub.settings.secrets.mkdir(parents=True, exist_ok=True)
        (hub.settings.secrets / "caf_sftp.json").write_text(json.dumps({"host": str(folder)}))

    def leave(self, name, content, announced):
        (self.folder / name).write_bytes(content)
        (self.folder / f"{name}.sha256").write_text(f"{announced}  {name}\n")


@pytest.mark.parametrize(
    ("announced", "state", "said"),
    [
        (None, "applied", None),
        ("0" * 64, "refused", "ne sont pas ceux qu'annonce"),
        ("pas une empreinte", "refused", "ne commence pas par un SHA-256"),
    ],
)
def test_bytes_that_are_not_those_announced_are_stored_and_refused(hub, clock, tmp_path, announced, state, said):
    partner = Told(hub, tmp_path)
    content = sample("caf_rsa").read_bytes()
    partner.leave("RSABEM.xml", content, announced or hashlib.sha256(content).hexdigest())

    line = pipeline.receive(hub, hub.flow("caf_rsa"), clock=clock)[0]

    assert (line.state, line.balanced) == (state, True)
    assert said is None or said in line.reason
    assert pipeline.receive(hub, hub.flow("caf_rsa"), clock=clock) == []
