"""The sample that ships for a partner that listens, played with the sandbox's own people: told once, and nothing it may not know."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from cycle import turn

from connectors.declaration import load_flows
from hub.sandbox.judge import judge
from hub.sandbox.webhook import WebhookReceiver
from hub.share import share_with
from hub.sharing.agreements import by_partner, load_agreements
from mappings.declaration import load_mappings

pytestmark = pytest.mark.integration

SAMPLE = files("hub.sandbox").joinpath("listening")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PARTNER = "departement_08"


@pytest.fixture
def listening(hub, partners):
    """The hub with the sample's declarations in the place of the département's own, and the département's server."""
    hub.__dict__["flows"] = hub.flows | load_flows(SAMPLE.joinpath("connectors"))
    hub.__dict__["mappings"] = dict(hub.mappings) | load_mappings(SAMPLE.joinpath("mappings"))
    declared = dict(hub.declared_agreements) | load_agreements(SAMPLE.joinpath("agreements"))
    hub.__dict__["agreements"] = by_partner(declared)
    with WebhookReceiver(SECRET) as receiver:
        (hub.settings.secrets / "departement_08_webhook.json").write_text(json.dumps(receiver.connection()))
        yield receiver


def test_a_day_of_the_sandbox_is_told_by_webhook_and_only_what_may_be(hub, partners, listening):
    partners.deposit_day(0)
    turn(hub, partners, lambda: datetime.now(tz=UTC))

    own = partners._partners[PARTNER].own
    found = judge(PARTNER, own, listening.learnt)
    assert found["people"] > 20
    assert found["questions_not_asked_again"] > 100
    assert (found["fields_not_allowed"], found["people_not_followed"], found["values_of_somebody_else"]) == (0, 0, 0)
    assert (listening.refused, listening.repeated) == ([], 0)

    again = share_with(hub, PARTNER, clock=lambda: datetime.now(tz=UTC))
    assert again["sent"] == 0
    assert list((partners.folder / PARTNER / "retour").iterdir()) == []


def test_but_for_the_way_the_sample_gives_what_the_agreement_gives():
    sample, shipped = load_agreements(SAMPLE.joinpath("agreements"))[PARTNER], load_agreements()[PARTNER]

    assert sample == shipped.model_copy(update={"out_flow": "departement_08_webhook", "frequency": "immediate"})
