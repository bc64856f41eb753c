"""What waits to be matched is taken in slices: what came alone first, killed anywhere, with the same result as in one go."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from sqlalchemy import text

from hub.intake import pipeline
from hub.people import reconcile as people
from hub.people import slices as sliced
from hub.people.reconcile import reconcile
from hub.people.slices import Slice, slices
from hub.storage.store import is_waited_for, take_lock

pytestmark = pytest.mark.integration


@pytest.fixture
def received(hub, partners, clock):
    """Everything of the first day, applied and not matched yet; returns how many records each delivery has."""
    partners.deposit_day(0)
    for flow in hub.flows.values():
        if flow.direction == "in" and flow.protocol != "api":
            pipeline.receive(hub, flow, clock=clock)
    return dict(rows(hub, "select delivery_id, count(*) from source_record where to_match group by 1"))


@pytest.fixture
def thin(monkeypatch):
    """Slices of twenty; more than sixty records at once are a flood."""
    monkeypatch.setattr(sliced, "SLICE", 20)
    monkeypatch.setattr(sliced, "FLOOD", 60)


def rows(hub, statement):
    with hub.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def of_delivery(hub, chosen):
    found = dict(rows(hub, "select id, delivery_id from source_record"))
    return Counter(found[record] for record in chosen)


def plan(hub, **which):
    with hub.engine.connect() as connection:
        return slices(connection, **which)


def drift(hub, clock):
    again = reconcile(hub, clock=clock, full=True)
    return again["linked"], again["merged"], again["messages"], again["drift"]["merges"] + again["drift"]["splits"]


def test_what_came_alone_goes_before_floods_and_says_so(hub, received, thin):
    planned = plan(hub)

    alone = {delivery for delivery, number in received.items() if number <= 60}
    assert set() < alone < set(received)
    assert sum(len(chosen.records) for chosen in planned) == sum(received.values())
    assert all(len(chosen.records) <= 20 for chosen in planned)
    assert [chosen.flood for chosen in planned] == sorted(chosen.flood for chosen in planned)
    assert all((set(of_delivery(hub, chosen.records)) <= alone) is not chosen.flood for chosen in planned)


def test_what_a_flood_makes_goes_after_what_came_alone(hub, received, clock):
    known, caf = (
        [record for (record,) in rows(hub, f"select id from source_record where partner {which} 'caf' order by id")]
        for which in ("<>", "=")
    )
    people._slice(hub, Slice(records=known), now=clock())

    made = []
    for records, flood in ((caf[:30], False), (caf[30:], True)):
        moment = clock()
        people._slice(hub, Slice(records=records, flood=flood), now=moment)
        ordinary = f"select distinct priority from message where priority > 0 and created_at = '{moment.isoformat()}'"
        made.append(rows(hub, ordinary))

    assert made == [[(1,)], [(2,)]]


def test_a_flood_gives_way_to_whoever_waits_for_it(hub, received, thin, clock, monkeypatch):
    waited, slept = [], []
    monkeypatch.setattr(people.time, "sleep", slept.append)

    def wait_for_it():
        with hub.engine.begin() as connection:
            take_lock(connection, "reconcile")
            waited.append(connection.execute(text("select count(*) from source_record where to_match")).scalar_one())

    whole, somebody = people.follow, threading.Thread(target=wait_for_it)

    def follow(hub, connection, *args, flood, **kwargs):
        if flood and not somebody.ident:
            somebody.start()
            while not is_waited_for(connection, "reconcile"):
                threading.Event().wait(0.01)
        return whole(hub, connection, *args, flood=flood, **kwargs)

    monkeypatch.setattr(people, "follow", follow)
    reconcile(hub, clock=clock)
    somebody.join()

    assert slept == [people.GIVE_WAY]
    assert waited[0] > 0  # it did not wait for the whole flood


def test_the_flood_of_another_delivery_is_left_to_whoever_took_it(hub, received, thin, clock):
    floods = [delivery for delivery, number in received.items() if number > 60]

    done = reconcile(hub, clock=clock, deliveries=[floods[0]])

    left = dict(rows(hub, "select delivery_id, count(*) from source_record where to_match group by 1"))
    assert left == {delivery: received[delivery] for delivery in floods[1:]}
    assert done["records"] == sum(received.values()) - sum(left.values())


def test_slices_come_to_what_one_go_comes_to(hub, received, thin, clock):
    done = reconcile(hub, clock=clock)

    assert done["records"] == sum(received.values())
    assert rows(hub, "select count(*) from source_record where to_match") == [(0,)]
    assert drift(hub, clock) == (0, 0, {}, 0)


@pytest.mark.parametrize("slices_done", [0, 1, 7])
def test_killed_between_two_slices_it_goes_on(hub, received, thin, clock, monkeypatch, slices_done):
    whole, calls = people._slice, []

    def killed(*args, **kwargs):
        calls.append(1)
        if len(calls) > slices_done:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    monkeypatch.setattr(people, "_slice", killed)
    with pytest.raises(KeyboardInterrupt):
        reconcile(hub, clock=clock)
    monkeypatch.setattr(people, "_slice", whole)
    waiting = rows(hub, "select count(*) from source_record where to_match")[0][0]

    done = reconcile(hub, clock=clock)

    assert (done["records"], len(calls)) == (waiting, slices_done + 1)
    assert (waiting < sum(received.values())) == (slices_done > 0)
    assert drift(hub, clock) == (0, 0, {}, 0)
    twice = "select count(*) from (select from message where state <> 'replaced' group by partner, person_id, sequence having count(*) > 1) t"
    assert rows(hub, twice) == [(0,)]


def test_nothing_to_match_is_one_transaction_that_still_ends_what_is_over(hub, clock):
    assert reconcile(hub, clock=clock)["records"] == 0
