"""The search key: another is laid over every hash, nobody has to be recognised again, and who lacks the last one learns nothing."""

from __future__ import annotations

import pytest
from conftest import START
from dumps import dump, restore
from intake import caf
from sqlalchemy import text

from hub import keys, search_key
from hub.dossiers.protections import listed
from hub.identity.reconcile import reconcile as link_records
from hub.intake import pipeline
from hub.intake.revert import revert
from hub.opening import Hub
from hub.people.reconcile import reconcile
from hub.rights.erasure import erase
from hub.search_key import rotate_search
from hub.settings import Settings
from hub.storage.generation import guard
from hub.storage.key_files import KeyRing, read_ring, write_ring
from hub.storage.store import bare_store, create_database, drop_database
from hub.storage.vault import vault_of
from schemas.errors import CallSomeone, FixTheDeclaration, TryAgainLater

pytestmark = pytest.mark.integration

# Every hash that can be made again from what the store holds.
NUMBERS = """
select r.nir_hash, v.nir_encrypted from source_record r
join source_version v on v.source_record_id = r.id and v.version = r.version where v.nir_encrypted is not null order by r.id
"""
DERIVED = (
    "select key, source_record_id, rule, certified from identity_key order by source_record_id, key",
    "select source_record_id, nir_hash, number_hash from source_identity order by 1",
)
STORED = """
select md5(string_agg(t, ' ' order by t)) from (
  select r.key || r.content_hash::text || coalesce(r.nir_hash::text, '') as t from source_record r
  union all select v.content_hash::text from source_version v
  union all select coalesce(m.before::text, '') from movement m
  union all select k.key::text from identity_key k
  union all select mark::text from tombstone
) t
"""


def rows(hub, statement):
    with hub.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def numbers_made_again(hub):
    """Whether every number's hash is the one that is made of it today; there are some."""
    found = rows(hub, NUMBERS)
    return found and all(
        bytes(digest) == hub.vault.hash("nir", hub.vault.decrypt(bytes(sealed))) for digest, sealed in found
    )


@pytest.fixture
def full(hub, partners, clock):
    """A hub with people of two partners, linked, and whose first delivery was followed by a second."""
    keys.create(hub)
    partners.deposit_day(0)
    for flow in ("caf_rsa", "departement_pivot"):
        pipeline.receive(hub, hub.flow(flow), clock=clock)
    reconcile(hub, clock=clock)
    return hub


@pytest.fixture
def again():
    """Hubs opened again on the same settings."""
    opened = []

    def open_again(hub):
        hub.engine.dispose()
        opened.append(Hub(hub.settings))
        return opened[-1]

    yield open_again
    for each in opened:
        each.engine.dispose()


def rotated(hub, again, times=1):
    """The same hub, after so many rotations."""
    hub.engine.dispose()
    for _ in range(times):
        rotate_search(hub.settings, dry_run=False)
    return again(hub)


@pytest.mark.parametrize("times", [1, 2])
def test_every_hash_lies_under_the_new_key(full, again, times):
    before = rows(full, STORED)

    after = rotated(full, again, times)

    assert rows(after, STORED) != before
    assert numbers_made_again(after)
    assert read_ring(full.settings.keys, create=False).generation == 1 + times


def test_without_the_last_key_nothing_can_be_guessed(full, again):
    old = vault_of(read_ring(full.settings.keys, create=False))

    after = rotated(full, again)

    guessed = {old.hash("nir", after.vault.decrypt(bytes(sealed))) for _, sealed in rows(after, NUMBERS)}
    assert guessed.isdisjoint(bytes(digest) for digest, _ in rows(after, NUMBERS))


def test_what_the_store_derives_again_is_what_it_was_brought_to(full, again, clock):
    after = rotated(full, again)
    brought = [rows(after, statement) for statement in DERIVED]

    done = reconcile(after, clock=clock, full=True)

    assert (done["drift"]["merges"], done["drift"]["splits"], done["messages"]) == (0, 0, {})
    assert [rows(after, statement) for statement in DERIVED] == brought


def test_nobody_has_to_be_recognised_again(full, partners, again, clock):
    after = rotated(full, again)
    again_said = next((partners.folder / "departement_08" / "depot").glob("pivot_000.csv")).read_bytes() + b"\n"
    partners._deposit("departement_08", "pivot_x.csv", lambda sink: sink.write(again_said))

    (line,) = [
        each
        for each in pipeline.receive(after, after.flow("departement_pivot"), clock=clock)
        if each.state == "applied"
    ]

    assert (line.applied, line.unchanged) == (0, line.received)


