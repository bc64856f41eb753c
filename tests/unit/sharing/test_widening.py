"""What of a changed agreement gives more, what gives less, and what holds while nobody approved the more."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.declaration import load_flows
from hub.identity.comparable import comparable
from hub.sharing.agreements import Agreement, load_agreements
from hub.sharing.annex import annex
from hub.sharing.contract import beyond, columns, line_schema
from hub.sharing.effect import of_partner
from hub.sharing.needed import RECOGNISED_BY, needed
from hub.sharing.widening import gained, held_back, lost, sha256_of, wider
from mappings.declaration import load_mappings

OLD = Agreement(
    partner="caf", purpose="Informer", legal_basis=("CASF L.262-40",), fields=("contract.state", "contract.kind"),
    perimeter="followed", territory=("08",), valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31), frequency="daily",
    retention_months=24, contact="dpo@exemple.fr", out_flow="caf_retour",
)  # fmt: skip
DAY = date(2026, 3, 2)


def changed(**changes):
    return OLD.model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"contact": "autre@exemple.fr"}, []),
        ({"fields": ("contract.state",)}, []),
        ({"valid_until": date(2026, 6, 30)}, []),
        ({"retention_months": 12}, []),
        ({"fields": ("contract.state", "contract.kind", "contract.rank")}, ["fields"]),
        ({"fields": ("contract.rank",)}, ["fields"]),
        ({"sensitive": ("diagnosis.disabled_worker",)}, ["fields"]),
        ({"purpose": "Contrôler"}, ["purpose"]),
        ({"out_flow": "autre"}, ["out_flow"]),
        ({"valid_from": date(2025, 1, 1)}, ["valid_from"]),
        ({"valid_until": date(2027, 1, 1)}, ["valid_until"]),
        ({"retention_months": 36}, ["retention_months"]),
    ],
)
def test_whatever_gives_more_is_named(changes, expected):
    assert wider(OLD, changed(**changes)) == expected


def test_a_first_agreement_gives_more_than_none():
    assert wider(None, OLD) == ["agreement"]


def test_until_it_is_approved_a_wider_agreement_holds_as_far_as_the_old_one_goes():
    new = changed(
        fields=("contract.state", "contract.rank"), valid_until=date(2027, 6, 30), valid_from=date(2026, 2, 1)
    )

    held = held_back(OLD, new)

    assert (gained(OLD, new), lost(OLD, new)) == (["contract.rank"], ["contract.kind"])
    assert (held.fields, held.valid_from, held.valid_until) == (
        ("contract.state",),
        date(2026, 2, 1),
        date(2026, 12, 31),
    )
    assert wider(OLD, held) == []


def test_an_agreement_whose_every_field_was_replaced_shares_nothing_meanwhile():
    held = held_back(OLD, changed(fields=("contract.rank",)))

    assert not any(held.in_force(date(year, 6, 1)) for year in (2025, 2026, 2027))


def test_the_hash_is_of_what_is_said_not_of_how():
    assert sha256_of(OLD) == sha256_of(Agreement.model_validate(OLD.model_dump()))
    assert sha256_of(OLD) != sha256_of(changed(fields=("contract.kind",)))


# --- what an agreement generates ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def declared():
    flows, mappings, agreements = load_flows(), load_mappings(), load_agreements()
    return [(each, flows[each.out_flow], mappings[each.out_flow]) for each in agreements.values()]


def test_the_schema_names_the_fields_of_the_agreement_and_closes_the_door(declared):
    for agreement, flow, _ in declared:
        fields = line_schema(agreement, flow)["properties"]["champs"]

        assert tuple(fields["properties"]) == agreement.all_fields
        assert fields["additionalProperties"] is False


def test_no_layout_has_a_place_for_a_field_its_agreement_does_not_name(declared):
    for agreement, _, mapping in declared:
        assert beyond(agreement, mapping) == []
        assert beyond(agreement.model_copy(update={"fields": agreement.fields[1:]}), mapping) in (
            [agreement.fields[0]],
            [],
        )


def test_the_columns_are_those_of_the_file_in_their_order(declared):
    (listed,) = [
        columns(flow, mapping) for agreement, flow, mapping in declared if agreement.partner == "departement_08"
    ]

    assert [each["column"] for each in listed[:4]] == ["message_id", "sequence", "identifiant", "numero_france_travail"]
    assert listed[3]["label"] == "Numéro France Travail (11 chiffres)"


def test_the_annex_says_in_french_all_that_is_enforced(declared):
    for agreement, flow, mapping in declared:
        page = annex(agreement, flow, mapping, today=DAY, state="Cette version est en vigueur.")

        assert all(f"<code>{path}</code>" in page for path in agreement.all_fields)
        assert page.count("<code>") == len(agreement.all_fields)
        assert "31/12/2028" in page
        assert sha256_of(agreement) in page
        assert "Aucune donnée sensible" in page
        assert "<script" not in page
        assert "http" not in page


def test_what_a_partner_wrote_in_an_agreement_cannot_become_a_tag(declared):
    agreement, flow, mapping = declared[0]

    page = annex(agreement.model_copy(update={"purpose": "<script>x</script>"}), flow, mapping, today=DAY, state="")

    assert "<script>x" not in page


@pytest.mark.parametrize(
    ("partner", "of", "the"),
    [
        ("departement_35", "du département 35", "le département 35"),
        ("caf", "de la CAF/MSA", "la CAF/MSA"),
        ("pole_emploi", "de Pôle emploi", "Pôle emploi"),
        ("plie_lille", "de plie_lille", "plie_lille"),
    ],
)
def test_partners_are_named_as_people_say_it(partner, of, the):
    assert (of_partner(partner), of_partner(partner, subject=True)) == (of, the)


# --- what may be kept at all --------------------------------------------------------------------------------------


def test_what_no_agreement_names_and_no_reconciliation_reads_is_not_kept():
    mapping = load_mappings()["pole_emploi_extrait"]

    dropped = set(mapping.fields) - needed(mapping, load_agreements().values(), today=DAY)

    assert {"job_seeker.rome_1", "diagnosis.obstacles", "rsa.beneficiary"} <= set(dropped)
    assert not {"job_seeker.category", "identity.birth_name", *mapping.key} & set(dropped)


def test_a_field_goes_once_the_last_agreement_that_names_it_is_over():
    mapping = load_mappings()["pole_emploi_extrait"]

    assert "job_seeker.category" not in needed(mapping, load_agreements().values(), today=date(2029, 1, 1))


def test_all_that_recognises_a_person_is_kept():
    read = set()

    class Reading(dict):
        def get(self, path, default=None):
            read.add(path)
            return default

    comparable(Reading(), "180010812345678")

    assert len(read) > 10
    assert [path for path in sorted(read) if not path.startswith(RECOGNISED_BY)] == []
