"""A backup brings everything back, and whoever was erased since it was taken does not come back with it."""

from __future__ import annotations

import gzip
import shutil

import pytest
from cycle import new_hub
from intake import caf
from sqlalchemy import text
from test_keys import people
from test_rights import Intake
from traces import cells_of

from hub import keys
from hub.backups.keys import bury, key_file
from hub.backups.taking import STORE, bring_back, take
from hub.intake import pipeline
from hub.opening import Hub
from hub.people.reconcile import reconcile
from hub.proof.checkpoints import all_checkpoints, sign_journal
from hub.rights.erasure import erase, erase_again
from hub.search_key import rotate_search
from hub.settings import Settings
from hub.sharing.journal import verify
from hub.storage.outside import read_copies
from hub.storage.store import create_database, drop_database
from schemas.errors import CallSomeone, FixTheDeclaration

pytestmark = pytest.mark.integration

ROWS = "select count(*), md5(string_agg(t::text, '|' order by t::text)) from {table} t"
WHOLE = (
    "source_record",
    "source_version",
    "source_identity",
    "identity_key",
    "dossier",
    "told",
    "message",
    "quarantine",
    "movement",
    "link",
    "disclosure",
)


@pytest.fixture
def elsewhere(postgres, tmp_path):
    """Another machine: an empty database and an empty home; gives the hub on it, with the keys that are brought there."""
    create_database(postgres, "brought_back")
    opened = []

    def hub(keys_from):
        home = tmp_path / "other_machine"
        if not home.exists():
            shutil.copytree(keys_from, home / "keys")
        url = postgres.set(database="brought_back").render_as_string(hide_password=False)
        opened.append(Hub(Settings(home=home, database_url=url)))
        return opened[-1]

    yield hub
    for each in opened:
        each.engine.dispose()
    drop_database(postgres, "brought_back")


@pytest.fixture
def full(hub, partners, clock):
    keys.create(hub)
    partners.deposit_day(0)
    for flow in ("caf_rsa", "departement_pivot"):
        pipeline.receive(hub, hub.flow(flow), clock=clock)
    reconcile(hub, clock=clock)
    sign_journal(hub, now=clock())
    return hub


def rows(hub, table):
    with hub.engine.connect() as connection:
        return tuple(connection.execute(text(ROWS.format(table=table))).one())


def stored(hub):
    with hub.engine.connect() as connection:
        found = connection.execute(text("select distinct sha256 from delivery order by 1")).scalars().all()
    return {each: hub.raw.open(each).read() if hub.raw.holds(each) else None for each in found}


def test_everything_comes_back(full, elsewhere, tmp_path, clock):
    taken = take(full, tmp_path / "backup")

    restored = elsewhere(full.settings.keys.parent)
    done = bring_back(restored, tmp_path / "backup")

    assert taken["copied"] == done["brought"] == 3
    assert [rows(restored, table) for table in WHOLE] == [rows(full, table) for table in WHOLE]
    assert rows(full, "message")[0] > 0
    assert stored(restored) == stored(full)
    with restored.engine.connect() as connection:
        found = verify(connection, checkpoints=all_checkpoints(connection), copies=read_copies(restored.settings.checkpoints), public_key=restored.public_key)  # fmt: skip
    assert (found.faults, found.signed_to) == ((), found.entries)
    assert reconcile(restored, clock=clock, full=True)["messages"] == {}


def test_taken_again_only_what_is_new_is_copied(full, partners, tmp_path):
    take(full, tmp_path / "backup")

    assert take(full, tmp_path / "backup")["copied"] == 0


class Somebody:
    """One person of a store: what names it, and where any of this can be read."""

    def __init__(self, hub):
        with hub.engine.connect() as connection:
            self.id, self.email = connection.execute(
                text("""
                    select min(l.person_id::text)::uuid, v.content ->> 'contact.email' as email
                    from source_version v join link l on l.source_record_id = v.source_record_id and l.superseded_at is null
                    where v.content ->> 'contact.email' <> ''
                    group by 2 having count(distinct l.person_id) = 1
                      and bool_or(exists (select from told t where t.person_id = l.person_id)) order by 1 limit 1
                    """)
            ).one()

    def read_in(self, hub):
        places = {where for where, content in cells_of(hub) if self.email in content}
        return places | {
            sha256 for sha256, content in stored(hub).items() if content and self.email.encode() in content
        }


