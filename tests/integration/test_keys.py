"""Keys: another master takes over without a byte lost, and a backup with its key file brings everything back."""

from __future__ import annotations

import shutil

import pytest
from cycle import new_hub
from dumps import dump, restore
from sqlalchemy import text

from hub import keys
from hub.intake import pipeline
from hub.opening import Hub
from hub.people.reconcile import reconcile
from hub.proof.checkpoints import all_checkpoints, sign_journal
from hub.settings import Settings
from hub.sharing.journal import verify
from hub.storage.key_files import KeyRing, read_ring, write_ring
from hub.storage.outside import read_copies
from hub.storage.store import create_database, drop_database
from hub.storage.vault import Vault, vault_of
from schemas.errors import CallSomeone, FixTheDeclaration

pytestmark = pytest.mark.integration


@pytest.fixture
def full(hub, partners, clock):
    """A hub with sealed numbers, sealed deliveries and a sealed block in quarantine."""
    keys.create(hub)
    partners.deposit_day(0)
    for flow in ("caf_rsa", "departement_pivot"):
        pipeline.receive(hub, hub.flow(flow), clock=clock)
    reconcile(hub, clock=clock)
    with hub.engine.begin() as connection:
        connection.execute(
            text("""
                insert into quarantine (delivery_id, record, unit, field, rule, hint, block_encrypted, opened_at)
                values (1, 99999, 1, 'f', 'r', 'h', :block, now())
                """),
            {"block": hub.vault.encrypt(b'{"a": "b"}')},
        )
    return hub


def sealed(hub):
    with hub.engine.connect() as connection:
        numbers = connection.execute(
            text(
                "select nir_encrypted from source_version where nir_encrypted is not null order by source_record_id, version"
            )
        ).scalars()
        blocks = connection.execute(text("select block_encrypted from quarantine order by id")).scalars()
        return [bytes(each) for each in (*numbers, *blocks)]


def deliveries(hub):
    with hub.engine.connect() as connection:
        return connection.execute(text("select sha256 from delivery order by id")).scalars().all()


def test_another_master_takes_over_and_the_old_one_opens_nothing_any_more(full):
    old = read_ring(full.settings.keys, create=False)
    clear = [full.vault.decrypt(each) for each in sealed(full)]
    bytes_before = [full.raw.open(sha256).read() for sha256 in deliveries(full)]

    done = keys.rotate(full)
    retired = keys.retire(full)

    again = Hub(full.settings)
    assert (done["source_version"] + done["quarantine"], done["deliveries"]) == (len(clear), 3)
    assert set(retired.values()) == {0}
    assert [again.vault.decrypt(each) for each in sealed(again)] == clear
    assert [again.raw.open(sha256).read() for sha256 in deliveries(again)] == bytes_before
    for each in sealed(again):
        with pytest.raises(CallSomeone):
            vault_of(old).decrypt(each)
    assert read_ring(full.settings.keys, create=False).previous is None
    assert full.settings.keys.stat().st_mode & 0o777 == 0o600
    again.engine.dispose()


def test_nobody_has_to_be_recognised_again(full, partners, clock):
    keys.rotate(full)
    again = Hub(full.settings)

    partners.redeposit()
    partners._deposit(
        "departement_08",
        "pivot_x.csv",
        lambda sink: sink.write(
            next((partners.folder / "departement_08" / "depot").glob("pivot_000.csv")).read_bytes() + b"\n"
        ),
    )
    (line,) = [
        each
        for each in pipeline.receive(again, again.flow("departement_pivot"), clock=clock)
        if each.state == "applied"
    ]

    assert (line.applied, line.unchanged) == (0, line.received)
    again.engine.dispose()


