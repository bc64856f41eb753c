"""Nobody's data out of the stores: people who cannot be missed go through everything, failures included, and are searched for."""

from __future__ import annotations

import html
import json
import logging
import os
import re
import sys
from datetime import UTC, datetime

import pytest
from marked_files import BREAKS, delivery, half_a_header, household, household_file, without_header
from marks import NIR, SENTENCE, MarkedSandbox, row_of
from sqlalchemy import text
from traces import cells_of, files_of_the_hub, processes_below, servers_log
from unkind import unkind_api
from visitors import PASSWORD, visitor

from hub.cli import main
from hub.sandbox.alone import write_connections
from hub.web import accounts
from hub.web.serving import screens
from mappings.converters import CONVERTERS

pytestmark = pytest.mark.integration

NUMBER = NIR.replace(" ?", "")  # in clear nowhere at all, unless somebody typed it, with its spaces, in a free text

# Where people's data may be, and why. Everything else in the store, and everything outside it, holds none.
SAID = "what partners said, version by version: the hub's reason to be"
KEYS = "comparison keys: what records are compared by"
KEPT = {
    "source_version.content": SAID,
    "dossier.content": "the consolidated view of a person",
    "message.payload": "what a partner is about to be told",
    "told.content": "what each partner was last told, so that nothing is said twice",
    **{
        f"source_identity.{name}": KEYS
        for name in (
            "comparable", "birth_date", "caf_number", "france_travail_number", "household",
        )
    },
}  # fmt: skip


# Random digits, thousands of them: any number is found somewhere in them, nobody's in particular.
DRAWN = {"identity_key.key"}


class Told:
    """The command line called as a user would, and all it ever said."""

    def __init__(self, capfd):
        self._capfd = capfd
        self.said = []

    def __call__(self, *words, exits=(0, 1)):
        argv, sys.argv = sys.argv, ["hub", *map(str, words)]
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
        finally:
            sys.argv = argv
        out, err = self._capfd.readouterr()
        self.said += [out, err]
        assert code in exits, (words, out[-1500:], err[-1500:])
        return out + err

    def json(self, *words):
        self(*words)
        return json.loads(self(*words, "--json").partition("\nhub: ")[0])


@pytest.fixture
def world(hub, tmp_path):
    with MarkedSandbox(tmp_path / "partners", seed=7, size=40) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        yield sandbox


@pytest.fixture
def cli(hub, capfd, monkeypatch):
    monkeypatch.setattr("hub.opening.open_hub", lambda: hub)
    return Told(capfd)


def break_a_converter(monkeypatch):
    """A converter with a fault of its own, which quotes the value as such faults do."""
    real = CONVERTERS["postcode"]

    def postcode(value):
        if value == BREAKS:
            raise KeyError(value)
        return real(value)

    monkeypatch.setitem(CONVERTERS, "postcode", postcode)


def test_nobody_is_seen_outside_the_stores(hub, world, cli, tmp_path, monkeypatch, caplog, postgres):
    """Plant, run everything, let everything fail, and search."""
    caplog.set_level(logging.INFO)
    break_a_converter(monkeypatch)
    children = a_whole_cycle(world, cli)
    refused_deliveries(hub, cli, tmp_path)
    every_column(hub, cli, tmp_path)
    failing_partners(hub, world, cli)
    a_failing_store(hub, cli, tmp_path)
    operators(hub, world, cli, tmp_path)
    page = everything_an_operator_sees(hub)

    marks = world.marks
    assert [hit for text in (*cli.said, caplog.text, page, children) for hit in marks.found(text)] == []
    assert marks.found(servers_log(postgres)) == []
    assert marks.found("\n".join(files_of_the_hub(hub, tmp_path))) == []
    cells = dict(cells_of(hub))
    assert [column for column, held in cells.items() if re.search(NUMBER, held)] == []
    held = {column for column, text in cells.items() if column not in DRAWN and marks.found(text)}
    assert held - KEPT.keys() == set()
    assert KEPT.keys() - held == set(), "no mark came this far: this test proves nothing of it"


