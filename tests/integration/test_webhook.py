"""A partner that listens: signed, told once, retried, cut off with an alarm when it keeps failing, and told again."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest
from outbox_world import NOW, OutboxWorld

from connectors.base import Access
from connectors.declaration import Flow
from connectors.webhook import Endpoint, signature
from hub.alarms import open_alarms
from hub.monitoring.standing import MOST_OPENINGS, resume
from hub.sandbox.webhook import TOLERANCE, Refused, Verifier, WebhookReceiver
from hub.share import share_with
from hub.sharing.aside import replay
from hub.sharing.outbox import LAST_TRY
from mappings.declaration import OutMapping
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
FLOW = Flow(
    flow="departement_08_webhook", partner="departement_08", direction="out", label="Département 08 : webhook",
    connection="departement_08_webhook", protocol="webhook", webhook={"rate_per_second": 500, "reference": ["identifiant"]},
)  # fmt: skip
TOLD = {"rsa.state": "4"}


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(tmp_path, database_url):
    opened = OutboxWorld(tmp_path / "hub", database_url)
    agreement = opened.hub.agreements["departement_08"].model_copy(update={"out_flow": FLOW.flow})
    opened.hub.__dict__["agreements"] = {"departement_08": agreement}
    opened.hub.__dict__["flows"] = {FLOW.flow: FLOW}
    opened.hub.__dict__["mappings"] = {FLOW.flow: OutMapping(flow=FLOW.flow, direction="out")}
    yield opened
    opened.engine.dispose()


@pytest.fixture
def receiver(world, clock):
    def moment():
        return clock.now.timestamp()

    with WebhookReceiver(SECRET, clock=moment) as listening:
        world.hub.settings.secrets.mkdir(parents=True)
        (world.hub.settings.secrets / "departement_08_webhook.json").write_text(json.dumps(listening.connection()))
        yield listening


def tell(world, count):
    people = world.people(count)
    world.decide(people, partner="departement_08", fields=TOLD)
    for number, who in enumerate(people):
        named = orjson.dumps({"identifiers.departement_id": f"D-{number}"}).decode()
        world.rows(
            "update message set payload = jsonb_set(payload, '{reference}', cast(:named as jsonb)) where person_id = :who",
            named=named, who=who,
        )  # fmt: skip


def share(world, clock):
    return share_with(world.hub, "departement_08", clock=clock)


def pass_time(world, clock, **time):
    clock.now += timedelta(**time)
    world.rows("update rate_budget set open_until = open_until - interval '1 hour', next_slot_at = now()")


# --- on the wire --------------------------------------------------------------------------------------------------


def test_each_message_is_told_once_signed_and_named_the_partners_way(world, clock, receiver):
    tell(world, 30)

    assert share(world, clock)["acknowledged"] == 30

    assert receiver.learnt == {f"D-{number}": TOLD for number in range(30)}
    assert receiver.refused == []
    assert world.states("departement_08") == {"acknowledged": 30}


def test_what_was_told_and_not_noted_is_told_again_with_the_same_id_and_applied_once(world, clock, receiver):
    tell(world, 3)
    share(world, clock)
    world.rows("update message set state = 'pending', acknowledged_at = null")

    share(world, clock)

    assert (len(receiver.applied), receiver.repeated) == (3, 3)


def test_a_passing_trouble_is_tried_again_and_a_wrong_content_is_parked(world, clock, receiver):
    tell(world, 3)
    receiver.answers = [503, 404, 422]

    first = share(world, clock)
    assert (first["retried"], first["parked"]) == (2, 1)
    pass_time(world, clock, minutes=5)
    assert share(world, clock)["acknowledged"] == 2
    with world.engine.begin() as connection:
        assert replay(connection, now=clock.now, code="HTTP_422") == {"replayed": 1, "overtaken": 0}
    assert share(world, clock)["acknowledged"] == 1
    assert len(receiver.applied) == 3


def test_a_partner_that_asks_to_wait_is_waited_for(world, clock, receiver):
    tell(world, 3)
    receiver.answers = [429] * 3

    assert share(world, clock)["acknowledged"] == 0
    assert share(world, clock)["acknowledged"] == 0
    assert receiver.answers or world.states("departement_08") == {"pending": 3}


def test_one_that_keeps_failing_is_cut_off_with_an_alarm_and_told_everything_once_it_is_on_again(
    world, clock, receiver
):
    tell(world, 12)
    receiver.answers = [500] * 1000
    for _ in range(2 * LAST_TRY):
        last = share(world, clock)
        if last.get("not_now"):
            break
        pass_time(world, clock, hours=12)

    assert last["not_now"] == "SWITCHED_OFF"
    with world.engine.connect() as connection:
        (alarm,) = open_alarms(connection)
    assert (alarm["kind"], alarm["subject"]) == ("envoi_coupe", "departement_08")
    assert "hub outbox on departement_08" in alarm["message"]
    tried = len(receiver.answers)
    share(world, clock)
    assert len(receiver.answers) == tried

    receiver.answers = []
    assert resume(world.engine, FLOW, now=clock.now)
    with world.engine.begin() as connection:
        replay(connection, now=clock.now, partner="departement_08")
    clock.now += timedelta(hours=12)
    assert share(world, clock)["acknowledged"] == 12
    assert len(receiver.applied) == 12
    with world.engine.connect() as connection:
        assert open_alarms(connection) == []
    assert MOST_OPENINGS > 1


# --- who may be believed ------------------------------------------------------------------------------------------


def signed(body=b"{}", *, message="m-1", at=1_000_000, secret=bytes(range(32))):
    return {
        "webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signature(secret, message, at, body),
    }  # fmt: skip


@pytest.fixture
def verifier():
    return Verifier(secret=SECRET, clock=lambda: 1_000_000)


def test_one_that_is_right_is_new_once(verifier):
    assert verifier.verify(signed(), b"{}") is True
    assert verifier.verify(signed(), b"{}") is False
    assert verifier.verify(signed(message="m-2"), b"{}") is True


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        (signed(), b'{"a": 1}', "signature"),
        (signed() | {"webhook-id": "m-3"}, b"{}", "signature"),
        (signed() | {"webhook-timestamp": "1000001"}, b"{}", "signature"),
        (signed(secret=bytes(32)), b"{}", "signature"),
        (signed(at=1_000_000 - TOLERANCE - 1), b"{}", "horodatage"),
        (signed(at=1_000_000 + TOLERANCE + 1), b"{}", "horodatage"),
        ({}, b"{}", "en-têtes"),
        (signed() | {"webhook-timestamp": "hier"}, b"{}", "en-têtes"),
    ],
    ids=["body", "id", "timestamp", "secret", "old", "future", "none", "nonsense"],
)
def test_one_that_was_touched_or_kept_is_refused(verifier, headers, body, why):
    with pytest.raises(Refused, match=why):
        verifier.verify(headers, body)


def test_the_signature_is_that_of_the_published_example():
    """The example of the Standard Webhooks specification."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_while_a_secret_changes_both_are_believed():
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    endpoint = Endpoint.of(
        Access(name="w", extra={"url": "https://exemple.fr/w", "secret": other, "previous_secret": SECRET})
    )

    for secret in (SECRET, other):
        assert Verifier(secret=secret, clock=lambda: 5).verify(endpoint.headers("m", 5, b"{}"), b"{}")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"url": "http://exemple.fr/w", "secret": SECRET}, "extra.url: an https address"),
        ({"url": "https://exemple.fr/w"}, "extra.secret: write the secret"),
        ({"url": "https://exemple.fr/w", "secret": "court"}, "must begin with whsec_"),
        ({"url": "https://exemple.fr/w", "secret": "whsec_YQ=="}, "24 bytes or more"),
    ],
)
def test_a_wrong_connection_says_what_to_write(extra, said):
    with pytest.raises(FixTheDeclaration, match=said):
        Endpoint.of(Access(name="w", extra=extra))


def test_somebody_else_who_posts_is_not_believed(receiver):
    assert httpx.post(receiver.url, content=b"{}").status_code == 401
    assert receiver.learnt == {}
    assert datetime.now(tz=UTC) > NOW
