"""Every partner, every way to it, every field: what its agreement names arrives, what it does not never does.

The table is made from the agreements; what arrived is read at the partners' own servers.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import orjson
import pytest
from cycle import new_hub
from everything import everything, marker
from jsonschema import Draft202012Validator
from lxml import etree
from test_sharing import CIVIL, NIR, World

from connectors.declaration import load_flows
from hub.sandbox.france_travail import FranceTravailServer, FtPerson
from hub.sandbox.sftp_server import SftpServer
from hub.share import share_with
from hub.sharing.agreements import load_agreements
from hub.sharing.contract import columns, line_schema
from hub.storage.store import create_database, drop_database
from schemas.beneficiary import facts

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AGREEMENTS, FLOWS = load_agreements(), load_flows()
OWN = CIVIL | {"identifiers.departement_id": "D-1", "identifiers.claim_number": "00000000042"}
# Whoever follows the person says only who it is; somebody else says everything.
SPEAKS = {"caf": "departement_08", "departement_08": "caf", "departement_52": "caf", "pole_emploi": "departement_08"}


def ways():
    """(partner, way): the files of a partner, or its API."""
    for partner, agreement in AGREEMENTS.items():
        deliver = FLOWS[agreement.out_flow].deliver
        for way in deliver.files if deliver else ("api",):
            yield partner, way


def cells():
    """(partner, way, field, allowed) for every field of the common record."""
    for partner, way in ways():
        for path in facts():
            yield pytest.param(partner, way, path, path in AGREEMENTS[partner].all_fields, id=f"{partner}-{way}-{path}")


class Arrived:
    """What each partner holds once everything that could leave has left."""

    def __init__(self, hub, folder, server) -> None:
        self.hub, self.folder, self.server = hub, folder, server

    def bytes_of(self, partner):
        bodies = [each.body for each in (*self.server.decisions, *self.server.appointments)]
        if partner == "pole_emploi":
            return orjson.dumps(bodies)
        return b"".join(path.read_bytes() for path in sorted((self.folder / partner / "retour").glob("*")))

    def lines(self, partner):
        (path,) = (self.folder / partner / "retour").glob("*.jsonl")
        return [orjson.loads(line) for line in path.read_bytes().splitlines()]

    def fields(self, partner, way):
        flow = self.hub.flow(AGREEMENTS[partner].out_flow)
        named = {
            each["column"]: each["path"] for each in columns(flow, self.hub.out_mapping(flow.flow)) if each["path"]
        }
        if way == "json_lines":
            return {path for line in self.lines(partner) for path in line["champs"]}
        if way == "csv":
            (path,) = (self.folder / partner / "retour").glob("*.csv")
            rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter=";")
            return {named[column] for row in rows for column, cell in row.items() if cell and column in named}
        if way == "xml":
            (path,) = (self.folder / partner / "retour").glob("*.xml")
            layout = self.hub.out_mapping(flow.flow).xml
            records = etree.parse(path).getroot().findall(layout.record)
            return {each.path for each in layout.elements if any(record.findtext(each.element) for record in records)}
        sent = [("decisionOrientation", each.body) for each in self.server.decisions]
        sent += [("rendez-vous", each.body) for each in self.server.appointments]
        return {named[f"{body}.{name}"] for body, fields in sent for name in fields if f"{body}.{name}" in named}


@pytest.fixture(scope="module")
def arrived(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    create_database(postgres, "matrix", template="hub_template")
    hub = new_hub(folder / "hub", postgres.set(database="matrix"))
    world = World(hub.engine)
    world.vault = hub.vault
    zoe = FtPerson(numero="00000000001", nir13=NIR, birth_date="1980-01-31", nom="VÉRITÉ", prenom="Zoé")
    with (
        SftpServer(folder / "partners", tuple(AGREEMENTS)) as sftp,
        FranceTravailServer({zoe.numero: zoe}, clock=NOW.timestamp) as server,
    ):
        hub.settings.secrets.mkdir(parents=True)
        for partner in AGREEMENTS:
            (hub.settings.secrets / f"{partner}_sftp.json").write_bytes(orjson.dumps(sftp.connection(partner)))
        (hub.settings.secrets / "pole_emploi_api.json").write_bytes(orjson.dumps(server.connection()))
        people = [
            world.someone(number, **{follows: OWN, speaks: everything()})
            for number, (follows, speaks) in enumerate(SPEAKS.items())
        ]
        world.fill(*people)
        for partner in AGREEMENTS:
            share_with(hub, partner, clock=lambda: NOW)
        yield Arrived(hub, folder / "partners", server)
    hub.engine.dispose()
    drop_database(postgres, "matrix")


# Pole emploi's API has no place for these two: it takes a decision that was taken, and no name of a structure.
NO_PLACE = {("pole_emploi", "api", "orientation.status"), ("pole_emploi", "api", "orientation.structure_name")}


@pytest.mark.parametrize(("partner", "way", "path", "allowed"), list(cells()))
def test_what_is_allowed_arrives_and_what_is_not_never_does(arrived, partner, way, path, allowed):
    came = path in arrived.fields(partner, way)

    assert came == (allowed and (partner, way, path) not in NO_PLACE)


@pytest.mark.parametrize("partner", list(AGREEMENTS))
def test_no_byte_a_partner_holds_says_a_field_it_may_not_know(arrived, partner):
    held = arrived.bytes_of(partner).decode()

    said = [
        path
        for number, path in enumerate(facts())
        if path not in AGREEMENTS[partner].all_fields and marker(number) in held
    ]

    assert held
    assert said == []
    assert NIR not in held


@pytest.mark.parametrize("partner", [partner for partner, way in ways() if way == "json_lines"])
def test_every_line_holds_to_the_schema_the_agreement_publishes(arrived, partner):
    schema = line_schema(AGREEMENTS[partner], FLOWS[AGREEMENTS[partner].out_flow])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    (line,) = [line for line in arrived.lines(partner) if len(line["champs"]) > 5]

    validator.validate(line)
    assert not validator.is_valid(line | {"champs": line["champs"] | {"diagnosis.obstacles": ["x"]}})
    assert not validator.is_valid(line | {"champs": {"rsa.rights_and_duties": "peut-être"}})
