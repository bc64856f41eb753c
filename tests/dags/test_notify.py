"""Alarms leave through Airflow's own notifiers: a real mail server and a real web server receive them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from hub.one_machine.airflow_home import free_port

pytestmark = pytest.mark.airflow

DIGEST = {
    "subject": "Hub : 1 alarme à traiter",
    "text": "Messages écartés. departement_08 : 3 messages {{ ds }} <b>écartés</b>",
    "alarms": [{"id": 7, "kind": "messages_ecartes", "subject": "departement_08", "message": "3 messages {{ ds }}"}],
}
SEND = "import json, sys; from dags.notify import send; send(json.loads(sys.stdin.read()))"


class Mailbox:
    def __init__(self):
        self.received = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's own name
        self.received.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox():
    box = Mailbox()
    box.port = free_port(18_025)
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def listener():
    received = []

    class Listen(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Listen)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, received
    server.shutdown()
    server.server_close()


def send(digest, home, **connections):
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }
    environment |= {f"AIRFLOW_CONN_{name.upper()}": json.dumps(given) for name, given in connections.items()}
    return subprocess.run(
        [sys.executable, "-c", SEND],
        input=json.dumps(digest),
        text=True,
        capture_output=True,
        env=environment,
        check=False,
    )


def test_a_digest_reaches_a_mailbox_and_a_webhook(tmp_path, mailbox, listener):
    port, received = listener
    mail = {
        "conn_type": "smtp", "host": "127.0.0.1", "port": mailbox.port,
        "extra": {"from_email": "hub@exemple.fr", "disable_ssl": True, "disable_tls": True},
    }  # fmt: skip
    hook = {"conn_type": "http", "host": f"http://127.0.0.1:{port}/alarmes"}

    done = send(
        DIGEST | {"emails": ["nuit@exemple.fr"], "webhook": "astreinte"}, tmp_path, smtp_default=mail, astreinte=hook
    )

    assert done.returncode == 0, done.stderr[-2000:]
    [(to, message)] = mailbox.received
    assert to == ["nuit@exemple.fr"]
    assert message["subject"] == DIGEST["subject"]
    page = message.get_body().get_content()
    assert "{{ ds }} &lt;b&gt;écartés&lt;/b&gt;" in page
    assert received == [("/alarmes", {"subject": DIGEST["subject"], "alarms": DIGEST["alarms"]})]


def test_a_mail_server_that_is_down_leaves_the_alarms_untold(tmp_path, listener):
    _, received = listener
    nobody = {"conn_type": "smtp", "host": "127.0.0.1", "port": 9, "extra": {"from_email": "hub@exemple.fr", "disable_ssl": True,
              "disable_tls": True, "retry_limit": 1, "timeout": 2}}  # fmt: skip

    done = send(DIGEST | {"emails": ["nuit@exemple.fr"], "webhook": "astreinte"}, tmp_path, smtp_default=nobody)

    assert done.returncode != 0
    assert received == []
