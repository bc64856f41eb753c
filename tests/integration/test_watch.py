"""What stands wrong is said once, told once, and closed when it is over."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from certificates import self_signed
from sqlalchemy import text

from hub.alarms import acknowledge, open_alarms
from hub.monitoring.notifying import digest, mark_told, untold
from hub.monitoring.oversight import look, look_at_journal
from hub.monitoring.watch import certificate_end

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
MESSAGE = """
insert into message (id, partner, person_id, agreement, sequence, payload, state, created_at, next_attempt_at, sent_at)
select gen_random_uuid(), :partner, id, :partner, :sequence, '{"fields": {}}', :state, :at, :at, :at from person limit 1
"""


def kinds(hub):
    with hub.engine.connect() as connection:
        return {(each["kind"], each["subject"]) for each in open_alarms(connection, limit=1000)}


@pytest.fixture
def person(hub):
    with hub.engine.begin() as connection:
        connection.execute(text("insert into person (id, created_at) values (gen_random_uuid(), now())"))


def message(hub, partner, state, *, days, sequence):
    with hub.engine.begin() as connection:
        values = {"partner": partner, "state": state, "at": NOW - timedelta(days=days), "sequence": sequence}
        connection.execute(text(MESSAGE), values)


def test_nothing_wrong_raises_nothing(hub):
    assert look(hub, now=NOW) == {"missing": 0, "standing": 0, "over": 0}
    assert kinds(hub) == set()


def test_messages_that_wait_too_long_were_parked_or_stay_unanswered_are_said_until_they_are_no_more(hub, person):
    message(hub, "departement_08", "parked", days=0, sequence=1)
    message(hub, "departement_08", "pending", days=1, sequence=2)  # a daily partner: not late yet
    message(hub, "departement_52", "sent", days=4, sequence=1)
    message(hub, "pole_emploi", "pending", days=1, sequence=1)

    for _ in range(2):
        look(hub, now=NOW)
        assert kinds(hub) == {
            ("messages_ecartes", "departement_08"), ("accuses_absents", "departement_52"), ("retard_partage", "pole_emploi")
        }  # fmt: skip

    with hub.engine.begin() as connection:
        connection.execute(text("update message set state = 'acknowledged'"))
    assert look(hub, now=NOW)["over"] == 3
    assert kinds(hub) == set()


def test_an_agreement_warns_before_it_ends_then_says_that_it_ended(hub):
    last = max(agreement.valid_until for agreement in hub.agreements.values())
    day = datetime.combine(last, datetime.min.time(), UTC)

    look(hub, now=day - timedelta(days=30))
    assert {kind for kind, _ in kinds(hub)} >= {"convention_bientot_expiree"}
    look(hub, now=day + timedelta(days=1))
    assert {kind for kind, _ in kinds(hub)} & {"convention_bientot_expiree", "convention_expiree"} == {
        "convention_expiree"
    }


def test_a_journal_that_was_altered_is_said(hub, person):
    message(hub, "departement_08", "sent", days=0, sequence=1)  # no entry tells of it

    assert look_at_journal(hub, now=NOW) == {"standing": 1, "over": 0}
    assert kinds(hub) == {("journal_rompu", "journal")}
    look(hub, now=NOW)
    assert kinds(hub) == {("journal_rompu", "journal")}


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_certificate_about_to_end_is_said(hub, tmp_path, monkeypatch):
    pem = self_signed(tmp_path, ends=date(2026, 12, 4))
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"https://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AIRFLOW_CONN_POLE_EMPLOI_API", f'{{"extra": {{"base_url": "{base}"}}}}')
    try:
        assert certificate_end(hub, "pole_emploi_api").date() == date(2026, 12, 4)
        look(hub, now=NOW)
    finally:
        server.shutdown()
        server.server_close()
    assert kinds(hub) == {("certificat_bientot_expire", "pole_emploi_api")}
    assert certificate_end(hub, "pole_emploi_api") is None  # nobody answers any more


def test_an_alarm_is_told_once_and_not_at_all_once_somebody_has_taken_it_up(hub, person):
    message(hub, "departement_08", "parked", days=0, sequence=1)
    message(hub, "departement_52", "sent", days=4, sequence=1)
    look(hub, now=NOW)
    with hub.engine.connect() as connection:
        waiting = untold(connection)
    acknowledge(hub, waiting[0]["id"], author="Odile", now=NOW)

    with hub.engine.begin() as connection:
        told = untold(connection)
        said = digest(told, address="https://hub.exemple.fr")
        mark_told(connection, [each["id"] for each in told], now=NOW)
    look(hub, now=NOW)
    with hub.engine.connect() as connection:
        again = untold(connection)

    assert [each["subject"] for each in told] == ["departement_52"]
    assert said["subject"] == "Hub : 1 alarme à traiter"
    assert "Acquittements absents. departement_52 : 1 messages sans accusé" in said["text"]
    assert "hub alarms runbook accuses_absents" in said["text"]
    assert said["text"].endswith("https://hub.exemple.fr")
    assert again == []