def everything_an_operator_sees(hub):
    """Every page an operator can reach by its links, unmasking left aside; forms are not sent."""
    accounts.add(hub, "operatrice", roles=["operator", "administrator"], password=PASSWORD, now=datetime.now(tz=UTC))
    shown, paths = {}, ["/"]
    with screens(hub) as address:
        client = visitor(address, "operatrice")
        while paths:
            path = paths.pop()
            if path not in shown:
                shown[path] = client.get(path).text
                paths += [html.unescape(each) for each in re.findall(r'href="(/[a-z][^"#]*)"', shown[path])]
    assert {"/quarantaine", "/journal", "/partages/caf", "/flux/caf_rsa", "/qualite/caf_rsa"} <= shown.keys()
    assert any(path.startswith("/quarantaine/L") for path in shown)
    return "\n".join(shown.values())


# --- what happens ---------------------------------------------------------------------------------------------------


def a_whole_cycle(world, cli):
    """Receive, reconcile, ask, share, acknowledge; returns what the machine shows of the hub's children."""
    world.deposit_day(0)
    cli("receive")
    children = processes_below(os.getpid())
    assert "quality.suite" in children
    cli("reconcile")
    cli("receive", "pole_emploi_usagers", "--json")
    cli("reconcile", "--json")
    cli("share", "--dry-run")
    cli("share", "--dry-run", "--json")
    world.partners_work()  # nothing yet
    cli("share", "--json")
    world.partners_work()
    for answer in world.folder.glob("*/accuses/*.csv"):
        answer.write_text(
            answer.read_text(encoding="utf-8").replace(";OK;0000;", f";KO;ZORGLUB;{SENTENCE}", 2), encoding="utf-8"
        )
    cli("acknowledge")
    return children


def refused_deliveries(hub, cli, folder):
    """Truncated, announced otherwise, with a DOCTYPE, without a header line, and named after somebody."""
    mapping = hub.in_mapping("caf_rsa")
    unit = household(mapping, row_of(mapping, 40))
    whole = household_file([unit])
    pivot = delivery("departement_pivot", hub.in_mapping("departement_pivot"), first=50)
    for flow, name, content in (
        ("caf_rsa", "RSABE_1.xml", whole[: whole.index(b"<PRENOM>") + 12]),
        ("caf_rsa", "RSABE_ZORGLUB_1170308105912.xml", household_file([unit], total="1170308105912")),
        ("caf_rsa", "RSABE_2.xml", household_file([unit], doctype="<!DOCTYPE Racine [<!ENTITY zorglub 'Zorglub'>]>")),
        ("caf_rsa", "RSABE_3.xml", household_file([unit], said=SENTENCE, total="zorglub")),
        ("caf_rsa", "RSABE_4.xml", household_file([unit]).replace(b"IdentificationFlux", b"Zorglub")),
        ("departement_pivot", "pivot_ZORGLUB Anne 0699887123.csv", without_header(pivot)),
        ("departement_pivot", "0699887123.zorglub", b"Zorglub;1917-03-23\n"),
    ):
        line = receive(cli, folder, flow, name=name, content=content)
        assert line["state"] == "refused", name


def every_column(hub, cli, folder):
    """Every column of every flow holds a mark."""
    for flow in [each.flow for each in hub.flows.values() if each.direction == "in"]:
        content = delivery(flow, hub.in_mapping(flow))
        line = receive(cli, folder, flow, name=f"{flow}_zorglub.{flow[:3]}", content=content)
        if line["state"] == "held":
            cli("delivery", "show", line["id"], "--json")
            (line,) = json.loads(cli("delivery", "release", line["id"], "--author", "a", "--json"))["deliveries"]
        assert line["state"] == "applied", line
        assert line["applied"] >= 2, line
        assert line["quarantined"] >= 8, line
    content = half_a_header(delivery("departement_pivot", hub.in_mapping("departement_pivot"), first=70))
    receive(cli, folder, "departement_pivot", name="pivot_9.csv", content=content)
    in_header = household_file(
        [household(hub.in_mapping("caf_rsa"), row_of(hub.in_mapping("caf_rsa"), 80))], said=SENTENCE
    )
    line = receive(cli, folder, "caf_rsa", name="RSABE_9.xml", content=in_header)
    assert line["state"] == "refused"
    cli("reconcile")


def receive(cli, folder, flow, *, name, content):
    path = folder / name
    path.write_bytes(content)
    said = cli("receive", flow, "--file", path, "--json")
    path.unlink()
    return json.loads(said[said.index("{") :])["deliveries"][0]


