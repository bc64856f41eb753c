"""A wrong agreement is refused at load, naming file, field and fix; the right ones name what the sandbox allows."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest
import yaml

from hub.sharing.agreements import load_agreements
from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration
from schemas.facts import Sensitivity

RIGHT = {
    "partner": "caf", "purpose": "Informer", "legal_basis": ["CASF L.262-40"], "fields": ["contract.state"],
    "perimeter": "followed", "territory": ["08"], "valid_from": date(2026, 1, 1), "valid_until": date(2026, 12, 31), "frequency": "daily",
    "retention_months": 24, "contact": "dpo@exemple.fr", "out_flow": "caf_retour",
}  # fmt: skip


def write(folder, name="caf.yml", **changes):
    given = {key: value for key, value in (RIGHT | changes).items() if value is not ...}
    (folder / name).write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"purpose": ...}, "purpose: Field required: write it, an agreement does not hold without."),
        ({"purpose": " "}, "purpose: String should have at least 1 character: write it, an empty text says nothing."),
        ({"legal_basis": []}, "legal_basis: Tuple should have at least 1 item"),
        ({"fileds": ["rsa.state"]}, "fileds: Extra inputs are not permitted: take it out, or correct its spelling."),
        ({"fields": ["contract.stat"]}, "fields.contract.stat: not a field of the common record"),
        ({"fields": ["identity.nir"]}, "fields.identity.nir: the NIR is a pivot, it is never shared."),
        ({"sensitive": ["identity.nir"]}, "fields.identity.nir: the NIR is a pivot, it is never shared."),
        ({"fields": ["diagnosis.disabled_worker"]}, "a sensitive field stands under sensitive:, and only there."),
        ({"sensitive": ["contract.kind"]}, "a sensitive field stands under sensitive:, and only there."),
        ({"fields": ["contract.state"] * 2}, "fields.contract.state: named 2 times; keep one."),
        ({"valid_until": date(2025, 1, 1)}, "valid_until: must come after valid_from"),
        ({"territory": ...}, "territory: Field required: write it, an agreement does not hold without."),
        ({"territory": []}, "territory: Tuple should have at least 1 item"),
        ({"territory": ["20"]}, "territory.0: String should match pattern"),
        ({"perimeter": "everybody"}, "perimeter: Input should be 'followed'"),
        ({"retention_months": 0}, "retention_months: Input should be greater than or equal to 1"),
        ({"partner": "msa"}, "partner: is 'msa'; name the file msa.yml."),
    ],
)
def test_a_wrong_agreement_names_its_file_its_field_and_the_fix(tmp_path, changes, expected):
    write(tmp_path, **changes)

    with pytest.raises(FixTheDeclaration) as refused:
        load_agreements(tmp_path)

    assert f"hub/sharing/agreements/caf.yml: {expected}" in str(refused.value) or expected in str(refused.value)
    assert all(line.startswith("hub/sharing/agreements/caf.yml: ") for line in str(refused.value).splitlines())


def test_all_the_faults_of_all_the_files_are_told_at_once(tmp_path):
    write(tmp_path, purpose=..., contact=...)
    write(tmp_path, "pole_emploi.yml", fields=["rsa.nothing"])
    (tmp_path / "msa.yml").write_text("partner: [", encoding="utf-8")

    with pytest.raises(FixTheDeclaration) as refused:
        load_agreements(tmp_path)

    assert [line.split(": ")[0].rpartition("/")[2] for line in str(refused.value).splitlines()] == [
        *("caf.yml", "caf.yml", "msa.yml", "pole_emploi.yml", "pole_emploi.yml"),
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-12-31", True), ("2027-01-01", False)],
)
def test_an_agreement_holds_from_its_first_day_to_its_last(tmp_path, day, expected):
    write(tmp_path)

    assert load_agreements(tmp_path)["caf"].in_force(date.fromisoformat(day)) is expected


def test_the_four_agreements_name_exactly_what_the_sandbox_lets_each_partner_learn():
    allowed = yaml.safe_load(files("hub.sandbox").joinpath("allowed.yml").read_text(encoding="utf-8"))

    named = {partner: set(agreement.all_fields) for partner, agreement in load_agreements().items()}

    assert named == {
        partner: set(allowed[partner]) for partner in ("caf", "departement_08", "departement_52", "pole_emploi")
    }


def test_no_agreement_of_ours_names_a_sensitive_field():
    named = {path for agreement in load_agreements().values() for path in agreement.all_fields}

    assert not [path for path in named if facts()[path].sensitivity in {Sensitivity.SENSITIVE, Sensitivity.NIR}]