def test_who_was_erased_since_does_not_come_back_and_everybody_else_does(full, elsewhere, tmp_path, clock):
    take(full, tmp_path / "backup")
    who, others = Somebody(full), people(full)[0]
    assert "source_version.content" in who.read_in(full)
    before = key_file(full).read_bytes()

    erase(full, who.id, author="Alix", reason="demande", clock=clock, dry_run=False)

    restored = elsewhere(full.settings.keys.parent)
    done = bring_back(restored, tmp_path / "backup")
    assert key_file(full).read_bytes() != before
    assert who.read_in(restored) == set()
    assert people(restored)[0] == others - 1
    assert done["unreadable"] + done["brought"] == 3
    again = erase_again(restored, author="Alix", clock=clock)
    assert again["erased_again"] == 1
    assert again["marks_brought_back"] > 0
    with restored.engine.connect() as connection:
        marks = connection.execute(text("select count(*) from tombstone")).scalar()
    assert marks == again["marks_brought_back"]
    reconcile(restored, clock=clock, full=True)


def test_it_is_the_key_that_makes_the_difference(full, elsewhere, tmp_path, clock):
    """With the keys of the day the backup was taken, which nobody is to keep, the person can still be read in it."""
    take(full, tmp_path / "backup")
    who = Somebody(full)
    of_that_day = tmp_path / "old.keys"
    shutil.copy(key_file(full), of_that_day)
    erase(full, who.id, author="Alix", reason="demande", clock=clock, dry_run=False)

    restored = elsewhere(full.settings.keys.parent)
    bring_back(restored, tmp_path / "backup", keys=of_that_day)

    assert "source_version.content" in who.read_in(restored)


def test_the_keys_go_on_being_opened_and_recognised_once_the_hubs_own_are_replaced(full, tmp_path, clock):
    take(full, tmp_path / "backup")
    erase(full, Somebody(full).id, author="Alix", reason="demande", clock=clock, dry_run=False)
    with full.engine.connect() as connection:
        before = connection.execute(text("select mark from tombstone order by 1")).scalars().all()
    keys.rotate(full)
    keys.retire(full)
    full.engine.dispose()
    rotate_search(full.settings, dry_run=False)

    again = Hub(full.settings)
    with again.engine.begin() as connection:
        lifted = connection.execute(text("select mark from tombstone order by 1")).scalars().all()
        connection.execute(text("delete from tombstone"))
    assert bury(again, now=clock()) == len(before)
    with again.engine.connect() as connection:
        assert connection.execute(text("select mark from tombstone order by 1")).scalars().all() == lifted != before
    again.engine.dispose()


def test_who_was_erased_before_is_in_no_later_backup(full, elsewhere, tmp_path, clock):
    who = Somebody(full)
    erase(full, who.id, author="Alix", reason="demande", clock=clock, dry_run=False)
    take(full, tmp_path / "backup")

    restored = elsewhere(full.settings.keys.parent)
    bring_back(restored, tmp_path / "backup")

    assert [rows(restored, table) for table in WHOLE] == [rows(full, table) for table in WHOLE]
    with full.vault.open_stream((tmp_path / "backup" / STORE).open("rb")) as source:
        assert who.email.encode() not in gzip.decompress(source.read())


def test_brought_back_a_later_file_still_does_not_bring_the_erased_back_unseen(hub, elsewhere, tmp_path, clock):
    keys.create(hub)
    intake = Intake(hub, clock, tmp_path)
    intake.take([(1, "ZOE", "08000"), (2, "ANNE", "08000")], "2026-11-01")
    take(hub, tmp_path / "backup")
    intake.erase(intake.person("ZOE"))

    restored = elsewhere(hub.settings.keys.parent)
    bring_back(restored, tmp_path / "backup")
    erase_again(restored, author="Alix", clock=clock)
    again = Intake(restored, clock, tmp_path)
    path = tmp_path / "RSABEI08_9.xml"
    path.write_bytes(caf("2026-11-02", [(1, "ZOE", "08200"), (2, "ANNE", "08200")]))
    again.given(path)

    with restored.engine.connect() as connection:
        assert connection.execute(text("select count(*) from protection where kind = 'returned'")).scalar() == 1


def test_a_row_that_was_altered_is_said(full, elsewhere, tmp_path, clock):
    take(full, tmp_path / "backup")
    place = tmp_path / "backup" / STORE
    place.write_bytes(place.read_bytes()[:-100] + bytes(100))

    with pytest.raises(CallSomeone):
        bring_back(elsewhere(full.settings.keys.parent), tmp_path / "backup")


def test_without_the_keys_or_into_a_store_in_use_nothing_is_brought_back(full, tmp_path, clock, database_url):
    take(full, tmp_path / "backup")

    with pytest.raises(CallSomeone, match="empty database"):
        bring_back(full, tmp_path / "backup")
    with pytest.raises(FixTheDeclaration, match="without them"):
        bring_back(full, tmp_path / "backup", keys=tmp_path / "none")
    assert new_hub(tmp_path / "stranger", database_url).settings
