"""What judging a delivery as a whole costs beside receiving it.

    python bench/suite.py [RECORDS]        default 100,000 records

Receives a CAF delivery of that size, then gives its profile, with twelve past ones, to the judge's own program, and
prints the processor time that program takes from start to end as a ratio to the time ``hub receive`` took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from receive import invent, make_delivery, measured
from sqlalchemy import create_engine, text

from hub.storage.store import embedded_server
from quality.declaration import load_quality

ADULTS_IN_A_HOUSEHOLD = 1.32
PAST = 12


def judge(profile: dict[str, object]) -> tuple[float, float]:
    """Seconds of processor, and seconds passed, for one judgement in a fresh process."""
    asked = {
        "quality": load_quality()["caf_rsa"].judging("full").model_dump(mode="json", by_alias=True),
        "profile": profile,
        "history": [profile] * PAST,
    }
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "quality.suite"]
    done = subprocess.run(command, input=json.dumps(asked) + "\n", capture_output=True, text=True, check=True)
    after, passed = os.times(), time.perf_counter() - began
    assert json.loads(done.stdout)["measures"]["volume_change"] == 0
    return after.children_user + after.children_system - before.children_user - before.children_system, passed


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    hub = (sys.executable, "-c", "from hub.cli import main; main()")
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "hub", Path(folder) / "RSABEM08_20261101_000.xml"
        os.chmod(folder, 0o755)  # noqa: PTH101 - the embedded server runs as its own user
        make_delivery(file, invent(int(records / ADULTS_IN_A_HOUSEHOLD)))
        measured(*hub, "status", "--json", HUB_HOME=str(home))  # the store is there before the clock starts
        took, _, said = measured(*hub, "receive", "caf_rsa", "--file", str(file), "--json", HUB_HOME=str(home))
        engine = create_engine(embedded_server(home / "postgres").set(database="hub"))
        with engine.connect() as connection:
            profile = connection.execute(text("select profile from delivery")).scalar_one()
        engine.dispose()
        cost, passed = judge(profile)
    line = json.loads(said)["deliveries"][0]
    print(f"{line['received']:,} records received in {took:.1f} s")
    print(f"the suite, its program's start included: {cost:.1f} s of processor ({passed:.1f} s)")
    print(f"= {cost / took:.2f} x receive (aim: under 0.2)")


if __name__ == "__main__":
    main()