def take(hub, folder, people, day, clock):
    path = folder / f"RSABEI08_{day}.xml"
    path.write_bytes(caf(day, people))
    (line,) = pipeline.receive_path(hub, hub.flow("caf_rsa"), path, clock=clock)
    return line, reconcile(hub, clock=clock)


def person(hub, name):
    ((found,),) = rows(
        hub,
        f"""
        select l.person_id from link l join source_version v on v.source_record_id = l.source_record_id
        where l.superseded_at is null and v.content -> 'identity.first_names' ->> 0 = '{name}'
        """,
    )
    return found


@pytest.mark.parametrize("claim", [1, 9], ids=["by its key", "by its civil status"])
def test_an_erased_person_is_still_recognised(hub, again, tmp_path, clock, claim):
    take(hub, tmp_path, [(1, "ZOE", "08000"), (2, "ANNE", "08000")], "2026-11-01", clock)
    erase(hub, person(hub, "ZOE"), author="Alix", reason="demande", clock=clock, dry_run=False)

    after = rotated(hub, again, 2)
    content = caf("2026-11-02", [(1, "ZOE", "08200")]).replace(
        b"00000000001</NUMDEMRSA>", f"{claim:011d}</NUMDEMRSA>".encode()
    )
    (tmp_path / "RSABEI08_back.xml").write_bytes(content)
    pipeline.receive_path(after, after.flow("caf_rsa"), tmp_path / "RSABEI08_back.xml", clock=clock)
    came = reconcile(after, clock=clock)

    assert came["returned_after_erasure"] == 1
    with after.engine.connect() as connection:
        assert [case["people"] for case in listed(connection, kind="returned")] == [[str(person(after, "ZOE"))]]


def test_a_delivery_from_before_is_reverted_to_hashes_of_today(hub, again, tmp_path, clock):
    take(hub, tmp_path, [(1, "ZOE", "08000")], "2026-11-01", clock)
    line, _ = take(hub, tmp_path, [(1, "ZOE", "08200")], "2026-11-02", clock)

    after = rotated(hub, again)
    revert(after, line.id, author="Alix", reason="erreur", clock=clock, dry_run=False)
    same, _ = take(after, tmp_path, [(1, "ZOE", "08000")], "2026-11-03", clock)

    assert (same.applied, same.unchanged) == (0, 1)


def broken_off(settings, monkeypatch, what, how, *, match):
    """A rotation that does not come to its end; returns the keys it has drawn."""
    with monkeypatch.context() as patched:
        patched.setattr(search_key, "SLICE", 7)
        patched.setattr(search_key, what, how)
        with pytest.raises(BaseException, match=match):
            rotate_search(settings, dry_run=False)
    return read_ring(settings.keys, create=False)


def goes_on(full, again, ring):
    """Once it was broken off nobody enters; run again it ends, under the same key, and every hash can be made again."""
    with pytest.raises(CallSomeone, match="goes on"):
        rows(again(full), "select 1")
    assert rotate_search(full.settings, dry_run=False)["generation"] == 2
    after = again(full)
    assert read_ring(full.settings.keys, create=False) == ring
    assert numbers_made_again(after)
    brought = [rows(after, statement) for statement in DERIVED]
    with after.engine.connect() as connection:
        link_records(connection, after.vault, after.matching, now=START, full=True)
        assert [[tuple(row) for row in connection.execute(text(each))] for each in DERIVED] == brought


@pytest.mark.parametrize("slices", [0, 3, 20])
def test_a_rotation_killed_in_the_middle_goes_on(full, again, monkeypatch, slices):
    full.engine.dispose()
    left, copy = iter(range(slices)), search_key.copy_rows

    def killed(*given):
        if next(left, None) is None:
            raise KeyboardInterrupt("killed")
        copy(*given)

    goes_on(full, again, broken_off(full.settings, monkeypatch, "copy_rows", killed, match="killed"))


