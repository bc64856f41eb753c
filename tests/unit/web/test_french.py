"""Numbers, dates and words as a French reader expects them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hub.identity.explain import in_words
from hub.web import french
from hub.web.queries.quarantine import masked
from hub.web.queries.reviews import Difference


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (french.number(1234567), "1\u202f234\u202f567"),
        (french.number(None), "–"),
        (french.capped((10_000, True)), "plus de 10\u202f000"),
        (french.capped((7, False)), "7"),
        (french.percent(0.125), "12,5\u202f%"),
        (french.percent(1), "100\u202f%"),
        (french.size(770_000_000), "770\u202fMo"),
        (french.size(2_500_000_000), "2,5\u202fGo"),
        (french.seconds(45), "45\u202fs"),
        (french.seconds(600), "10\u202fmin"),
        (french.seconds(9000), "2\u202fh"),
        (french.when(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)), "02/07/2026\u00a0à\u00a000:30"),
        (french.day("2026-11-24"), "24/11/2026"),
        (french.day(date(2026, 11, 25)), "25/11/2026"),
        (french.month_name("2026-11"), "novembre\u00a02026"),
        (french.short_month("2026-08"), "août 26"),
        (french.value_shown("2", "rsa.state"), "Droit ouvert et versable"),
        (french.value_shown(["2024-01-31", "X"], "orientation.origin"), "31/01/2024, X"),
        (french.value_shown("2026-11-30T09:30:00", "appointment.starts_at"), "30/11/2026\u00a0à\u00a009:30"),
        (french.long_day(datetime(2026, 11, 30, 23, 30, tzinfo=UTC)), "mardi 1er décembre 2026"),
        (french.value_shown(value=True), "oui"),
        (french.field_name("contact.email"), "Adresse électronique"),
        (french.partner_name("departement_08"), "Département\u00a008"),
    ],
)
def test_it_is_written_the_french_way(said, expected):
    assert said == expected


def test_an_alarm_is_told_without_commands_and_with_the_names_of_fields():
    held = "caf_rsa, livraison 3 (RSABE.xml) : Le champ rsa.state est vide. hub delivery release 3 ou refuse 3."
    missing = "Livraison quotidienne du 10/11/2026 non reçue ; aucune reçue. Demander un nouvel envoi : hub ledger caf_rsa --resend en rédige la demande."
    again = "Mêmes octets que la livraison 14 (applied) : rien à faire."

    assert (
        french.told(held) == "caf_rsa, livraison 3 (RSABE.xml) : Le champ «\u00a0État du dossier RSA\u00a0» est vide."
    )
    assert french.told(missing) == "Livraison quotidienne du 10/11/2026 non reçue ; aucune reçue."
    assert french.told(again) == "Mêmes octets que la livraison 14 (appliquée) : rien à faire."


def test_an_alarm_under_its_deliverys_name_does_not_repeat_it_and_reads_as_french():
    held = "caf_rsa, livraison 3 (RSABE.xml) : Le volume s'écarte d'un facteur 16.2 ; attendu : au plus 1.3."
    missing = "Livraison non reçue ; dernière reçue : RSABEI08_20261109.xml (référence 2026-11-09)."

    assert french.alarm_told(held) == "Le volume s'écarte d'un facteur 16,2 ; attendu : au plus 1,3."
    assert french.alarm_told("pole_emploi : 3 messages écartés.") == "3 messages écartés."
    assert french.alarm_told(missing).endswith("RSABEI08_20261109.xml (référence 09/11/2026).")


def test_a_page_is_set_with_unbreakable_spaces_and_what_partners_wrote_is_left_as_it_is():
    page = '<p title="a : b">Attendu : 20 % ; « oui » ?</p><code>a : b</code><p>12:30</p>'

    assert french.typeset(page) == (
        '<p title="a : b">Attendu\u00a0: 20\u202f%\u202f; «\u00a0oui\u00a0»\u202f?</p><code>a : b</code><p>12:30</p>'
    )


def test_a_masked_value_keeps_its_form_and_nothing_else():
    assert masked("Zoé-Anne 1985-07-08, 06 12 34") == "aaa-aaaa 9999-99-99, 99 99 99"


@pytest.mark.parametrize(
    ("a", "b", "agreement"),
    [
        ("LE GOFF", "Le Goff", "proche"),
        ("LE GOFF", "LE GOFF", "egal"),
        ("LE GOFF", "MARTIN", "different"),
        (None, "MARTIN", "seul"),
        (["ZOE"], ["Zoé"], "proche"),
        (["ZOE"], ["ZOE", "ANNE"], "different"),
    ],
)
def test_two_values_agree_as_a_reader_would_say(a, b, agreement):
    assert Difference(path="identity.birth_name", a=a, b=b).agreement == agreement


def test_what_the_machine_saw_is_told_in_sentences():
    evidence = {
        "modele": "2026-11",
        "chance": 0.4,
        "champs": {"name": {"niveau": "égal", "bits": 9.12}, "phone": {"niveau": "absent", "bits": 0.0}},
        "changerait": [{"champ": "first_name", "niveau": "différent", "issue": "never"}],
    }

    assert in_words(evidence) == [
        "Chance d'être la même personne (modèle 2026-11, chance 40,0 %).",
        "Nom : égal, pèse fortement pour (+9,1).",
        "Non comparable : téléphone.",
        "Aurait changé la décision : prénom « différent », la fiche n'aurait jamais été réunie.",
    ]
    assert in_words({"champs": ["identity.birth_date"]}) == [
        "Deux fiches certifiées ne disent pas la même chose : Date de naissance."
    ]
    assert in_words({}) == []
