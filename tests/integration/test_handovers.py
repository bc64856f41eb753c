"""Another key signs the journal: what the old one signed still holds, whichever of them one trusts, and it signs no more."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from cycle import new_hub
from test_journal import NOW, Journal

from hub.cli.journal import offline_verifier
from hub.proof import handovers
from hub.proof.checkpoints import all_checkpoints, sign_journal, verify_signed
from hub.proof.handovers import rotate_signing
from hub.proof.journal_export import export, proof_of
from hub.storage.outside import read_copies
from hub.storage.signing import Signer, open_signer

pytestmark = pytest.mark.integration


@pytest.fixture
def journal(tmp_path, database_url):
    hub = new_hub(tmp_path / "hub", database_url)
    yield Journal(hub)
    hub.engine.dispose()


def verified(journal):
    with journal.hub.engine.connect() as connection:
        return verify_signed(journal.hub, connection)


def offline(folder, file, key):
    (folder / "verify_journal.py").write_text(offline_verifier(), encoding="utf-8")
    command = [sys.executable, str(folder / "verify_journal.py"), str(file), "--key", key.hex()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def exported(journal, folder):
    file = folder / "journal.jsonl"
    with journal.hub.engine.connect() as connection, file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in export(connection, handovers=journal.hub.handovers))
    return file


def signers(journal):
    with journal.hub.engine.connect() as connection:
        return [each["public_key"] for each in all_checkpoints(connection)]


def test_what_waited_is_signed_by_the_old_key_and_what_comes_by_the_new_one(journal):
    journal.write(31, 35, sign=False)

    done = rotate_signing(journal.hub, now=NOW)
    journal.write(36, 40)

    assert done == {"public_key": journal.hub.public_key.hex(), "before": [journal.key.hex()]}
    assert signers(journal) == [journal.key.hex()] * 3 + [done["public_key"]]
    found = verified(journal)
    assert (found.entries, found.faults, found.signed_to) == (40, (), 40)
    assert journal.hub.settings.signing_key.stat().st_mode & 0o777 == 0o600


def test_far_from_the_hub_any_of_the_keys_leads_to_the_others(journal, tmp_path):
    for first in (31, 34, 37):
        rotate_signing(journal.hub, now=NOW)
        journal.write(first, first + 2)
    keys = [bytes.fromhex(each["from"]) for each in journal.hub.handovers] + [journal.hub.public_key]
    file = exported(journal, tmp_path)

    assert len(set(keys)) == 4
    for key in keys:
        assert offline(tmp_path, file, key) == (0, ["39 entries, 0 faults"])
    code, said = offline(tmp_path, file, Signer(bytes(32)).public)
    assert (code, len(said) - 1) == (1, 5)  # a stranger's key leads nowhere: no checkpoint holds


def test_a_persons_proof_goes_over_the_handover(journal, tmp_path):
    rotate_signing(journal.hub, now=NOW)
    journal.write(31, 40)
    with journal.hub.engine.connect() as connection:
        person = connection.exec_driver_sql("select person_id from disclosure where position = 1").scalar_one()
        proof = proof_of(connection, [person], handovers=journal.hub.handovers)
    (tmp_path / "preuve.json").write_text(json.dumps(proof), encoding="utf-8")

    assert len({each["checkpoint"] for each in proof["entries"]}) > 2
    for key in (journal.key, journal.hub.public_key):
        assert offline(tmp_path, tmp_path / "preuve.json", key)[0] == 0


def test_a_key_that_was_replaced_signs_nothing_any_more(journal, monkeypatch):
    old = open_signer(journal.hub.settings.signing_key, create=False)
    rotate_signing(journal.hub, now=NOW)
    journal.write(31, 35)

    monkeypatch.setattr(type(journal.hub), "signer", property(lambda _: old))
    journal.write(36, 40)
    monkeypatch.undo()

    found = verified(journal)
    assert [fault.what for fault in found.faults] == ["point de contrôle 40 : signé d'une clé qui avait été remplacée"]
    assert found.signed_to == 35


def test_a_handover_that_one_of_the_keys_did_not_sign_leads_nowhere(journal):
    stranger, ours = Signer(bytes(32)), open_signer(journal.hub.settings.signing_key, create=False)
    said = {"from": ours.public.hex(), "to": stranger.public.hex(), "at": "1.000000"}
    signed = handovers.handed_over(said)
    forged = {**said, "signature_from": stranger.sign(signed).hex(), "signature_to": stranger.sign(signed).hex()}
    handovers.keep_lines(journal.hub.settings.handovers, [forged])

    journal.hub.settings.signing_key.write_text(bytes(32).hex(), encoding="ascii")
    journal.write(31, 35)

    assert "la signature ne tient pas" in verified(journal).reason


@pytest.mark.parametrize("killed_at", ["sign_journal", "_keep", "_sync"])
def test_killed_anywhere_it_goes_on_with_the_key_it_had_drawn(journal, monkeypatch, killed_at):
    whole = getattr(handovers, killed_at)

    def killed(*args, **kwargs):
        whole(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(handovers, killed_at, killed)
    with pytest.raises(KeyboardInterrupt):
        rotate_signing(journal.hub, now=NOW)
    monkeypatch.undo()
    journal.write(31, 35)

    done = rotate_signing(journal.hub, now=NOW + timedelta(hours=1))
    journal.write(36, 40)

    assert verified(journal).faults == ()
    assert done["public_key"] == journal.hub.public_key.hex()
    pairs = [(each["from"], each["to"]) for each in read_copies(journal.hub.settings.handovers)]
    assert len(pairs) == len(set(pairs)) == (2 if killed_at == "_sync" else 1)
    assert not journal.hub.settings.signing_key.with_name("signing.key.next").exists()
    assert sign_journal(journal.hub, now=NOW) == []
