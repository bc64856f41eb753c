"""Statements said to the driver together: done in their order, each with its rows, all undone when one fails."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from hub.storage.statements import FOR_A_FEW, FOR_MANY, ask

pytestmark = pytest.mark.integration

ADD = "insert into person (id, created_at) select gen_random_uuid(), now() from generate_series(1, %(many)s)"
COUNT = "select count(*) as persons from person"


@pytest.fixture(params=[True, False], ids=["beside", "elsewhere"], autouse=True)
def where(request, monkeypatch):
    """The server on this machine, or elsewhere."""
    monkeypatch.setattr("hub.storage.statements.is_beside", lambda _: request.param)


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


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("bigint", [1, -(2**63), None]),
        ("float8", [0.1 + 0.2, 1e-300, float("inf"), None]),
        ("text", ["a,b", 'dit "oui"', "barre \\ oblique", "{}", "", "NULL", None, "É\n"]),
        ("bytea", [b"", b'\x00\\"\xff', None]),
        ("boolean", [True, False, None]),
        ("date", [date(1890, 2, 3), None]),
        ("uuid", [UUID(int=7), None]),
        ("text", [None, None]),
        ("bigint", []),
    ],
)
def test_a_list_arrives_as_it_was_whatever_it_holds(engine, kind, said):
    with engine.connect() as connection:
        (rows,) = ask(connection, (f"select * from unnest(%(said)s::{kind}[]) s(value)", {"said": said}))

    assert [row.value for row in rows] == said


def test_lists_full_empty_and_of_nothing_are_one_prepared_statement(engine):
    with engine.connect() as connection:
        for said in ([1], [], [None]):
            assert ask(connection, ("select cardinality(%(said)s::bigint[]) as size", {"said": said}))[0][
                0
            ].size == len(said)
        prepared = connection.execute(
            text("select count(*) from pg_prepared_statements where statement like '%as size'")
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
