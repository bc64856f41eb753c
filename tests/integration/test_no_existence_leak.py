"""To a partner, a person it may be told nothing of and one nobody else knows look the same: bytes, calls, and the work done.

The work is told by the statements the store was given, in their order: the same statements take the same time, whatever the machine.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cycle import new_hub
from sqlalchemy import event
from test_sharing import CIVIL, OF_CAF, World
from test_webhook import FLOW as WEBHOOK

from hub.rights.rights import place
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.sandbox.webhook import WebhookReceiver
from hub.share import share_with
from hub.sharing.acknowledgements import _take
from hub.sharing.agreements import by_partner
from hub.sharing.select import fill_whole
from hub.storage.store import create_database, drop_database
from mappings.declaration import OutMapping

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
HOMES = {"departement_08": "08105", "departement_52": "52121"}
ELSEWHERE = "75112"
WAYS = [("departement_08", "files"), ("departement_52", "files"), ("departement_08", "webhook")]
DENIED = ["objection", "new", "returned", "archived", "elsewhere", "another_partner"]
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}")


@dataclass
class Seen:
    """All a partner can see or measure of what happened because of two people, of whom one is denied or unknown."""

    received: dict[str, Any] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    counts: list[dict[str, Any]] = field(default_factory=list)


def listening(engine, into):
    """Note each statement, but for the switch, which is looked at once a second."""

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        if "switched_off" not in statement:
            into.append(statement)


def people(world, partner, *, known_elsewhere, denied):
    """One person of whom something may be told, and one who is unknown elsewhere, or known and denied."""
    home = ELSEWHERE if denied == "elsewhere" else HOMES[partner]
    said = OF_CAF | {"contact.commune_code": home}
    speaks = {"caf": said} if known_elsewhere else {}
    if denied == "another_partner":  # known to one whose words the agreement gives nobody
        speaks = {"pole_emploi": CIVIL | {"diagnosis.obstacles": ["mobilite"]}}
    who = world.someone(1, **{partner: CIVIL | {"identifiers.departement_id": "D-1"}}, **speaks)
    other = world.someone(
        2, caf=OF_CAF | {"contact.commune_code": HOMES[partner]},
        **{partner: CIVIL | {"identifiers.departement_id": "D-2"}},
    )  # fmt: skip
    return who, other


def sees(folder, url, way, *, known_elsewhere, denied=None):
    partner, how = way
    hub = new_hub(folder / "hub", url)
    if how == "webhook":
        by_webhook = hub.agreements[partner].model_copy(update={"out_flow": WEBHOOK.flow})
        hub.__dict__["agreements"] = {partner: by_webhook}
        hub.__dict__["flows"] = hub.flows | {WEBHOOK.flow: WEBHOOK}
        hub.__dict__["mappings"] = dict(hub.mappings) | {WEBHOOK.flow: OutMapping(flow=WEBHOOK.flow, direction="out")}
    world = World(hub.engine)
    world.vault = hub.vault
    world.agreements = by_partner(hub.agreements)
    who, other = people(world, partner, known_elsewhere=known_elsewhere, denied=denied)
    if denied in {"objection", "new", "returned", "archived"}:
        place(hub, who, kind=denied, author="Alix", reason="demande", now=LATER)
    seen = Seen()
    listening(hub.engine, seen.statements)
    world.fill(who, other, now=LATER)
    send = over_webhook if how == "webhook" else over_files
    send(hub, folder, partner, seen=seen, who=who)
    hub.engine.dispose()
    return seen


def over_files(hub, folder, partner, *, seen, who):
    with Sandbox(folder / "partners", seed=7, size=1) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        seen.counts += [share_with(hub, partner, clock=lambda: LATER) for _ in range(2)]
        seen.counts.append(asked_again(hub, partner, who))
        for path in sorted((folder / "partners" / partner / "retour").iterdir()):
            seen.received[path.name] = RANDOM.sub("*", path.read_text(encoding="utf-8"))


def over_webhook(hub, folder, partner, *, seen, who):
    hub.settings.secrets.mkdir(parents=True)
    with WebhookReceiver(SECRET, clock=LATER.timestamp) as receiver:
        (hub.settings.secrets / f"{partner}_webhook.json").write_text(json.dumps(receiver.connection()))
        seen.counts += [share_with(hub, partner, clock=lambda: LATER) for _ in range(2)]
        seen.counts.append(asked_again(hub, partner, who))
        seen.received = {
            "learnt": receiver.learnt,
            "calls": (len(receiver.applied), receiver.repeated, receiver.refused),
        }


def asked_again(hub, partner, who):
    """A full picture, and an answer about a message there never was."""
    with hub.engine.begin() as connection:
        told = fill_whole(connection, hub.agreements[partner], now=LATER)
        answer = io.BytesIO(f"message_id;statut;code;libelle\n{uuid4()};OK;0000;\n".encode())
        answered = _take(connection, partner, answer, LATER)
    return {"whole": dict(told.messages), "settled": answered["settled"]}


@pytest.fixture
def databases(postgres):
    numbers = itertools.count()
    made = []

    def another():
        name = f"leak_{next(numbers)}"
        create_database(postgres, name, template="hub_template")
        made.append(name)
        return postgres.set(database=name)

    yield another
    for name in made:
        drop_database(postgres, name)


@pytest.mark.parametrize("denied", DENIED)
@pytest.mark.parametrize("way", WAYS, ids=["csv", "xml", "webhook"])
def test_denied_and_unknown_look_the_same(tmp_path, databases, way, denied):
    unknown = sees(tmp_path / "unknown", databases(), way, known_elsewhere=False)
    known = sees(tmp_path / "known", databases(), way, known_elsewhere=True, denied=denied)

    assert known.received == unknown.received
    assert known.counts == unknown.counts
    assert known.statements == unknown.statements
    assert "D-2" in json.dumps(unknown.received)
    assert "D-1" not in json.dumps(unknown.received)


@pytest.mark.parametrize("way", WAYS, ids=["csv", "xml", "webhook"])
def test_the_same_look_would_show_a_person_who_may_be_told(tmp_path, databases, way):
    """What the tests above compare is not blind."""
    unknown = sees(tmp_path / "unknown", databases(), way, known_elsewhere=False)
    told = sees(tmp_path / "told", databases(), way, known_elsewhere=True)

    assert told.received != unknown.received
    assert "D-1" in json.dumps(told.received)
