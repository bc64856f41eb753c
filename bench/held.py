"""How long an operator waits before deciding on a held delivery, on a hub that is always matching.

    python bench/held.py [HOUSEHOLDS]        default 20,000 households

Applies a month of one CAF, has ``hub reconcile`` match it in a process of its own, and meanwhile asks, over HTTP as the screens do,
what accepting the next month, held, would do. Prints when figures and the decision were there, and what became of the trial.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import httpx
from receive import invent, make_delivery
from sqlalchemy import text

from hub.intake import pipeline
from hub.intake.normalise import normalise
from hub.intake.receive import receive_file
from hub.opening import Hub
from hub.settings import Settings
from hub.steps import clock
from hub.web import accounts
from hub.web.serving import screens

FLOW, NAME, PASSWORD = "caf_rsa", "banc", "mot de passe du banc"
AIM, LONGEST = 5.0, 150.0  # seconds


def held(hub: Hub, path: Path) -> int:
    """The next month, read and judged, as it is when its volume is not the usual one."""
    number = receive_file(hub, hub.flow(FLOW), path, now=clock())
    normalise(hub, number, now=clock())
    with hub.engine.begin() as connection:
        connection.execute(text("update delivery set state = 'held' where id = :id"), {"id": number})
    return number


def until(client: httpx.Client, page: str, words: str, *, began: float) -> tuple[float, str]:
    """Seconds until a page says it, looking again as an operator would."""
    while time.perf_counter() - began < LONGEST:
        said = client.get(page).text
        if re.search(words, said):
            return time.perf_counter() - began, said
        time.sleep(0.2)
    raise SystemExit(f"{page} never said {words}")


def ask(hub: Hub, number: int) -> None:
    """Ask as an operator does, and print how long each answer took."""
    accounts.add(hub, NAME, roles=["operator"], password=PASSWORD, now=clock())
    with screens(hub) as address, httpx.Client(base_url=address, headers={"accept": "text/html"}, timeout=60) as client:
        client.post("/connexion", data={"nom": NAME, "mot_de_passe": PASSWORD})
        page = f"/livraisons/{number}"
        token = re.search(r'name="jeton" value="([^"]+)"', client.get(page).text)
        assert token is not None
        began = time.perf_counter()
        client.post(f"{page}/accepter", data={"jeton": token[1]})
        offered, _ = until(client, page, "Accepter (pour de bon|sans)", began=began)
        counted, said = until(client, page, "Sorties du flux", began=began)
        for name, figure in re.findall(r"<dt>([^<]+)</dt><dd[^>]*>([^<]+)</dd>", said)[:8]:
            print(f"    {name:24} {figure}")
        print(f"decision offered after {offered:5.1f} s, with figures after {counted:5.1f} s (aim: {AIM:.0f})")
        tried, said = until(client, page, "Essayé puis défait|a été interrompu|a été arrêté|pas abouti", began=began)
        fate = "said exactly" if "Essayé puis" in said else "gave way" if "interrompu" in said else "was stopped"
        print(f"the trial {fate} after {tried:.1f} s")


def match(hub: Hub) -> subprocess.Popen[bytes]:
    """``hub reconcile``, under way in a process of its own."""
    command = [sys.executable, "-c", "from hub.cli import main; main()", "reconcile", "--json"]
    environment = {**os.environ, "HUB_HOME": str(hub.settings.home)}  # noqa: TID251
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    households = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        hub = Hub(Settings(home=Path(folder) / "hub", database_url=None))
        homes = invent(households)
        first, second = Path(folder) / "RSABEM08_20261101.xml", Path(folder) / "RSABEM08_20261201.xml"
        make_delivery(first, homes)
        make_delivery(second, homes[: len(homes) * 9 // 10], when=date(2026, 12, 1))
        second.write_bytes(
            re.sub(rb"<ETATDOSRSA>[0-9]<", b"<ETATDOSRSA>3<", second.read_bytes())
        )  # everybody's right is suspended
        pipeline.receive_path(hub, hub.flow(FLOW), first, clock=clock)
        number = held(hub, second)
        matching = match(hub)
        try:
            time.sleep(5)  # it matches by now
            ask(hub, number)
            print(f"still matching: {'yes' if matching.poll() is None else 'no'}")
        finally:
            matching.terminate()
            matching.wait()
        hub.engine.dispose()


if __name__ == "__main__":
    main()
