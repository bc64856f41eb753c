"""Statements said to the driver together: done in their order, each with its rows, all undone when one fails."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from hub.storage.statements import FOR_A_FEW, FOR_MANY, ask

pytestmark = pytest.mark.integration

ADD = "insert into person (id, created_at) select gen_random_uuid(), now() from generate_series(1, %(many)s)"
COUNT = "select count(*) as persons from person"


def test_each_statement_sees_what_those_before_it_did_and_gives_its_own_rows(engine):
    with engine.begin() as connection:
        before, added, after = ask(connection, (COUNT, {}), (ADD, {"many": 3}), (COUNT, {}))

    assert (before[0].persons, added, after[0].persons) == (0, [], 3)


def test_nothing_asked_is_nothing_answered(engine):
    with engine.connect() as connection:
        assert ask(connection) == []


def test_a_statement_that_fails_undoes_all_and_leaves_the_connection_usable(engine):
    with pytest.raises(psycopg.errors.DivisionByZero), engine.begin() as connection:
        ask(connection, (ADD, {"many": 1}), ("select 1 / %(zero)s as never", {"zero": 0}), (COUNT, {}))

    with engine.connect() as connection:
        assert ask(connection, (COUNT, {}))[0][0].persons == 0


def test_a_statement_is_prepared_once_whatever_the_size_of_its_numbers(engine):
    with engine.connect() as connection:
        for number in (1, 70_000, 5_000_000_000):
            assert ask(connection, ("select %(number)s::bigint as said", {"number": number}))[0][0].said == number
        prepared = connection.execute(
            text("select count(*) from pg_prepared_statements where statement like '%as said'")
        )

        assert prepared.scalar_one() == 1


def test_plans_for_a_few_end_with_the_transaction_or_when_there_are_many(engine):
    def planned(connection):
        return connection.execute(text("show plan_cache_mode")).scalar_one()

    with engine.connect() as connection:
        with connection.begin():
            ask(connection, (FOR_A_FEW, {}))
            few = planned(connection)
            ask(connection, (FOR_MANY, {}))
            many = planned(connection)
            ask(connection, (FOR_A_FEW, {}))
        after = planned(connection)

    assert (few, many, after) == ("force_generic_plan", "auto", "auto")
