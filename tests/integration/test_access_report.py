"""A person is given everything about itself, nothing about its relatives, and a proof that needs nobody's word."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest
from test_sharing import CIVIL, OF_CAF, OF_DEPARTEMENT, World

from hub.cli.journal import offline_verifier
from hub.rights.access_report import SHARED, access_report, as_page
from hub.storage.signing import open_signer
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OWN = {"contact.email": "zoe@exemple.fr", "contact.phones": ["+33612345678", "+33687654321"]}


@pytest.fixture
def world(hub):
    open_signer(hub.settings.signing_key, create=True)
    found = World(hub.engine)
    found.vault = hub.vault
    return found


@pytest.fixture
def zoe(world):
    who = world.someone(1, caf=OF_CAF | OWN, departement_08=OF_DEPARTEMENT)
    brother = world.someone(2, caf=CIVIL | {"identity.first_names": ["Gaspard"]})
    world.fill(who, brother)
    world.run('update source_identity set comparable = \'{"phone": "687654321"}\' where source_record_id = 3')
    return who


def test_the_report_says_what_is_known_from_whom_and_who_was_told(hub, world, zoe):
    report = access_report(hub, zoe, now=NOW)

    assert {each["field"]: each["partner"] for each in report["known"]}["rsa.state"] == "caf"
    assert [(each["partner"], each["nir"]) for each in report["said"]] == [
        ("caf", "détenu, chiffré"),
        ("departement_08", "détenu, chiffré"),
    ]
    (told,) = report["told"]
    assert (told["partner"], told["entry"]) == ("departement_08", 1)
    assert {each["field"]: each["value"] for each in told["fields"]}["rsa.state"] == "4"


def test_what_a_relative_gives_too_is_masked_everywhere(hub, world, zoe):
    report = access_report(hub, zoe, now=NOW)

    written = json.dumps(report, ensure_ascii=False) + as_page(report)
    assert "+33687654321" not in written
    assert "Gaspard" not in written
    assert written.count(SHARED) >= 4
    assert "+33612345678" in written


def test_the_page_holds_nothing_a_browser_would_fetch_or_run(hub, world):
    who = world.someone(3, caf=OF_CAF | {"contact.email": "<script>x</script>"})
    world.fill(who)

    page = as_page(access_report(hub, who, now=NOW))

    assert "<script" not in page
    assert "http" not in page


def test_the_proof_is_verified_far_from_the_hub(hub, world, zoe, tmp_path):
    report = access_report(hub, zoe, now=NOW)
    (tmp_path / "preuve.json").write_text(json.dumps(report["proof"]), encoding="utf-8")
    (tmp_path / "verify_journal.py").write_text(offline_verifier(), encoding="utf-8")

    call = [sys.executable, "-I", "verify_journal.py", "preuve.json", "--key", report["proof"]["public_key"]]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "1 entries, 0 faults\n")
    assert report["proof"]["not_signed_yet"] == 0


def test_whoever_was_merged_is_found_under_every_id_it_had(hub, world, zoe):
    gone = world.someone(4)
    world.run("update person set forwards_to = :zoe where id = :gone", zoe=zoe, gone=gone)

    report = access_report(hub, gone, now=NOW)

    assert report["person"] == str(zoe)
    assert set(report["ids"]) == {str(zoe), str(gone)}


def test_nobody_is_said_to_be_nobody(hub):
    with pytest.raises(FixTheDeclaration, match="No person"):
        access_report(hub, UUID(int=7), now=NOW)
