"""The fast lane: what is dropped is told within seconds, by one process, and what is large is left to Airflow."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from hub.fast_lane import FastLane
from hub.intake.watching import Watch

pytestmark = pytest.mark.integration


def now():
    return datetime.now(tz=UTC)


def until(true, *, seconds=200):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def count(hub, statement):
    with hub.engine.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def test_small_deliveries_are_taken_and_everybody_is_told(hub, partners):
    with FastLane(hub, clock=now), partners.serving():
        partners.deposit_day(0)
        until(lambda: count(hub, "select count(*) from delivery where state = 'applied'") == 5)
        until(lambda: list((partners.folder / "departement_52" / "retour").glob("*.manifest*")))
        until(lambda: count(hub, "select count(*) from message where state = 'pending'") == 0)
        until(lambda: partners.report()["departement_52"]["messages"] > 0)  # it has loaded what it was left

    assert count(hub, "select count(*) from source_record where to_match") == 0
    assert partners.report()["departement_52"]["fields_not_allowed"] == 0
    assert partners.report()["departement_52"]["messages"] > 0
    assert partners.report()["departement_52"]["complaints"] == []


def test_a_large_delivery_is_left_where_it_is(hub, partners):
    with FastLane(hub, clock=now, small=100):
        partners.deposit_day(0)
        time.sleep(2.5)

    assert count(hub, "select count(*) from delivery") == 0


def test_airflow_takes_a_small_delivery_only_once_the_fast_lane_had_its_time(hub, partners):
    partners.deposit_day(0)
    flow = hub.flow("departement_pivot")
    with hub.connect(flow) as connector:
        watch = Watch(hub=hub, flow=flow, connector=connector, grace=15)

        assert [watch.poll(moment) for moment in (0.0, 14.0, 16.0, 17.0)] == [0, 0, 1, 0]
