"""``hub users``: accounts are opened, listed, closed and given another password, and say so."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hub.cli.commands import app
from hub.cli.output import clock
from hub.web import accounts

pytestmark = pytest.mark.integration


@pytest.fixture
def cli(hub, monkeypatch):
    monkeypatch.setattr("hub.opening.open_hub", lambda: hub)

    def run(*words, given=None):
        done = CliRunner().invoke(app, ["users", *words, "--json"], input=given)
        assert done.exit_code == 0, done.exception
        return json.loads(done.stdout)

    return run


def test_an_account_is_opened_with_a_password_drawn_and_said_once(hub, cli):
    opened = cli("add", "jeanne.m", "--role", "operator", "--role", "reviewer")

    assert opened["roles"] == ["operator", "reviewer"]
    assert accounts.check(hub, "jeanne.m", opened["password"], now=clock()).roles == {"operator", "reviewer"}
    (listed,) = cli("list")["users"]
    assert (listed["name"], listed["disabled_at"]) == ("jeanne.m", None)
    assert "password" not in listed


def test_a_password_given_is_not_said_again(hub, cli):
    opened = cli("add", "caf.08", "--role", "partner", "--partner", "caf", "--password-stdin", given="un long secret\n")

    assert opened == {"name": "caf.08", "roles": ["partner"], "partner": "caf"}
    assert accounts.check(hub, "caf.08", "un long secret", now=clock()).partner == "caf"


def test_a_closed_account_opens_nothing_until_it_is_given_another_password(hub, cli):
    first = cli("add", "jeanne.m", "--role", "dpo")["password"]
    cli("disable", "jeanne.m")

    assert accounts.check(hub, "jeanne.m", first, now=clock()) is None
    second = cli("password", "jeanne.m")["password"]
    assert accounts.check(hub, "jeanne.m", first, now=clock()) is None
    assert accounts.check(hub, "jeanne.m", second, now=clock()).roles == {"dpo"}


def test_passwords_are_kept_unreadable(hub, cli):
    opened = cli("add", "jeanne.m", "--role", "dpo")
    with hub.engine.connect() as connection:
        kept = connection.exec_driver_sql("select password from account").scalar_one()

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert opened["password"] not in kept
