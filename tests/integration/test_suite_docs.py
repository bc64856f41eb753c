"""Data Docs: each flow's promises and what its deliveries kept of them, in pages that load nothing and call nobody."""

from __future__ import annotations

import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from intake import caf
from lxml import html

from hub.intake import pipeline
from hub.web.suite_docs import write_suite_docs
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PEOPLE = [(number, "SOPHIE", "08000") for number in range(1, 9)]
LOADED = (
    "src",
    "srcset",
    "href",
    "action",
    "formaction",
    "data",
    "poster",
    "background",
    "ping",
    "style",
    "onload",
    "onclick",
)


@pytest.fixture
def pages(hub, clock, tmp_path):
    """The pages of a flow with four deliveries, the last of which collapsed; written with the network refused."""
    for month in ("08", "09", "10", "11"):
        path = tmp_path / f"RSABEM08_2026{month}01_000.xml"
        path.write_bytes(caf(f"2026-{month}-01", PEOPLE if month != "11" else PEOPLE[:1], kind="M"))
        pipeline.receive_path(hub, hub.flow("caf_rsa"), path, clock=clock)
    out = tmp_path / "docs"
    with nobody_called() as called:
        written = write_suite_docs(hub, out, flow="caf_rsa")
    found = {path.relative_to(out).as_posix(): path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    assert called == []
    assert len(found) == written == 1 + 1 + 4
    return out, found


@contextmanager
def nobody_called():
    """Python may not leave this machine while it lasts; what tried is in the list."""
    called = []

    class Refusing(socket.socket):
        def connect(self, address):
            called.append(address)
            raise OSError("refused")

    kept, socket.socket = socket.socket, Refusing
    try:
        yield called
    finally:
        socket.socket = kept


def test_the_index_shows_what_a_flow_promises_and_which_deliveries_kept_it(pages):
    _, found = pages
    index = html.document_fromstring(found["index.html"])
    rows = [[cell.text_content() for cell in row.iter("td")] for row in index.iter("tr")]

    promised = [each.text_content() for each in index.iter("li")]
    assert "Part des enregistrements refusés : au plus 50 % ; sinon la livraison est retenue" in promised
    assert [(name, kind, state, kept) for name, _, kind, state, kept in rows[1:]] == [
        ("livraison 4", "complète", "retenue", "6 sur 8"),
        ("livraison 3", "complète", "appliquée", "4 sur 5"),
        ("livraison 2", "complète", "appliquée", "4 sur 5"),
        ("livraison 1", "complète", "appliquée", "4 sur 5"),
    ]


def test_each_delivery_has_its_page_with_the_measure_beside_the_promise(pages):
    _, found = pages
    (collapsed,) = [page for name, page in found.items() if "/livraison-4/" in name]
    rows = [
        [cell.text_content().strip() for cell in row.iter("td")]
        for row in html.document_fromstring(collapsed).iter("tr")
    ]

    assert ["✗", "Volume, comparé à l'habitude du flux (livraisons complètes) : au plus un facteur 1.3 ; sinon la livraison est retenue", "un facteur 8.0"] in rows  # fmt: skip
    assert ["✓", "Part des enregistrements refusés : au plus 50 % ; sinon la livraison est retenue", "0 %"] in rows


def test_no_page_holds_anything_a_browser_would_fetch_or_run(pages):
    out, found = pages
    for name, page in found.items():
        tree = html.document_fromstring(page)
        assert not tree.xpath(
            "//script | //link | //img | //iframe | //object | //embed | //form | //base | //svg | //video"
        )
        assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:", page.replace("http-equiv", "")), name
        assert "default-src 'none'" in tree.xpath("string(//meta[@http-equiv='Content-Security-Policy']/@content)")
        for element in tree.iter(html.etree.Element):
            for attribute in set(LOADED) & set(element.attrib):
                assert attribute == "href", (name, attribute)
                assert ((out / name).parent / element.get("href").partition("#")[0]).resolve().is_file(), name


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the pages were parsed, not opened")
def test_a_real_browser_shows_the_pages_and_asks_nobody(pages, tmp_path):
    out, found = pages
    control = tmp_path / "control.html"
    control.write_text('<img src="http://probe.example/logo.png">', encoding="utf-8")

    with asked_hosts() as asked:
        browse(tmp_path, asked.port, control.as_uri())
        assert "probe.example" in asked.hosts, "the browser is not seen asking: this test proves nothing"
        browse(tmp_path, asked.port, "about:blank")
        its_own = set(asked.hosts) - {"probe.example"}
        shown = [browse(tmp_path, asked.port, (out / name).as_uri()) for name in ("index.html", max(found))]

    assert "au plus un facteur 1.3" in shown[0]
    assert "Mesuré" in shown[1]
    assert set(asked.hosts) - its_own == {"probe.example"}


def browse(folder, proxy, address):
    """What a headless browser shows of a page, with every request sent to a proxy that refuses it."""
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", f"--user-data-dir={folder / 'browser'}", f"--proxy-server=http://127.0.0.1:{proxy}",
        "--proxy-bypass-list=<-loopback>", "--dump-dom", address,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@contextmanager
def asked_hosts():
    """A proxy that notes which hosts it is asked for, and serves none."""

    class Note(socketserver.StreamRequestHandler):
        def handle(self):
            words = self.rfile.readline().decode("latin-1").split()
            if len(words) > 1:
                server.hosts.append(re.sub(r"^https?://", "", words[1]).partition("/")[0].partition(":")[0])
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Note) as server:
        server.daemon_threads = True
        server.hosts, server.port = [], server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_flow_nobody_declared_has_no_pages(hub, tmp_path):
    with pytest.raises(FixTheDeclaration, match="No flow is called"):
        write_suite_docs(hub, tmp_path / "docs", flow="inconnu")


def test_great_expectations_stays_out_of_the_command_line_and_of_what_reads_records():
    code = (
        "import sys, hub.cli.commands, hub.cli.flows, hub.pipeline, hub.judging, hub.suite_docs, quality.suite\n"
        "sys.exit('great_expectations' in sys.modules)"
    )

    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"}
        ).returncode
        == 0
    )
