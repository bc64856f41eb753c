"""A flow that packs what it sends: its refused records are replayed and sent back like any other's."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import building
import packing
from taking import Taker

from hub.intake import pipeline
from hub.intake.quarantined import quarantined
from hub.intake.reject_file import write_rejects
from hub.intake.replay import replay
from quality.declaration import Quality
from schemas.errors import FixTheDeclaration

pytestmark = pytest.mark.integration


@pytest.fixture
def taker(database_url, tmp_path):
    opened = Taker(tmp_path, database_url.render_as_string(hide_password=False))
    yield opened
    opened.close()


def test_a_record_refused_in_an_archive_is_sent_back_and_replayed_from_it(taker, tmp_path):
    hub = taker.hub("zip")
    packed = tmp_path / "RSABEM.zip"
    content = building.GOOD_DELIVERY["caf_rsa"]().replace("<NOMNAI>LEFEVRE", "<NOMNAI>----", 1).encode("cp1252")
    packed.write_bytes(packing.pack(content, {"kind": "zip"}))

    line = pipeline.receive_path(hub, hub.flow("caf_rsa"), packed, clock=taker.clock)[0]
    rejects = io.BytesIO()
    write_rejects(hub, line.id, rejects)
    hub.qualities["caf_rsa"] = Quality(flow="caf_rsa", rules=())
    done = replay(hub, clock=taker.clock, flow="caf_rsa")

    assert (line.applied, line.quarantined) == (2, 1)
    assert rejects.getvalue().count(b"<MotifRejet>") == 1
    assert b"<NOMNAI>----</NOMNAI>" in rejects.getvalue()
    assert (done.passed, quarantined(hub)) == (1, [])


def test_a_file_given_by_hand_under_a_name_nobody_can_show_is_not_taken(taker, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/RSABE\xe9.xml"))
    path.write_bytes(building.GOOD_DELIVERY["caf_rsa"]().encode("cp1252"))
    hub = taker.hub()

    with pytest.raises(FixTheDeclaration, match="rename it"):
        pipeline.receive_path(hub, hub.flow("caf_rsa"), path, clock=taker.clock)
