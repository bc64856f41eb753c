"""Somebody erased from a delivery that came in an archive: crossed out inside, packed again, and still read for everybody else."""

from __future__ import annotations

import gzip
import io
import zipfile
from importlib.resources import files

import pytest
import yaml
from cycle import new_hub
from intake import caf
from sqlalchemy import text
from test_rights import Intake

from hub.intake.unsealed import unsealed
from hub.opening import Hub
from hub.rights.redaction import _read

pytestmark = pytest.mark.integration

PEOPLE = [(1, "ZOE", "08000"), (2, "ANNE", "08000"), (3, "LEA", "08100")]
NOTE = "Merci d'écarter le dossier de ZOE."


def zipped(content):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("RSABEI.xml", content)
        archive.writestr("LISEZMOI.txt", NOTE)
    return sink.getvalue()


WRAPPERS = {"gzip": ({"kind": "gzip"}, gzip.compress), "zip": ({"kind": "zip", "member": "*.xml"}, zipped)}


class Packed(Intake):
    """A CAF that packs what it leaves."""

    def __init__(self, hub, clock, folder, pack) -> None:
        super().__init__(hub, clock, folder)
        self.pack = pack

    def take(self, people, day, *, departement="08"):
        made = self.folder / "RSABEI08_1.xml"
        made.write_bytes(self.pack(caf(day, people, departement=departement)))
        return self.given(made)

    @property
    def stored(self):
        with self.hub.engine.connect() as connection:
            return connection.execute(text("select sha256 from delivery order by id desc limit 1")).scalar_one()

    @property
    def how(self):
        with self.hub.engine.connect() as connection:
            return connection.execute(text("select how from redaction")).scalars().all()


@pytest.fixture
def packed(database_url, clock, tmp_path, request):
    unpack, pack = WRAPPERS[request.param]
    folder = tmp_path / "declared"
    folder.mkdir()
    for file in files("connectors").joinpath("partners").iterdir():
        declared = yaml.safe_load(file.read_text(encoding="utf-8"))
        if declared["flow"] == "caf_rsa":
            declared["unpack"] = unpack
        (folder / file.name).write_text(yaml.safe_dump(declared), encoding="utf-8")
    first = new_hub(tmp_path / "hub", database_url)
    hub = Hub(first.settings.model_copy(update={"partners_dir": folder}))
    yield Packed(hub, clock, tmp_path, pack)
    for each in (first, hub):
        each.engine.dispose()


@pytest.mark.parametrize("packed", WRAPPERS, indirect=True)
def test_who_is_erased_is_crossed_out_inside_its_archive(packed):
    packed.take(PEOPLE, "2026-11-01")
    with unsealed(packed.hub, "caf_rsa", packed.stored) as stream:
        before = _read(packed.hub, "caf_rsa", stream)

    packed.erase(packed.person("ZOE"))

    assert packed.how == ["masked"]
    with unsealed(packed.hub, "caf_rsa", packed.stored) as stream:
        clear = stream.read()
    with unsealed(packed.hub, "caf_rsa", packed.stored) as stream:
        after = _read(packed.hub, "caf_rsa", stream)
    assert b"ZOE" not in clear
    assert [each for each in (2, 3) if after[each] != before[each]] == []
    kept = packed.hub.raw.open(packed.stored).read()
    assert b"ZOE" not in kept
    if kept.startswith(b"PK"):
        assert zipfile.ZipFile(io.BytesIO(kept)).namelist() == ["RSABEI.xml"]


@pytest.mark.parametrize("packed", ["gzip"], indirect=True)
def test_an_archive_that_is_whole_no_more_is_destroyed(packed):
    packed.take(PEOPLE, "2026-11-01")
    packed.hub.raw.reseal(packed.stored, io.BytesIO(gzip.compress(b"<Racine>")[:-4]))

    packed.erase(packed.person("ZOE"))

    assert packed.how == ["destroyed"]
    assert not packed.hub.raw.holds(packed.stored)
