"""Whoever owns the database may rewrite what they like: what they touched is named, by the hub and by a program far from it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cycle import new_hub
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hub.cli import main
from hub.cli.journal import offline_verifier
from hub.proof import checkpoints as signed_journal
from hub.proof.checkpoints import all_checkpoints, sign_journal, sign_regularly
from hub.proof.journal_export import export, proof_of
from hub.sharing.disclosures import Disclosure, append, seal
from hub.sharing.journal import verify
from hub.storage.outside import read_copies
from hub.storage.signing import Signer, open_signer
from hub.web.queries import journal as queries

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FAR = timedelta(seconds=30)


def entries(first, last):
    return [
        Disclosure(
            at=NOW + timedelta(microseconds=number), partner="caf", person_id=UUID(int=number % 7), agreement="caf",
            purpose="Informer, « é »", fields=["contract.state"], message_id=UUID(int=number),
        )
        for number in range(first, last + 1)
    ]  # fmt: skip


class Journal:
    """A journal of forty entries, signed up to the thirtieth, and somebody who owns its database."""

    def __init__(self, hub) -> None:
        self.hub = hub
        self.key = open_signer(hub.settings.signing_key, create=True).public
        self.write(1, 20)
        self.write(21, 30)

    def write(self, first, last, *, sign=True):
        with self.hub.engine.begin() as connection:
            append(connection, entries(first, last))
        if sign:
            sign_journal(self.hub, now=NOW)

    def tamper(self, *statements, **known):
        with self.hub.engine.begin() as connection:
            connection.execute(text("set local session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement), known)

    def rechain(self, first):
        """Seal everything again from an entry on, as one who knows how it is done would."""
        with self.hub.engine.begin() as connection:
            connection.execute(text("set local session_replication_role = replica"))
            previous = connection.execute(
                text("select entry_hash from disclosure where position = :before"), {"before": first - 1}
            ).scalar()
            rows = connection.execute(
                text(
                    "select *, cast(round(extract(epoch from at), 6) as text) as moment from disclosure where position >= :first order by 1"
                ),
                {"first": first},
            ).all()
            for row in rows:
                sealed = seal(
                    previous or bytes(32), row.position, row.moment, row.partner, str(row.person_id), row.agreement,
                    row.purpose, list(row.fields), str(row.message_id),
                )  # fmt: skip
                connection.execute(
                    text("update disclosure set previous_hash = :p, entry_hash = :e where position = :n"),
                    {"p": previous or bytes(32), "e": sealed, "n": row.position},
                )
                previous = sealed

    def verified(self):
        with self.hub.engine.connect() as connection:
            return verify(
                connection,
                checkpoints=all_checkpoints(connection),
                copies=read_copies(self.hub.settings.checkpoints),
                public_key=self.key,
            )

    def exported(self, path):
        with self.hub.engine.connect() as connection, path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in export(connection))


@pytest.fixture
def journal(tmp_path, database_url):
    hub = new_hub(tmp_path / "hub", database_url)
    yield Journal(hub)
    hub.engine.dispose()


def test_a_journal_nobody_touched_holds_and_says_up_to_where_it_is_signed(journal):
    journal.write(31, 40, sign=False)

    found = journal.verified()

    assert (found.entries, found.faults, found.signed_to) == (40, (), 30)


CHANGED = "update disclosure set partner = 'autre' where position = :at"
SWAPPED = (
    "update disclosure set position = -position where position in (:at, :other)",
    "update disclosure set position = :at + :other + position where position < 0",
)
CONTENTS_SWAPPED = """
update disclosure d set (at, partner, person_id, agreement, purpose, fields, message_id) =
  (select at, partner, person_id, agreement, purpose, fields, message_id from disclosure o
   where o.position = :at + :other - d.position)
