"""What fails below the hub is said in plain words: what to do, and never what a statement carried."""

from __future__ import annotations

import errno
import traceback

import psycopg
import pytest
from sqlalchemy import text

from hub.monitoring.outages import in_plain_words
from hub.steps import reconcile_step
from hub.storage.store import copy_rows
from schemas.errors import CallSomeone, FixTheDelivery, HubError, TryAgainLater

pytestmark = pytest.mark.integration

SECRET = "1850608105001"


def said_by(fails):
    with pytest.raises(HubError) as raised, in_plain_words():
        fails()
    told = "".join(traceback.format_exception(raised.value))
    assert SECRET not in told
    assert "DETAIL" not in told
    return raised.value


def test_a_row_the_database_refuses_is_named_by_its_table_and_rule_alone(hub):
    statement = text("insert into full_picture (flow, scope, delivery_id, order_key) values (:nir, '08', 1, 'x')")

    def fails():
        with hub.engine.begin() as connection:
            connection.execute(statement, {"nir": SECRET})

    said = said_by(fails)

    assert isinstance(said, CallSomeone)
    assert "full_picture" in str(said)
    assert "fk_full_picture_delivery_id_delivery" in str(said)


def test_a_row_that_cannot_be_copied_is_not_shown(hub):
    def fails():
        with hub.engine.begin() as connection:
            copy_rows(connection, "copy movement (delivery_id) from stdin", [(SECRET + "x",)])

    assert isinstance(said_by(fails), CallSomeone)


def test_an_error_of_the_driver_shows_no_parameter(hub):
    with pytest.raises(Exception, match="division by zero") as raised, hub.engine.connect() as connection:
        connection.execute(text("select 1 / 0 where :nir <> ''"), {"nir": SECRET})

    assert SECRET not in str(raised.value)


def test_a_conflict_between_transactions_is_worth_another_try():
    def fails():
        raise psycopg.errors.DeadlockDetected(f"deadlock; Key (nir)=({SECRET})")

    assert isinstance(said_by(fails), TryAgainLater)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, TryAgainLater), (errno.EDQUOT, TryAgainLater), (errno.EIO, CallSomeone)]
)
def test_what_the_disk_says_is_told_by_what_to_do(number, kind):
    def fails():
        raise OSError(number, SECRET)

    assert type(said_by(fails)) is kind


def test_a_server_that_is_not_there_is_said_by_the_tasks_too(monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_DATABASE_URL", f"postgresql://hub:{SECRET}@127.0.0.1:1/hub")
    monkeypatch.setenv("HUB_HOME", str(tmp_path))

    with pytest.raises(TryAgainLater, match="The database cannot be reached"):
        reconcile_step()


def test_what_the_hub_says_itself_and_what_is_our_own_fault_go_through_unchanged():
    with pytest.raises(FixTheDelivery), in_plain_words():
        raise FixTheDelivery
    with pytest.raises(KeyError), in_plain_words():
        raise KeyError("field")
