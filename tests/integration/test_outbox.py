"""The outbox with many messages and several real processes: once each, urgent first, in turn, stopped at a word, set aside and replayed."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import timedelta
from uuid import uuid5

import pytest
from outbox_world import NOW, OutboxWorld, number_of, people_of, said
from sqlalchemy import text

from hub.cli import main
from hub.sandbox.france_travail import FtFaults
from hub.share import share_with
from hub.sharing import outbox
from hub.sharing.aside import aside, by_reason, replay
from hub.sharing.deliver import AT_ONCE
from hub.sharing.switches import switch_off

pytestmark = pytest.mark.integration


@pytest.fixture
def world(tmp_path, database_url):
    opened = OutboxWorld(tmp_path / "hub", database_url)
    yield opened
    opened.engine.dispose()


def clock():
    return NOW


def share(world):
    return share_with(world.hub, "pole_emploi", clock=clock)


def until(true, *, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- several workers ----------------------------------------------------------------------------------------------


def test_four_processes_deliver_each_message_once(world):
    world.decide(world.people(600))
    with world.france_travail(people_of(600)) as server:
        workers = [world.worker("share", "pole_emploi") for _ in range(4)]
        delivered = [said(each)["acknowledged"] for each in workers]

    assert sum(delivered) == 600
    assert sum(count > 0 for count in delivered) >= 2
    assert server.requests["/orientationusager/v1/decisionOrientation"] == 600
    assert Counter(each.who for each in server.decisions) == Counter(map(number_of, range(600)))
    assert world.states() == {"acknowledged": 600}


def test_what_a_killed_process_held_is_taken_by_the_next_with_the_same_keys(world):
    world.decide(world.people(120))
    with world.france_travail(people_of(120), rate=100) as server:
        first = world.worker("share", "pole_emploi")
        until(lambda: len(server.decisions) >= 20)
        first.kill()
        first.communicate()
        share(world)

    assert world.states() == {"acknowledged": 120}
    assert len(server.decisions) == 120  # France Travail heard some twice, and knew them by their key
    assert server.requests["/orientationusager/v1/decisionOrientation"] > 120


# --- whose turn it is ---------------------------------------------------------------------------------------------


def claimed(world, limit):
    with world.engine.begin() as connection:
        rows = outbox.claim(connection, "pole_emploi", limit=limit, now=NOW)
        ids = [row.id for row in rows]
        found = connection.execute(text("select priority, lane from message where id = any(:ids)"), {"ids": ids})
        return Counter(tuple(row) for row in found)


def test_a_flood_of_one_departement_leaves_the_others_their_turn(world):
    world.decide(world.people(500), lane="008")
    world.decide(world.people(30, start=500), lane="052")

    assert claimed(world, 40) == {(1, "008"): 20, (1, "052"): 20}


def test_urgent_ones_go_first_and_what_comes_alone_goes_before_a_flood(world):
    world.decide(world.people(200), priority=2)
    world.decide(world.people(5, start=200), priority=1)
    world.decide(world.people(2, start=205), priority=0)

    assert claimed(world, 10) == {(0, "008"): 2, (1, "008"): 5, (2, "008"): 3}


def test_a_change_made_while_a_message_leaves_waits_for_it_and_nobody_waits(world):
    (who,) = world.people(1)
    world.decide([who])
    with world.engine.begin() as sending:
        (held,) = outbox.claim(sending, "pole_emploi", limit=9, now=NOW)
        world.decide([who], sequence=2)
        with world.engine.begin() as other:
            assert outbox.claim(other, "pole_emploi", limit=9, now=NOW) == []
        outbox.mark_answered(sending, "pole_emploi", [(held.id, True, None)], now=NOW)

    assert claimed(world, 9) == {(1, "008"): 1}


# --- the off switch -----------------------------------------------------------------------------------------------


def test_switched_off_in_the_middle_of_a_batch_sending_stops_within_seconds_and_goes_on_later(world):
    world.decide(world.people(160))
    with world.france_travail(people_of(160), rate=40) as server:
        worker = world.worker("share", "pole_emploi")
        until(lambda: len(server.decisions) >= 10)
        with world.engine.begin() as connection:
            switch_off(connection, "pole_emploi", reason="maintenance", author="a.dupont", now=NOW)
        time.sleep(2.5)
        stopped_at = sum(server.requests.values())
        ended = said(worker, timeout=10)
        time.sleep(1)

        assert sum(server.requests.values()) == stopped_at
        assert ended["untried"] > 0
        assert world.states()["pending"] > 60
        assert {row[0] for row in world.rows("select max(attempts) from message where state = 'pending'")} == {0}
        assert share(world) | {"not_now": "SWITCHED_OFF"} == share(world)
        world.rows("delete from switched_off")
    with world.france_travail(people_of(160)):
        share(world)

    assert world.states() == {"acknowledged": 160}


# --- retried, parked, unfound, rejected ---------------------------------------------------------------------------


def test_somebody_not_found_waits_for_other_keys_and_then_goes_by_itself(world):
    (who,) = world.people(1, known=False)
    world.decide([who])
    with world.france_travail(people_of(1)) as server:
        assert share(world)["unfound"] == 1
        assert share(world)["unfound"] == 0
        assert server.requests["/orientationusager/v1/decisionOrientation"] == 0

        world.rows("update source_identity set france_travail_number = '00000000000'")
        assert share(world)["acknowledged"] == 1

    assert len(server.decisions) == 1
    assert world.states() == {"acknowledged": 1}


def test_wrong_content_is_parked_at_once_and_replayed_by_its_reason(world):
    people = world.people(3)
    world.decide(
        people[:2], fields={"orientation.pathway": "inconnu au bataillon", "orientation.decided_on": "2026-03-01"}
    )
    with world.france_travail(people_of(3)) as server:
        server._face.register._people[number_of(0)] = server._face.register._people.pop(number_of(0))
        world.rows(
            "update source_identity set france_travail_number = 'X' where source_record_id = (select min(id) from source_record)"
        )
        share(world)

    with world.engine.begin() as connection:
        (unfound,) = aside(connection, states=("unfound",))
        assert unfound["code"] == "NO_IDENTIFIER"
        assert unfound["fields"] == ["orientation.decided_on", "orientation.pathway"]
        assert replay(connection, now=NOW, code="NO_IDENTIFIER") == {"replayed": 1, "overtaken": 0}
    assert world.states()["pending"] == 1


def test_a_refused_content_is_parked_without_another_try(world):
    world.decide(world.people(1))
    with world.france_travail(people_of(1)) as server:
        server._face.decide = None
        world.rows("update message set payload = jsonb_set(payload, '{fields,orientation.decided_on}', '\"\"')")
        share(world)
        asked = sum(server.requests.values())
        share(world)

        assert sum(server.requests.values()) == asked
    (row,) = world.rows("select state, code, attempts from message")
    assert row == ("parked", "INCOMPLETE", 1)


def test_replaying_an_old_message_takes_out_what_a_newer_one_told(world):
    (who,) = world.people(1)
    old = {"orientation.pathway": "social", "orientation.structure_name": "CCAS"}
    world.decide([who], fields=old, state="parked")
    world.decide([who], sequence=2, fields={"orientation.pathway": "emploi"}, state="acknowledged")
    (other,) = world.people(1, start=1)
    world.decide([other], state="parked")
    world.decide([other], sequence=2, state="acknowledged")

    with world.engine.begin() as connection:
        done = replay(connection, now=NOW, partner="pole_emploi")

    assert done == {"replayed": 1, "overtaken": 1}
    assert world.rows("select payload -> 'fields' from message where state = 'pending'") == [
        ({"orientation.structure_name": "CCAS"},)
    ]


def test_an_outage_opens_the_circuit_and_nobodys_patience_is_used_up(world):
    world.decide(world.people(120))
    with world.france_travail(people_of(120), faults=FtFaults(unavailable_every=1)) as server:
        first, second = share(world), share(world)

    assert first["retried"] + first["untried"] == 100
    assert second == second | {"retried": 0}
    assert second["untried"] > 0
    assert sum(server.requests.values()) < 60
    assert world.states() == {"pending": 120}


def test_too_many_requests_pauses_everybody_as_long_as_was_asked(world):
    world.decide(world.people(50))
    with world.france_travail(people_of(50), faults=FtFaults(rate_limit_every=1, retry_after="600")) as server:
        began = time.monotonic()
        first = share(world)
        second = share(world)

    assert time.monotonic() - began < 20
    assert first["retried"] + first["untried"] == 50
    assert second["acknowledged"] == second["retried"] == 0
    assert sum(server.requests.values()) <= 2 * AT_ONCE  # those on their way when the first was answered
    later = world.rows("select min(next_attempt_at) from message where attempts = 1")[0][0]
    assert later - NOW == timedelta(seconds=600)


# --- from the command line ----------------------------------------------------------------------------------------


@pytest.fixture
def cli(world, capfd, monkeypatch):
    monkeypatch.setattr("hub.opening.open_hub", lambda: world.hub)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["hub", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
        out, _ = capfd.readouterr()
        return code, json.loads(out) if "--json" in words and code < 2 else out

    return run


def test_an_operator_sees_what_was_set_aside_and_sends_it_again(world, cli):
    (who,) = world.people(1)
    world.decide([who], state="parked")
    world.rows("update message set code = 'R997', reason = 'R997 : à corriger', attempts = 1")
    message = uuid5(who, "pole_emploi1")

    assert cli("outbox", "list", "--json")[1]["messages"][0]["id"] == str(message)
    assert cli("share", "--parked", "--json")[1]["set_aside"][0]["messages"] == 1
    code, shown = cli("outbox", "show", message, "--json")
    assert (code, shown["fields"], "payload" in shown) == (0, ["orientation.decided_on", "orientation.pathway"], False)
    assert cli("outbox", "replay", "--json")[0] == 2
    assert cli("outbox", "replay", message, "--json") == (0, {"replayed": 1, "overtaken": 0})
    assert world.states() == {"pending": 1}
    assert "Nothing is set aside" in cli("outbox", "list")[1]


def test_of_whom_a_partner_follows_no_more_nothing_rejected_goes_again(world):
    world.decide(world.people(2), state="rejected")
    world.rows("update source_record set left_on = '2026-03-03' where key = (select min(key) from source_record)")

    with world.engine.begin() as connection:
        assert replay(connection, now=NOW, partner="pole_emploi") == {"replayed": 1, "overtaken": 0}

    assert world.states() == {"pending": 1, "rejected": 1}


def test_an_operator_switches_a_partner_off_and_on(world, cli):
    assert cli("outbox", "status", "--json")[0] == 0
    assert cli("outbox", "off", "pole_emploi", "--reason", "maintenance", "--author", "a", "--json")[0] == 0
    code, document = cli("outbox", "status", "--json")
    assert (code, {row["partner"]: row["off"] for row in document["partners"]}["pole_emploi"]) == (1, "maintenance")
    assert cli("share", "pole_emploi", "--json")[1]["pole_emploi"]["not_now"] == "SWITCHED_OFF"
    assert cli("outbox", "on", "pole_emploi", "--json")[1] == {"partner": "pole_emploi", "sends": True, "was_off": True}
    assert cli("outbox", "off", "personne", "--reason", "x", "--author", "a", "--json")[0] == 2


def test_reasons_are_counted(world):
    world.decide(world.people(3), state="parked")
    world.rows("update message set code = 'R997', reason = 'R997 : à corriger'")

    with world.engine.connect() as connection:
        (found,) = by_reason(connection)

    assert (found["partner"], found["code"], found["messages"]) == ("pole_emploi", "R997", 3)