def test_a_rotation_killed_in_the_middle_goes_on(full, monkeypatch):
    clear = [full.vault.decrypt(each) for each in sealed(full)]
    monkeypatch.setattr(keys, "CHUNK", 10)
    calls = []

    def killed(self, value):
        calls.append(value)
        if len(calls) > 25:
            raise KeyboardInterrupt
        return renewed(self, value)

    renewed = Vault.renewed
    monkeypatch.setattr(Vault, "renewed", killed)
    with pytest.raises(KeyboardInterrupt):
        keys.rotate(full)
    between = Hub(full.settings)
    assert [between.vault.decrypt(each) for each in sealed(between)] == clear
    ring = read_ring(full.settings.keys, create=False)

    monkeypatch.setattr(Vault, "renewed", renewed)
    done = keys.rotate(full)

    assert 0 < done["source_version"] < len(clear)
    assert read_ring(full.settings.keys, create=False) == ring
    keys.retire(full)
    last = Hub(full.settings)
    assert [last.vault.decrypt(each) for each in sealed(last)] == clear
    between.engine.dispose()
    last.engine.dispose()


def test_there_is_nothing_to_retire_before_a_rotation(full):
    with pytest.raises(FixTheDeclaration, match="rotate first"):
        keys.retire(full)


@pytest.mark.parametrize(
    "content", ["", "zz", "ab" * 31, "ab" * 32 + "\nsearch ab", "ab" * 32 + "\nother " + "ab" * 32]
)
def test_a_file_that_holds_no_ring_is_said(tmp_path, content):
    (tmp_path / "master.key").write_text(content, encoding="ascii")

    with pytest.raises(FixTheDeclaration, match=r"master\.key"):
        read_ring(tmp_path / "master.key", create=False)


def test_a_ring_is_never_shown():
    assert "61" not in repr(KeyRing(master=b"a" * 32))


def test_a_ring_comes_back_as_it_was_written(tmp_path):
    ring = KeyRing(master=b"a" * 32, search=b"b" * 32, previous=b"c" * 32)
    write_ring(tmp_path / "master.key", ring)

    assert read_ring(tmp_path / "master.key", create=False) == ring


# --- from a backup ------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(postgres):
    """An empty database on what stands for another machine."""
    create_database(postgres, "restored")
    yield postgres.set(database="restored")
    drop_database(postgres, "restored")


def test_a_dump_and_the_key_files_bring_everything_back(full, database_url, elsewhere, tmp_path, clock):
    sign_journal(full, now=clock())
    before = (people(full), [full.vault.decrypt(each) for each in sealed(full)])
    dump(database_url, tmp_path / "dump")
    restore(tmp_path / "dump", elsewhere)
    home = tmp_path / "other_machine"
    shutil.copytree(full.settings.keys.parent, home / "keys")
    shutil.copytree(full.settings.raw, home / "raw")

    restored = Hub(Settings(home=home, database_url=elsewhere.render_as_string(hide_password=False)))
    assert (people(restored), [restored.vault.decrypt(each) for each in sealed(restored)]) == before
    assert [restored.raw.open(sha256).read()[:5] for sha256 in deliveries(restored)] == [
        full.raw.open(sha256).read()[:5] for sha256 in deliveries(full)
    ]
    with restored.engine.connect() as connection:
        found = verify(
            connection,
            checkpoints=all_checkpoints(connection),
            copies=read_copies(restored.settings.checkpoints),
            public_key=restored.public_key,
        )
        assert (found.faults, found.signed_to) == ((), found.entries)
        with pytest.raises(Exception, match="append-only"):
            connection.execute(text("delete from disclosure"))
    assert reconcile(restored, clock=clock, full=True)["messages"] == {}
    restored.engine.dispose()


def people(hub):
    with hub.engine.connect() as connection:
        return connection.execute(
            text("select count(*), md5(string_agg(person_id || content::text, '' order by person_id)) from dossier")
        ).one()


def test_a_dump_without_its_key_file_opens_nothing(full, tmp_path, database_url):
    stranger = new_hub(tmp_path / "stranger", database_url)

    for each in sealed(full):
        with pytest.raises(CallSomeone):
            stranger.vault.decrypt(each)
    stranger.engine.dispose()
