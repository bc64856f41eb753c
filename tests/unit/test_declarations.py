"""Declarations: those of the project are right, and a wrong one is named with its file, its field and its fix."""

from __future__ import annotations

import pytest

from connectors.declaration import load_flows
from hub.declarations import faults
from hub.sharing.agreements import load_agreements
from mappings.declaration import load_mappings
from quality.declaration import load_quality
from schemas.errors import FixTheDeclaration

FLOW = "flow: x\npartner: p\ndirection: in\nlabel: X\nconnection: c\nprotocol: sftp\nformat: {reader: csv}\n"
MAPPING = "flow: x\ndirection: in\nkey: [identity.birth_name]\nfields:\n  identity.birth_name: {from: Nom}\n"
QUALITY = "flow: x\nrules:\n  - {field: identity.birth_name, rule: required}\n"
AGREEMENT = (
    "partner: x\npurpose: P\nlegal_basis: [L]\nfields: [rsa.state]\nperimeter: followed\nterritory: ['08']\nvalid_from: 2026-01-01\n"
    "valid_until: 2027-01-01\nfrequency: daily\nretention_months: 24\ncontact: c\nout_flow: x_retour\n"
)


def test_every_declaration_of_the_project_is_right():
    assert faults() == []


@pytest.mark.parametrize(
    ("load", "text", "said"),
    [
        (
            load_flows,
            FLOW.replace("protocol: sftp", "protocole: sftp"),
            "connectors/partners/x.yml: protocole: Extra inputs",
        ),
        (load_flows, FLOW.replace("in\n", "sideways\n"), "connectors/partners/x.yml: direction"),
        (load_flows, FLOW.replace("format: {reader: csv}", ""), "an incoming flow needs a format block"),
        (load_flows, FLOW.replace("csv", "pdf"), "connectors/partners/x.yml: format"),
        (load_flows, FLOW.replace("flow: x", "flow: y"), "name the file y.yml"),
        (load_flows, "a: [", "not YAML"),
        (
            load_mappings,
            MAPPING.replace("identity.birth_name: {from", "identity.surname: {from"),
            "fields.identity.surname: not a field",
        ),
        (
            load_mappings,
            MAPPING.replace("Nom}", "Nom, convert: magic}"),
            "'magic' is not a converter; one of after_postcode",
        ),
        (load_mappings, MAPPING.replace("Nom}", "Nom, codes: nolist}"), "'nolist' is not a code list"),
        (load_mappings, MAPPING.replace("{from: Nom}", "{}"), "say from which column it comes"),
        (
            load_mappings,
            MAPPING.replace("key: [identity.birth_name]", "key: [rsa.state]"),
            "key: rsa.state is not mapped",
        ),
        (load_quality, QUALITY.replace("required", "beautiful"), "'beautiful' is not a rule"),
        (load_quality, QUALITY.replace("birth_name", "surname"), "not a field"),
        (load_agreements, AGREEMENT.replace("rsa.state", "identity.nir"), "the NIR is a pivot, it is never shared"),
        (load_agreements, AGREEMENT.replace("rsa.state", "diagnosis.disabled_worker"), "stands under sensitive"),
        (load_agreements, AGREEMENT.replace("2027", "2025"), "must come after valid_from"),
        (load_agreements, AGREEMENT.replace("legal_basis: [L]\n", ""), "legal_basis: Field required"),
    ],
)
def test_a_wrong_declaration_names_file_field_and_fix(tmp_path, load, text, said):
    (tmp_path / "x.yml").write_text(text, encoding="utf-8")

    with pytest.raises(FixTheDeclaration) as raised:
        load(tmp_path)

    assert said in str(raised.value)
    assert "x.yml" in str(raised.value)


def test_all_faults_of_all_files_come_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yml").write_text(FLOW.replace("protocol: sftp", "protocole: sftp"), encoding="utf-8")

    with pytest.raises(FixTheDeclaration) as raised:
        load_flows(tmp_path)

    assert "one.yml" in str(raised.value)
    assert "two.yml" in str(raised.value)