def failing_partners(hub, world, cli):
    """An API that answers 502, 429 and nonsense with somebody in it; an SFTP server that refuses; a file that goes."""
    secrets = hub.settings.secrets
    kept = {name: (secrets / name).read_bytes() for name in ("pole_emploi_api.json", "departement_08_sftp.json")}
    with hub.engine.begin() as connection:
        connection.execute(
            text("delete from asked where source_record_id in (select source_record_id from asked limit 3)")
        )
        connection.execute(text("delete from access_token"))
        connection.execute(
            text(
                "update message set state = 'pending' where partner = 'pole_emploi' and sequence = 1 and person_id in (select person_id from message where partner = 'pole_emploi' limit 3)"
            )
        )
    with unkind_api() as port:
        given = json.loads(kept["pole_emploi_api.json"])
        old = f":{given['port']}"
        given["extra"] = {key: value.replace(old, f":{port}") for key, value in given["extra"].items()}
        (secrets / "pole_emploi_api.json").write_text(json.dumps(given | {"port": port}), encoding="utf-8")
        cli("receive", "pole_emploi_usagers")
        cli("share", "pole_emploi")
    given = json.loads(kept["departement_08_sftp.json"]) | {"password": "another"}
    (secrets / "departement_08_sftp.json").write_text(json.dumps(given), encoding="utf-8")
    (world.folder / "departement_08" / "depot" / "Zorglub Anne.csv").write_bytes(b"Zorglub;1917-03-23\n")
    assert "refuses our login" in cli("receive", "departement_pivot", exits=(1,))
    for name, content in kept.items():
        (secrets / name).write_bytes(content)


def a_failing_store(hub, cli, folder):
    """The database refuses a row and quotes it: a broken promise, a value too long, somebody there already."""
    mapping = hub.in_mapping("caf_rsa")
    last = "(select max(source_record_id) from source_identity)"
    breaking = {
        "alter table source_version add constraint boom check (source_record_id < 0) not valid": (
            "alter table source_version drop constraint boom",
            "source_version",
        ),
        "alter table staged_record alter column scope type varchar(1)": (
            "alter table staged_record alter column scope type text",
            "22001",
        ),
        f"create unique index boom on source_identity (caf_number) where source_record_id > {last}": (
            "drop index boom",
            "source_identity",
        ),
    }
    for place, (statement, (over, where)) in enumerate(breaking.items(), start=10):
        with hub.engine.begin() as connection:
            number = connection.execute(text("select max(source_record_id) from source_identity")).scalar_one()
            connection.execute(text(statement.replace(last, str(number))))
        units = [household(mapping, row_of(mapping, 10 * place + each)) for each in range(4)]
        path = folder / "RSABE_10.xml"
        path.write_bytes(household_file(units, day=f"2026-11-{place}"))
        said = cli("receive", "caf_rsa", "--file", path) + cli("reconcile")
        assert where in said, said
        with hub.engine.begin() as connection:
            connection.execute(text(over))
        cli("receive", "caf_rsa", exits=(0,))  # what was interrupted is taken up
        cli("reconcile", exits=(0,))


def operators(hub, world, cli, folder):
    """Everything an operator may look at, in words and in JSON, and what they may do."""
    with hub.engine.connect() as connection:
        webrsa = connection.execute(text("select max(id) from delivery where flow = 'departement_webrsa'")).scalar_one()
        people = (
            connection.execute(text("select person_id from link where superseded_at is null limit 5")).scalars().all()
        )
    for words in (("status",), ("ledger",), ("flows",), ("alarms", "list"), ("journal", "verify")):
        cli.json(*words)
    cli("ledger", "caf_rsa", "--resend")
    for number in range(1, webrsa + 4):
        cli("delivery", "show", number, exits=(0, 2))
        cli("delivery", "show", number, "--json", exits=(0, 2))
    for each in cli.json("quarantine", "list", "--limit", "500")["quarantine"]:
        cli("quarantine", "show", each["reference"], "--json")
    for each in cli.json("review", "list")["cases"]:
        cli.json("review", "show", each["id"])
    for person in people:
        cli.json("person", "explain", person)
    cli("flows", "docs", "--out", folder / "docs", "--json")
    cli("quarantine", "export", webrsa, "--send", "--json")
    cli("quarantine", "replay", "--json")
    first = cli.json("quarantine", "list", "--limit", "1")["quarantine"][0]["reference"]
    cli("quarantine", "drop", first, "--author", "a", "--reason", "essai")
    cli("delivery", "revert", webrsa, "--author", "a", "--reason", "essai", "--json")
    cli("delivery", "revert", webrsa, "--author", "a", "--reason", "essai", "--yes", "--json")
    cli("share", "--full", "--json")
    world.partners_work()
    cli("acknowledge", "--json")
