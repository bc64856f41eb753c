"""Survivorship: the owner's word first, then the certified, then the latest; a group never mixes two records."""

from __future__ import annotations

from hub.dossiers.survivorship import Word, consolidate, groups, kind_of


def word(record, partner, as_of="2026-10-31", *, certified=False, **content):
    paths = {path.replace("__", "."): value for path, value in content.items()}
    return Word(
        record=record,
        partner=partner,
        flow=f"flow_{partner}",
        as_of=as_of,
        delivery=record,
        certified=certified,
        content=paths,
    )


def values(*words):
    return {path: kept["value"] for path, kept in consolidate(words).items()}


def test_the_owner_s_word_wins_even_when_older():
    kept = values(word(1, "caf", "2026-01-01", rsa__state="2"), word(2, "departement_08", "2026-10-31", rsa__state="4"))

    assert kept == {"rsa.state": "2"}


def test_between_equals_the_certified_then_the_latest_wins():
    older = word(1, "departement_08", "2026-01-01", certified=True, contact__email="old@exemple.fr")
    newer = word(2, "departement_52", "2026-10-31", contact__email="new@exemple.fr")

    assert values(older, newer) == {"contact.email": "old@exemple.fr"}
    assert values(word(1, "departement_08", "2026-01-01", contact__email="old@exemple.fr"), newer) == {
        "contact.email": "new@exemple.fr"
    }


def test_an_absent_value_never_erases():
    kept = values(word(1, "caf", "2026-10-31"), word(2, "departement_08", "2026-01-01", rsa__state="4"))

    assert kept == {"rsa.state": "4"}


def test_an_address_is_never_half_of_two():
    caf = word(1, "caf", contact__address_street="1 rue Haute", contact__postcode="08000")
    ft = word(
        2,
        "pole_emploi",
        contact__address_street="2 rue Basse",
        contact__postcode="08200",
        contact__commune_code="08409",
    )

    assert values(caf, ft) == {"contact.address_street": "1 rue Haute", "contact.postcode": "08000"}


def test_each_field_says_who_said_it_and_the_number_is_never_in_it():
    kept = consolidate([word(7, "caf", identity__nir="1850675056024", identity__birth_name="MARTIN")])

    assert (
        kept["identity.birth_name"] | {"value": "MARTIN", "partner": "caf", "record": 7} == kept["identity.birth_name"]
    )
    assert "identity.nir" not in kept


def test_the_order_of_words_changes_nothing():
    words = [
        word(n, partner, contact__email=f"{n}@exemple.fr")
        for n, partner in enumerate(("caf", "pole_emploi", "departement_08"))
    ]

    assert consolidate(words) == consolidate(words[::-1])


def test_groups_are_declared_and_partners_have_a_kind():
    assert groups()["contact.postcode"] == groups()["contact.commune_name"]
    assert [kind_of(name) for name in ("caf", "pole_emploi", "departement_52", "plie_reims")] == [
        "caf", "pole_emploi", "departement", "second_circle",
    ]  # fmt: skip
