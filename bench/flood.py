"""Everybody changes at once: is anything lost, told twice or out of order, is a budget exceeded, and does an urgent change wait?

    python bench/flood.py [PEOPLE] [PER_SECOND]        default 25,000 people, 200 requests a second to Pôle emploi

A CAF's daily file says that PEOPLE people moved, a département's export that as many have another path. What Airflow's tasks
call takes both, in processes that give way as Airflow's do; ``hub watch`` runs beside it. Meanwhile one suspension after the
other, alone in its file, is dropped at the CAF's account and waited for at the département's (aim: within 30 s each), and one
urgent decision is added for Pôle emploi. Then the partners' own books are read.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from flooded import PARTNER, Flooded, books, caf, extract, webrsa
from sqlalchemy import text

from connectors.completeness import Place
from connectors.sftp import SftpConnector
from hub.fast_lane import FastLane
from hub.intake import pipeline
from hub.logs import to_standard_error
from hub.opening import open_hub
from hub.people.reconcile import reconcile
from hub.sandbox.alone import write_connections
from hub.sandbox.population import FIRST_DAY, Adult
from hub.settings import Settings
from hub.share import acknowledge_from, file_partners, partners, share_with
from hub.storage.store import create_database, embedded_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.opening import Hub

OTHER = {"emploi": "social", "social": "socio_pro", "socio_pro": "emploi"}
MOST_URGENT = 24  # each is of a day of its own, none of them to come
PAUSE = 5.0  # seconds between two urgent changes of a small flood; one of 25,000 lasts longer
SETTLE_SETUP = (
    "update message set state = 'acknowledged', sent_at = now(), acknowledged_at = now() where state = 'pending'"
)
URGENT = """
insert into message (id, partner, person_id, agreement, sequence, payload, state, priority, lane, created_at, next_attempt_at)
select gen_random_uuid(), partner, person_id, agreement, 1000000, jsonb_set(payload, '{fields,orientation.pathway}', '"emploi"'),
  'pending', 0, lane, now(), now()
from message m where partner = 'pole_emploi' and state = 'acknowledged' and priority > 0
  and not exists (select from message w where w.partner = m.partner and w.person_id = m.person_id and w.state = 'pending')
limit 1
returning id
"""


# When the hub took the file of an urgent change, had read it, had applied it, had matched it, and had opened its sync file.
MOMENTS = """
select extract(epoch from d.received_at) as taken, extract(epoch from d.closed_at) as "read", extract(epoch from m.created_at) as applied,
  extract(epoch from f.created_at) as matched, extract(epoch from f.deposited_at) as opened
from delivery d join message m on m.delivery_id = d.id and m.partner = :partner and m.priority = 0
join sync_file f on f.id = m.sync_file_id where d.name = :name order by m.created_at limit 1
"""


def now() -> datetime:
    return datetime.now(tz=UTC)  # noqa: TID251


def whole(home: Path) -> Hub:
    """The hub, that holds no delivery for an operator: a file of one person follows a flood here, on purpose."""
    hub = open_hub(Settings(home=home))
    kept = {
        name: quality.model_copy(update={"suite": tuple(each for each in quality.suite if each.severity != "hold")})
        for name, quality in hub.qualities.items()
    }
    hub.__dict__["qualities"] = kept
    return hub


def part(home: Path, what: str, *names: str) -> None:
    """One process of the hub: the fast lane, or what one of Airflow's tasks calls."""
    hub = whole(home)
    if what == "lane":
        with FastLane(hub, clock=now):
            sys.stdin.read()
    elif what == "receive":
        pipeline.receive(hub, hub.flow(names[0]), clock=now)
    elif what == "reconcile":
        reconcile(hub, clock=now)
    elif what == "share":
        share_with(hub, names[0], clock=now)
    elif what == "acknowledge":
        acknowledge_from(hub, names[0], clock=now)


