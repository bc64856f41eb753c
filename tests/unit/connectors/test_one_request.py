"""A connection to a partner's API serves one request, and both sides know it: nothing is left to a pool that may hand it on."""

from __future__ import annotations

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connectors.base import Access
from connectors.budget import MemoryBudget
from connectors.france_travail.provider import open_http
from connectors.webhook import WebhookClient

AT_ONCE, REQUESTS = 8, 200


class Listening(BaseHTTPRequestHandler):
    """Keeps a connection open as long as it is let, as gateways do."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.client_address, self.headers["Connection"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Listening) as listening:
        listening.heard = []
        listening.address = f"http://127.0.0.1:{listening.server_address[1]}/"
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join(timeout=10)


def by_webhook(address):
    secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    budget = MemoryBudget(per_second=1e6, monotonic=time.monotonic, sleep=time.sleep)
    access = Access(name="partner", extra={"url": address, "secret": secret})
    with (
        WebhookClient(access, budget, lambda: datetime(2026, 11, 24, tzinfo=UTC)) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        return [each.accepted for each in pool.map(lambda n: client.post(str(n), b"{}"), range(REQUESTS))]


def by_api(address):
    access = Access(name="partner", extra={"base_url": address})
    with open_http(access, parallel=AT_ONCE) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        return [each.is_success for each in pool.map(lambda _: client.post("", content=b"{}"), range(REQUESTS))]


@pytest.mark.parametrize("ask", [by_webhook, by_api])
def test_a_connection_serves_one_request_however_many_ask_at_once(server, ask):
    assert ask(server.address) == [True] * REQUESTS

    connections = [address for address, _ in server.heard]
    assert len(set(connections)) == len(connections) == REQUESTS
    assert {said for _, said in server.heard} == {"close"}
