"""An act is the account's that was shown: no typed name is ever taken for one, whatever the command."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from identities import People
from sqlalchemy import text
from test_decided_by_people import put_cases
from typer.main import get_command
from typer.testing import CliRunner

from hub.cli.commands import app
from hub.cli.output import clock
from hub.opening import Hub
from hub.web import accounts
from hub.web.tokens import sign_in
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

PASSWORD = "un long secret"
SOMEBODY = str(uuid4())

# Every command that has an author, as somebody would type it, and a role that may do it.
ACTS = {
    ("delivery", "release"): (("1",), "operator"),
    ("delivery", "refuse"): (("1", "--reason", "x"), "operator"),
    ("delivery", "revert"): (("1", "--reason", "x", "--yes"), "operator"),
    ("alarms", "ack"): (("1",), "operator"),
    ("outbox", "off"): (("caf", "--reason", "x"), "operator"),
    ("quarantine", "drop"): (("L1-E1", "--reason", "x"), "operator"),
    ("review", "decide"): (("1", "same"), "reviewer"),
    ("person", "unlink"): ((SOMEBODY, "1", "--reason", "x", "--yes"), "reviewer"),
    ("person", "object"): ((SOMEBODY,), "dpo"),
    ("person", "protect"): ((SOMEBODY,), "operator"),
    ("person", "hold"): ((SOMEBODY,), "dpo"),
    ("person", "wait"): ((SOMEBODY, "--hours", "1"), "dpo"),
    ("person", "readmit"): ((SOMEBODY,), "dpo"),
    ("person", "erase"): ((SOMEBODY, "--yes"), "dpo"),
    ("person", "erase-again"): ((), "administrator"),
    ("agreements", "propose"): (("caf",), "dpo"),
    ("agreements", "approve"): (("caf",), "administrator"),
}
FREE = ("operator", "reviewer", "dpo", "administrator")


@pytest.fixture
def typed(hub, monkeypatch):
    """Type a command as whoever holds a token, or as nobody; returns what it says, or the fault it names."""

    def run(*words, token=None):
        shown = Hub(hub.settings.model_copy(update={"token": token}))
        monkeypatch.setattr("hub.opening.open_hub", lambda: shown)
        done = CliRunner().invoke(app, [*words])
        shown.engine.dispose()
        assert done.exception is None or isinstance(done.exception, (FixTheDeclaration, SystemExit)), done.exception
        return str(done.exception or done.stdout)

    return run


def with_accounts(hub):
    for role in FREE:
        accounts.add(hub, role, roles=[role], password=PASSWORD, now=clock())
    (case,) = put_cases(People(hub.engine, hub.vault), (0.5, [], 2))
    assert case == 1


def test_no_command_that_has_an_author_is_forgotten():
    found = {
        (group, name)
        for group, commands in get_command(app).commands.items()
        for name, command in getattr(commands, "commands", {}).items()
        if any(each.name == "author" for each in command.params)
    }

    assert found == set(ACTS)


def test_where_there_are_accounts_a_typed_name_does_nothing(hub, typed):
    with_accounts(hub)

    for act, (words, role) in ACTS.items():
        for author in ((), ("--author", role), ("--author", "personne")):
            assert "hub users sign-in" in typed(*act, *words, *author), act


def test_only_an_account_with_the_role_goes_further(hub, typed):
    with_accounts(hub)
    shows = {role: sign_in(hub, role, PASSWORD, now=clock()) for role in FREE}

    for act, (words, role) in ACTS.items():
        other = "reviewer" if role != "reviewer" else "operator"
        assert f"{other} may not do this" in typed(*act, *words, token=shows[other]), act
        assert "another name" in typed(*act, *words, "--author", other, token=shows[role]), act
        assert "may not do this" not in typed(*act, *words, token=shows[role]), act


def test_what_is_kept_is_the_name_of_the_account(hub, typed):
    with_accounts(hub)

    typed("outbox", "off", "caf", "--reason", "x", token=sign_in(hub, "operator", PASSWORD, now=clock()))
    typed("review", "decide", "1", "same", token=sign_in(hub, "reviewer", PASSWORD, now=clock()))

    with hub.engine.connect() as connection:
        assert connection.execute(text("select author from switched_off")).scalars().all() == ["operator"]
        assert connection.execute(text("select author from decision")).scalars().all() == ["reviewer"]


def test_before_there_is_any_account_a_name_is_kept_as_one_that_was_typed(hub, typed):
    assert "--author NAME" in typed("outbox", "off", "caf", "--reason", "x")
    typed("outbox", "off", "caf", "--reason", "x", "--author", "operator")

    with hub.engine.connect() as connection:
        (kept,) = connection.execute(text("select author from switched_off")).scalars()
    assert kept == "operator (nom saisi)"
    with pytest.raises(FixTheDeclaration, match="An account is named"):
        accounts.add(hub, kept, roles=["operator"], password=PASSWORD, now=clock())


def test_closing_the_last_account_gives_nobody_its_name(hub, typed):
    accounts.add(hub, "seule", roles=["operator"], password=PASSWORD, now=clock())
    accounts.disable(hub, "seule", now=clock())

    assert "hub users sign-in" in typed("outbox", "off", "caf", "--reason", "x", "--author", "seule")


def test_what_is_only_tried_is_nobodys(hub, typed):
    with_accounts(hub)

    said = json.loads(typed("outbox", "status", "--json"))
    tried = typed("person", "erase", SOMEBODY)

    assert said["partners"]
    assert "sign-in" not in tried