def started(home: Path, *words: str, way: tuple[str, ...] = ("nice", "-n", "5")) -> subprocess.Popen[bytes]:
    command = [*way, sys.executable, __file__, "part", str(home), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def run(home: Path, *each: tuple[str, ...]) -> float:
    """Some of the hub's processes at once, to their end; returns how long they took."""
    began = time.monotonic()
    if any(process.wait() for process in [started(home, *words) for words in each]):
        raise SystemExit("a process of the hub failed: see above")
    return time.monotonic() - began


def take_the_flood(home: Path, seconds: dict[str, float]) -> None:
    """What Airflow's DAGs do, three tasks at once as there."""
    seconds["receive"] = run(home, ("receive", "caf_rsa"), ("receive", "departement_webrsa"))
    seconds["reconcile"] = run(home, ("reconcile",))
    seconds["share"] = run(home, *(("share", partner) for partner in (PARTNER, "caf", "pole_emploi")))


def set_up(home: Path, size: int) -> tuple[Hub, Flooded]:
    server = embedded_server(home / "postgres")
    create_database(server, "hub")
    hub = whole(home)
    _ = hub.vault
    sandbox = Flooded(home / "partners", size=size)
    sandbox.__enter__()
    write_connections(hub.settings.secrets, sandbox)
    people = sandbox.population.on(0)
    sandbox.leave("caf", "RSABEM52_20261031_000.xml", caf(people, day=0))
    sandbox.leave(PARTNER, "webrsa_000.csv", webrsa(people))
    sandbox.leave("pole_emploi", "extract_spie_000_principal.csv", extract(people))
    return hub, sandbox


@contextmanager
def lane(home: Path) -> Iterator[None]:
    process = started(home, "lane", way=())
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=120)


