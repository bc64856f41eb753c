"""What is only read: by whom, how far back, and whether it adds up."""

from __future__ import annotations

import re

import pytest
from doing import asked, plain

from hub.intake.running_ledger import running_ledger

pytestmark = pytest.mark.integration


def test_the_journal_is_read_by_partner_and_month(hub, address, sign_in, shoot):
    page = sign_in("delphine")
    page.goto(f"{address}/journal")
    page.select_option("#partenaire", "departement_08")
    page.select_option("#mois", label="novembre\u00a02026")
    page.click("button:text('Filtrer')")
    page.wait_for_selector("text=tout montrer")
    told = {plain(each) for each in page.locator("tbody tr td:nth-child(3)").all_inner_texts()}
    (expected,) = asked(hub, "select count(*) from disclosure where partner = 'departement_08'")
    shoot(page, "acte-journal-filtre")

    assert told == {"Département 08"}
    assert f"{expected} entrées" in plain(page.inner_text("form.filters"))
    seen, positions = 0, []
    while True:
        rows = page.locator("tbody th").all_inner_texts()
        seen, positions = seen + len(rows), positions + [int(re.sub(r"\s", "", each)) for each in rows]
        if not page.locator("a[rel=next]").count():
            break
        with page.expect_navigation():
            page.click("a[rel=next]")
    assert (seen, positions) == (expected, sorted(set(positions), reverse=True)), "each entry once, page after page"


def test_data_docs_are_written_on_demand_and_read_within_the_screens(address, sign_in, shoot):
    page = sign_in("olivia")
    page.goto(f"{address}/qualite")
    page.click("text=/Écrire les Data Docs|Les écrire à nouveau/")
    page.wait_for_selector("text=en cours d'écriture")
    for _ in range(120):
        if page.locator("text=Ouvrir les Data Docs").count():
            break
        page.wait_for_timeout(500)
        page.goto(f"{address}/qualite")
    page.click("text=Ouvrir les Data Docs")
    assert page.locator("nav[aria-label=Pages]").count() == 1, "within the screens, behind the same door"
    page.locator(".document table a").first.click()
    page.wait_for_selector(".document table")
    shoot(page, "acte-data-docs")

    assert "Attentes jugées" in page.inner_text(".document")
    page.goto(f"{address}/qualite/documents/../../../etc/passwd.html")
    assert page.locator(".document").count() == 0


def test_the_ledger_of_a_flow_is_the_running_one_and_adds_up(hub, address, sign_in):
    page = sign_in("olivia")
    page.goto(f"{address}/flux/caf_rsa")
    with hub.engine.connect() as connection:
        expected = running_ledger(connection, flow="caf_rsa")
    rows = page.locator("section:has(#mois) tbody tr").all()
    shown = [[plain(cell) for cell in row.locator("th, td").all_inner_texts()] for row in rows]

    figures = [[int(re.sub(r"\D", "", cell)) for cell in row[1:6]] for row in reversed(shown)]
    assert figures == [
        [line["opening"], line["entered"], line["left"], line["closing"], line["counted"]] for line in expected
    ]
    assert all(opening + entered - left == closing == counted for opening, entered, left, closing, counted in figures)


def test_a_partner_looks_at_its_own_and_can_do_nothing(address, sign_in, shoot):
    page = sign_in("camille")
    shoot(page, "partenaire-aujourdhui")
    for path in ("/flux", "/flux/caf_rsa", "/partages", "/partages/caf"):
        page.goto(address + path)
        assert page.locator("main form, main button").count() == 0, path
        assert "Département" not in page.inner_text("main")
    page.goto(f"{address}/aide")
    assert "Accès refusé" in page.inner_text("h1")


def test_what_asks_for_nothing_waits_out_of_the_way(sign_in):
    page = sign_in("olivia")
    assert not page.locator(".notices li").first.is_visible()
    page.click(".notices > summary")

    assert "Livraison répétée" in page.inner_text(".notices")
    assert "Livraison répétée" not in page.inner_text("section:has(#alarmes)")


def test_the_questions_nobody_has_to_ask_again_are_counted(address, sign_in):
    page = sign_in("olivia")
    page.goto(f"{address}/qualite")
    page.click("text=Compter les questions évitées")
    page.wait_for_selector("h1:text('Questions évitées')")

    assert page.locator("tbody tr").count() > 0
    assert "Aucune question" not in page.inner_text("tbody")


def test_single_keys_are_switched_off_by_whoever_dictates(hub, address, sign_in):
    page = sign_in("rachid")
    (case,) = asked(hub, "select id from review_case where closed_at is null order by worth, id desc limit 1")
    page.goto(f"{address}/rapprochements/{case}")
    page.click("text=Raccourcis d'une seule touche")
    page.goto(f"{address}/rapprochements/{case}")
    page.keyboard.press("d")
    page.keyboard.press("s")
    page.wait_for_timeout(300)

    assert page.url == f"{address}/rapprochements/{case}"
    assert not page.locator("[data-shortcuts]").is_checked(), "it is remembered"
    assert asked(hub, f"select closed_at is null from review_case where id = {case}") == [True]