@pytest.mark.parametrize("statement", ["DONE", "MARKS", "QUARANTINED", "NOTE"])
def test_a_rotation_that_fails_at_any_step_goes_on(full, again, monkeypatch, statement):
    with full.engine.begin() as connection:
        connection.execute(
            text("""
                insert into erasure (person_id, cause, author, reason, erased_at, counts)
                values (gen_random_uuid(), 'request', 'a', 'r', now(), '{}')
                """)
        )
    full.engine.dispose()

    goes_on(full, again, broken_off(full.settings, monkeypatch, statement, "select 1 / 0", match="division"))


def test_a_dry_run_says_what_there_is_and_changes_nothing(full):
    before, ring = rows(full, STORED), read_ring(full.settings.keys, create=False)

    said = rotate_search(full.settings, dry_run=True)

    assert (said["generation"], said["waits"], said["tombstones"]) == (1, False, 0)
    assert said["records"] == rows(full, "select count(*) from source_record")[0][0]
    assert said["connections_to_close"] >= 1
    assert (rows(full, STORED), read_ring(full.settings.keys, create=False)) == (before, ring)


def test_it_waits_until_the_hub_is_stopped_and_who_began_before_is_refused(full, again):
    old = Hub(full.settings)
    rows(old, "select 1")
    full.engine.dispose()
    with pytest.raises(FixTheDeclaration, match=r"1 connection.*stop"):
        rotate_search(full.settings, dry_run=False)
    assert read_ring(full.settings.keys, create=False).generation == 1

    old.engine.dispose()
    rotate_search(full.settings, dry_run=False)

    with pytest.raises(CallSomeone, match="start it again"):
        rows(old, "select 1")
    assert rows(again(full), "select 1") == [(1,)]


def test_nobody_enters_while_it_goes_on(full, monkeypatch):
    full.engine.dispose()
    late = bare_store(full.settings)
    late.dispose()
    guard(late, 1)

    def meanwhile(*_given):
        late.connect()

    monkeypatch.setattr(search_key, "copy_rows", meanwhile)
    with pytest.raises(TryAgainLater, match="being replaced"):
        rotate_search(full.settings, dry_run=False)
    late.dispose()


def test_an_older_key_file_is_said(full, again):
    ring = read_ring(full.settings.keys, create=False)
    after = rotated(full, again)
    after.engine.dispose()

    write_ring(full.settings.keys, ring)

    with pytest.raises(CallSomeone, match="key file"):
        rows(again(full), "select 1")
    with pytest.raises(CallSomeone, match="the store needs 2"):
        rotate_search(full.settings, dry_run=False)


def test_the_master_key_is_replaced_beside_it(full, again):
    after = rotated(full, again)
    over = read_ring(full.settings.keys, create=False).over

    keys.rotate(after)
    keys.retire(after)

    last = again(after)
    assert read_ring(full.settings.keys, create=False).over == over
    assert numbers_made_again(last)


def test_a_ring_comes_back_as_it_was_written(tmp_path):
    ring = KeyRing(master=b"a" * 32, search=b"b" * 32, over=(b"c" * 32, b"d" * 32))
    write_ring(tmp_path / "master.key", ring)

    assert read_ring(tmp_path / "master.key", create=False) == ring


def test_a_ring_with_a_key_missing_in_between_is_refused(tmp_path):
    (tmp_path / "master.key").write_text("\n".join([f"{'ab' * 32}", f"search {'ab' * 32}", f"search-3 {'ab' * 32}"]))

    with pytest.raises(FixTheDeclaration, match="does not hold"):
        read_ring(tmp_path / "master.key", create=False)


def test_a_backup_from_before_is_brought_up_to_its_key_file(full, postgres, database_url, tmp_path, again, clock):
    create_database(postgres, "restored_from_before")
    elsewhere = postgres.set(database="restored_from_before")
    dump(database_url, tmp_path / "dump")
    rotated(full, again)
    ring = read_ring(full.settings.keys, create=False)

    restore(tmp_path / "dump", elsewhere)
    settings = Settings(home=full.settings.home, database_url=elsewhere.render_as_string(hide_password=False))
    restored = Hub(settings)
    with pytest.raises(CallSomeone, match="brings a restored database up"):
        rows(restored, "select 1")
    assert rotate_search(settings, dry_run=False)["generation"] == 2

    restored = again(Hub(settings))
    assert read_ring(full.settings.keys, create=False) == ring
    assert reconcile(restored, clock=clock, full=True)["messages"] == {}
    restored.engine.dispose()
    drop_database(postgres, "restored_from_before")