where position in (:at, :other)
"""


@pytest.mark.parametrize("at", [1, 13, 20, 21, 30])
@pytest.mark.parametrize(
    ("statements", "what"),
    [
        pytest.param((CHANGED,), "entrée {at} modifiée", id="changed"),
        pytest.param(("delete from disclosure where position = :at",), "entrée {at} supprimée", id="deleted"),
        pytest.param(SWAPPED, "entrée {at} échangée avec l'entrée {other}", id="swapped"),
        pytest.param((CONTENTS_SWAPPED,), "entrée {at} échangée avec l'entrée {other}", id="contents swapped"),
    ],
)
def test_what_happened_to_any_entry_is_named(journal, statements, what, at):
    other = 7 if at > 7 else 25
    journal.tamper(*statements, at=at, other=other)

    said = [fault.what for fault in journal.verified().faults]

    if at == 30 and "supprimée" in what:
        assert said == ["entrée 30 supprimée à la fin : cela avait été signé"]
    else:
        assert what.format(at=at, other=other) in said


def test_the_end_cut_off_is_named_even_with_its_checkpoint(journal):
    journal.tamper("delete from disclosure where position > 25", "delete from checkpoint where last_position = 30")

    said = [fault.what for fault in journal.verified().faults]

    assert "entrées 26 à 30 supprimées à la fin : cela avait été signé" in said
    assert "point de contrôle 30 : la copie gardée hors de la base n'est plus celle de la base" in said


def test_an_entry_sealed_again_alone_is_named(journal):
    journal.tamper(CHANGED, at=13)
    with journal.hub.engine.connect() as connection:
        after = connection.execute(text("select previous_hash from disclosure where position = 14")).scalar()
    journal.rechain(13)
    journal.tamper("update disclosure set previous_hash = :after where position = 14", after=after)

    assert journal.verified().first_bad in {13, 14}


def test_a_chain_rewritten_whole_does_not_pass_for_the_one_that_was_signed(journal):
    journal.tamper(CHANGED, at=24)
    journal.rechain(24)

    found = journal.verified()

    assert [fault.what for fault in found.faults] == [
        "les entrées 21 à 30 ne sont pas celles qui ont été signées : réécrites, ou supprimées à la fin"
    ]
    assert found.signed_to == 20


def test_signing_again_with_another_key_does_not_help(journal):
    journal.tamper(CHANGED, at=24)
    journal.rechain(24)
    journal.tamper("delete from checkpoint where last_position = 30")
    with journal.hub.engine.begin() as connection:
        signed_journal._sign_next(connection, Signer(bytes(32)), now=NOW)

    said = [fault.what for fault in journal.verified().faults]

    assert "point de contrôle 30 : la copie gardée hors de la base n'est plus celle de la base" in said


@pytest.mark.parametrize("table", ["disclosure", "checkpoint"])
@pytest.mark.parametrize("statement", ["delete from {}", "truncate {}", "update {} set at = now()"])
def test_the_hub_itself_can_only_append(journal, table, statement):
    with journal.hub.engine.connect() as connection, pytest.raises(IntegrityError, match="append-only"):
        connection.execute(text(statement.format(table)))


def test_signing_is_bounded_and_goes_on_where_it_stopped(journal, monkeypatch):
    monkeypatch.setattr(signed_journal, "COVERS_AT_MOST", 4)

    journal.write(31, 40)

    assert [each["last_position"] for each in read_copies(journal.hub.settings.checkpoints)] == [20, 30, 34, 38, 40]
    assert journal.verified().signed_to == 40


def test_a_copy_cut_short_by_a_crash_is_written_again(journal):
    with journal.hub.settings.checkpoints.open("a", encoding="ascii") as copies:
        copies.write('{"first_pos')

    journal.write(31, 40)

    assert [each["last_position"] for each in read_copies(journal.hub.settings.checkpoints)] == [20, 30, 40]


def test_without_a_key_an_alarm_says_that_nothing_is_signed(tmp_path, database_url):
    hub = new_hub(tmp_path / "hub", database_url)
    alarms = text("select count(*) from alarm where kind = 'journal_non_signe' and closed_at is null")

    assert sign_regularly(hub, now=NOW) == 0
    with hub.engine.connect() as connection:
        assert connection.execute(alarms).scalar() == 1

    open_signer(hub.settings.signing_key, create=True)
    sign_regularly(hub, now=NOW)
    with hub.engine.connect() as connection:
        assert connection.execute(alarms).scalar() == 0
    hub.engine.dispose()


# --- far from the hub ---------------------------------------------------------------------------------------------


@pytest.fixture
def far(tmp_path):
    """A folder with nothing of the hub in it but the one file, run by a Python that cannot import the hub."""
    folder = tmp_path / "loin"
    folder.mkdir()
    (folder / "verify_journal.py").write_text(offline_verifier(), encoding="utf-8")

    def run(name, key):
        call = [sys.executable, "-I", "verify_journal.py", name, "--key", key.hex()]
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout.splitlines()

    run.folder = folder
    return run


def test_the_verifier_imports_nothing_of_the_hub(far):
    shutil.copy(far.folder / "verify_journal.py", far.folder / "copy.py")
    seen = subprocess.run(
        [sys.executable, "-I", "-c", "import runpy, sys; runpy.run_path('copy.py'); print(*sorted(sys.modules))"],
        cwd=far.folder, capture_output=True, text=True, timeout=60, check=True,
    ).stdout.split()  # fmt: skip

    assert not {"hub", "schemas", "sqlalchemy", "orjson", "pydantic"} & {name.partition(".")[0] for name in seen}


def test_a_whole_journal_is_verified_far_from_the_hub(journal, far):
    journal.exported(far.folder / "journal.jsonl")

    assert far("journal.jsonl", journal.key) == (0, ["30 entries, 0 faults"])
    code, said = far("journal.jsonl", Signer(bytes(32)).public)
    assert (code, said[0]) == (1, "point de contrôle 20 : la signature ne tient pas")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda lines: lines[4].update(partner="autre"), "entrée 5 : modifiée"),
        (lambda lines: lines.pop(4), "entrée 5 : absente, ou déplacée"),
        (lambda lines: lines.insert(4, lines.pop(8)), "entrée 5 : absente, ou déplacée"),
        (
            lambda lines: lines.pop(-2),
            "point de contrôle 30 : les entrées 21 à 30 ne sont pas celles qui ont été signées",
        ),
        (lambda lines: lines[-1].update(root="00" * 32), "point de contrôle 30 : la signature ne tient pas"),
    ],
    ids=["changed", "deleted", "moved", "the last deleted", "a root forged"],
)
def test_damage_to_an_export_is_named_far_from_the_hub(journal, far, damage, what):
    journal.exported(far.folder / "whole.jsonl")
    lines = [json.loads(line) for line in (far.folder / "whole.jsonl").read_text(encoding="utf-8").splitlines()]
    damage(lines)
    (far.folder / "journal.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    code, said = far("journal.jsonl", journal.key)

    assert code == 1
    assert what in said


def test_a_persons_proof_stands_alone(journal, far):
    journal.write(31, 40, sign=False)
    with journal.hub.engine.connect() as connection:
        proof = proof_of(connection, [UUID(int=3)])
    assert [each["position"] for each in proof["entries"]] == [3, 10, 17, 24]
    assert proof["not_signed_yet"] == 2

    (far.folder / "preuve.json").write_text(json.dumps(proof), encoding="utf-8")
    assert far("preuve.json", journal.key) == (0, ["4 entries, 0 faults"])

    proof["entries"][0]["fields"] = []
    proof["entries"][1]["person"] = str(UUID(int=4))
    proof["entries"][2]["path"][0][1] = "00" * 32
    (far.folder / "preuve.json").write_text(json.dumps(proof), encoding="utf-8")
    code, said = far("preuve.json", journal.key)
    assert code == 1
    assert {
        "entrée 3 : modifiée",
        "entrée 10 : ne parle pas de cette personne",
        "entrée 17 : n'est pas sous le point de contrôle 20",
    } <= set(said)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_every_entry_of_a_tree_of_any_size_leads_to_its_head(tmp_path, database_url, far, size):
    hub = new_hub(tmp_path / "hub", database_url)
    key = open_signer(hub.settings.signing_key, create=True).public
    with hub.engine.begin() as connection:
        append(connection, entries(1, size))
    sign_journal(hub, now=NOW)

    with hub.engine.connect() as connection:
        proof = proof_of(connection, [UUID(int=number) for number in range(7)])
    (far.folder / "preuve.json").write_text(json.dumps(proof), encoding="utf-8")

    assert far("preuve.json", key) == (0, [f"{size} entries, 0 faults"])
    hub.engine.dispose()


# --- read ---------------------------------------------------------------------------------------------------------


def test_the_journal_is_read_partner_by_partner_latest_first_a_page_at_a_time(journal, capsys, monkeypatch):
    with journal.hub.engine.begin() as connection:
        append(connection, [replace(each, partner="pole_emploi") for each in entries(31, 36)])
    monkeypatch.setattr("hub.opening.open_hub", lambda: journal.hub)

    def listed(*words):
        monkeypatch.setattr(sys, "argv", ["hub", "journal", "list", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        out = capsys.readouterr().out
        return ended.value.code, [each["position"] for each in json.loads(out)["entries"]] if out else []

    assert listed("--partner", "pole_emploi") == (0, [36, 35, 34, 33, 32, 31])
    assert listed("--partner", "caf", "--limit", "3") == (0, [30, 29, 28])
    assert listed("--partner", "caf", "--before", "28", "--limit", "2") == (0, [27, 26])
    assert listed("--limit", "1") == (0, [36])
    assert listed("--partner", "inconnu") == (2, [])
    with journal.hub.engine.connect() as connection:
        assert [row.position for row in queries.entries(connection, partners=["pole_emploi"])][:1] == [36]
