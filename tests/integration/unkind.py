"""A provider on its worst day."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from marks import SENTENCE


@contextmanager
def unkind_api():
    """France Travail on its worst day: every body speaks of somebody."""

    class Unkind(BaseHTTPRequestHandler):
        answers = 0

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            type(self).answers += 1
            token = json.dumps({"access_token": "t", "expires_in": 600, "token_type": "Bearer"})
            coded = json.dumps({"codeRetour": "1170308105912", "codeErreur": "ZORGLUB", "message": SENTENCE})
            bodies = [
                (502, f"<html>{SENTENCE}"),
                (429, SENTENCE),
                (200, SENTENCE),
                (500, coded),
                (400, coded),
                (404, SENTENCE),
            ]
            status, body = (200, token) if "access_token" in self.path else bodies[self.answers % len(bodies)]
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST  # noqa: N815 - the library's name

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Unkind) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