def urgent_changes(hub: Hub, sandbox: Flooded, over: threading.Event, changed: dict[int, Adult]) -> list[float]:
    """One suspension after the other, dropped and waited for until the flood is over; returns how long each took."""
    access, waits = hub.settings.access("caf_sftp"), []
    candidates = [adult for adult in changed.values() if adult.rsa_state == "2"]
    pause = max(PAUSE, len(changed) / 1500)
    for number, adult in enumerate(candidates[:: max(1, len(candidates) // MOST_URGENT)][:MOST_URGENT], start=2):
        if over.wait(pause):
            break
        suspended = FIRST_DAY + timedelta(days=number)
        home = [
            replace(each, rsa_state="4", suspended_since=suspended)
            for each in changed.values()
            if each.household == adult.household
        ]
        changed.update({each.number: each for each in home})
        sandbox.leave_known(home)
        name = f"RSABEI52_20261031_{number:03d}.xml"
        with SftpConnector(access, Place(folder="depot")) as sftp:
            sftp.deposit(name, io.BytesIO(caf(home, day=number)))
        left, began = time.time(), time.monotonic()
        while sandbox.learnt(adult).get("rsa.state") != "4" and time.monotonic() - began < 300:
            time.sleep(0.05)
        waits.append(time.monotonic() - began)
        print(f"  urgent {waits[-1]:5.2f} s: {stages(hub, name, left)}", file=sys.stderr, flush=True)
    return waits


def stages(hub: Hub, name: str, left: float) -> str:
    """Where the seconds of one urgent change went."""
    with hub.engine.connect() as connection:
        row = connection.execute(text(MOMENTS), {"name": name, "partner": PARTNER}).first()
    if row is None:
        return "it was told with another delivery's"
    moments = {"dropped": left, **{label: float(at) for label, at in row._mapping.items() if at is not None}}  # noqa: SLF001 - public name
    return ", ".join(f"{label} {end - start:.1f}" for (_, start), (label, end) in pairwise(moments.items()))


class Busiest(threading.Thread):
    """The most requests a second Pôle emploi was sent, over any second or a little more."""

    def __init__(self, sandbox: Flooded) -> None:
        super().__init__(daemon=True)
        self._requests, self.most = sandbox.api.requests, 0.0
        self._seen: list[tuple[float, int]] = []
        self.start()

    def run(self) -> None:
        while True:
            self._seen = [*self._seen[-10:], (time.monotonic(), sum(self._requests.values()))]
            (began, before), (ended, after) = self._seen[0], self._seen[-1]
            if ended - began >= 1:
                self.most = max(self.most, (after - before) / (ended - began))
            time.sleep(0.1)


def urgent_call(hub: Hub, sandbox: Flooded, over: threading.Event, said: list[float]) -> None:
    """One urgent decision, once Pôle emploi is being told the flood and the hub has noted the answers to some of it."""
    urgent = None
    while urgent is None:
        if over.wait(0.1):
            return
        if not sandbox.api.decisions:
            continue
        with hub.engine.begin() as connection:
            urgent = connection.execute(text(URGENT)).scalar()
    began, key = time.monotonic(), f"{urgent}:decisionOrientation"
    while not any(each.idempotency_key == key for each in sandbox.api.decisions[-1000:]):
        time.sleep(0.02)
    said.append(time.monotonic() - began)


def main() -> None:
    to_standard_error()
    if sys.argv[1:2] == ["part"]:
        part(Path(sys.argv[2]), *sys.argv[3:])
        return
    size, rate = (int(word) for word in (*sys.argv[1:], *("25000", "200")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        home = Path(folder) / "hub"
        hub, sandbox = set_up(home, size)
        began = time.monotonic()
        run(home, ("receive", "caf_rsa"), ("receive", "departement_webrsa"), ("receive", "pole_emploi_extrait"))
        run(home, ("reconcile",))
        with hub.engine.begin() as connection:
            connection.execute(text(SETTLE_SETUP))
        print(f"  everybody known after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        given = hub.settings.secrets / "pole_emploi_api.json"
        said = orjson.loads(given.read_bytes())
        given.write_bytes(orjson.dumps(said | {"extra": said["extra"] | {"rate_per_second": str(rate)}}))
        with sandbox.serving(), lane(home):
            report(hub, sandbox, home, rate)
        sandbox.__exit__()
        hub.engine.dispose()


def report(hub: Hub, sandbox: Flooded, home: Path, rate: int) -> None:
    changed = {
        adult.number: replace(adult, address=(str(1000 + adult.household % 9000), "RUE", "NEUVE"), pathway=OTHER[adult.pathway], decided_on=FIRST_DAY)
        for adult in sandbox.population.on(0)
    }  # fmt: skip
    since = now()
    sandbox.leave_known(list(changed.values()))
    sandbox.leave("caf", "RSABEI52_20261031_001.xml", caf(list(changed.values()), day=1))
    sandbox.leave(PARTNER, "webrsa_001.csv", webrsa(list(changed.values())))
    seconds: dict[str, float] = {}
    over, calls, busiest = threading.Event(), list[float](), Busiest(sandbox)
    worker = threading.Thread(target=lambda: (take_the_flood(home, seconds), over.set()))
    caller = threading.Thread(target=urgent_call, args=(hub, sandbox, over, calls))
    for thread in (worker, caller):
        thread.start()
    waits = urgent_changes(hub, sandbox, over, changed)
    worker.join()
    caller.join()
    time.sleep(3 * PAUSE)
    for partner in partners(hub):
        share_with(hub, partner, clock=now)
    sandbox.partners_work()
    for partner in file_partners(hub):
        acknowledge_from(hub, partner, clock=now)
    took = ", ".join(f"{name} {each:.0f} s" for name, each in seconds.items())
    print(f"{len(changed):,} people changed, twice each: {took}")
    call = f"urgent call {max(calls):.1f} s" if calls else "the flood was over before an urgent call"
    print(f"urgent changes dropped meanwhile: {len(waits)}, slowest {max(waits, default=0):.1f} s; {call} (aim: 30)")
    print(f"busiest second at Pôle emploi: {busiest.most:.0f} requests (budget {rate})")
    print("\n".join(books(hub, sandbox, changed, since)))


if __name__ == "__main__":
    main()
