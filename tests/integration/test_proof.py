"""Where two people are needed, each shows who they are: a token of an account, never a name that was typed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import termios
import time
from datetime import timedelta

import pytest
import yaml
from cycle import new_hub
from identities import People
from test_agreements import DECLARED, with_fields
from test_decided_by_people import put_cases

from hub.cli.output import clock
from hub.opening import Hub
from hub.people.reviews import show
from hub.sharing.widening import content_of
from hub.web import accounts
from hub.web.tokens import shown, sign_in
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

PASSWORD = "un long secret"
HUB = (sys.executable, "-c", "from hub.cli import main; main()")


@pytest.fixture
def two(hub):
    """Accounts of two people who may approve, of one who may not, and of a reviewer."""
    for name, role in (
        ("alix", "dpo"),
        ("bo", "administrator"),
        ("cam", "operator"),
        ("dany", "reviewer"),
        ("eli", "reviewer"),
    ):
        accounts.add(hub, name, roles=[role], password=PASSWORD, now=clock())
    return hub


def run(hub, *words, code=0, given=None, **more):
    environment = os.environ | {
        "HUB_HOME": str(hub.settings.home),
        "HUB_DATABASE_URL": hub.settings.database_url,
        **more,
    }
    done = subprocess.run(
        [*HUB, *words, "--json"], capture_output=True, text=True, input=given or "", env=environment, check=False
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def token(hub, name):
    return run(hub, "users", "sign-in", name, "--password-stdin", given=f"{PASSWORD}\n")["token"]


@pytest.fixture
def wider(two, tmp_path):
    """A store whose agreement with the CAF was in force, and whose declared one now gives more."""
    folder = tmp_path / "agreements"
    folder.mkdir()
    for each in DECLARED.values():
        (folder / f"{each.title}.yml").write_text(yaml.safe_dump(content_of(each)), encoding="utf-8")
    opened = Hub(two.settings.model_copy(update={"agreements_dir": folder}))
    assert opened.agreements["caf"]
    opened.engine.dispose()
    more = with_fields("caf", more=["contract.rank"])
    (folder / "caf.yml").write_text(yaml.safe_dump(content_of(more)), encoding="utf-8")

    def agreements(*words, as_=None, **how):
        shows = {"HUB_TOKEN": token(two, as_)} if as_ else {}
        return run(two, "agreements", *words, HUB_AGREEMENTS_DIR=str(folder), **shows, **how)

    return agreements


def test_two_accounts_put_a_wider_agreement_in_force(wider):
    wider("propose", "caf", as_="alix")
    done = wider(
        "approve",
        "caf",
        as_="bo",
    )

    assert done["approved_by"] == "bo"


def test_a_name_that_is_typed_proves_nothing(wider):
    assert "hub users sign-in" in wider("propose", "caf", "--author", "alix", code=2)
    wider("propose", "caf", as_="alix")
    assert "hub users sign-in" in wider("approve", "caf", "--author", "bo", code=2)


def test_one_account_is_not_two_people_whatever_names_it_gives(wider):
    wider("propose", "caf", as_="alix")

    assert "cannot approve it" in wider("approve", "caf", as_="alix", code=2)
    assert "another name" in wider("approve", "caf", "--author", "bo", as_="alix", code=2)


def test_who_may_not_decide_it_is_told_which_role_may(wider):
    assert "administrator or dpo" in wider("propose", "caf", as_="cam", code=2)


@pytest.mark.parametrize("ended", ["another password", "closed", "sessions ended", "ten hours"])
def test_a_token_ends_with_the_account_it_stands_for(two, ended):
    now = clock()
    given = sign_in(two, "alix", PASSWORD, now=now)
    assert shown(two, given, now=now + timedelta(hours=9)).name == "alix"

    if ended == "another password":
        accounts.set_password(two, "alix", "un autre secret", now=now + timedelta(minutes=1))
    elif ended == "closed":
        accounts.disable(two, "alix", now=now + timedelta(minutes=1))
    elif ended == "sessions ended":
        accounts.end_sessions(two, "alix", now=now + timedelta(minutes=1))

    assert shown(two, given, now=now + timedelta(hours=11 if ended == "ten hours" else 9)) is None


def test_a_token_of_another_store_or_a_wrong_password_opens_nothing(two, tmp_path, database_url):
    stranger = new_hub(tmp_path / "stranger", database_url)
    forged = sign_in(stranger, "alix", PASSWORD, now=clock())
    stranger.engine.dispose()

    assert shown(two, forged, now=clock()) is None
    assert shown(two, forged[:-2], now=clock()) is None
    with pytest.raises(FixTheDeclaration, match="No account has that name"):
        sign_in(two, "alix", "pas le bon secret", now=clock())
    assert "stands for no account" in run(two, "agreements", "propose", "caf", code=2, HUB_TOKEN=forged)


def test_at_a_terminal_the_password_is_asked_for(wider, two, tmp_path):
    """A real terminal: the command asks on it, and what is typed is not shown."""
    environment = os.environ | {
        "HUB_HOME": str(two.settings.home), "HUB_DATABASE_URL": two.settings.database_url, "HUB_AGREEMENTS_DIR": str(tmp_path / "agreements"),
    }  # fmt: skip
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*HUB, "agreements", "propose", "caf", "--author", "alix", "--json"], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
        env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    asked = b""
    while b"Password of alix" not in asked:
        asked += os.read(ours, 1000)
    while termios.tcgetattr(ours)[3] & termios.ECHO:  # what is typed before it listens is thrown away
        time.sleep(0.05)
    os.write(ours, f"{PASSWORD}\n".encode())
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert json.loads(said)["agreement"] == "caf"
    os.close(ours)


def test_against_a_model_that_is_sure_each_reviewer_shows_who_they_are(two):
    (case,) = put_cases(People(two.engine, two.vault), (0.97, [], 2))

    assert "hub users sign-in" in run(two, "review", "decide", str(case), "distinct", "--author", "dany", code=2)
    first = run(two, "review", "decide", str(case), "distinct", "--author", "dany", HUB_TOKEN=token(two, "dany"))
    second = run(two, "review", "decide", str(case), "distinct", "--author", "eli", HUB_TOKEN=token(two, "eli"))

    assert (first["decided"], second["decided"]) == (False, True)
    assert [each["author"] for each in show(two, case)["opinions"]] == ["dany", "eli"]
