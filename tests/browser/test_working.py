"""What an operator does on an ordinary morning, with a mouse or without one, and what the hub then says of it."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from doing import asked, everything, figures, focus, plain, until
from sqlalchemy import text

from hub.people.reviews import open_cases

pytestmark = pytest.mark.integration


@pytest.fixture
def month(copies):
    """A hub that no other test has worked on."""
    with copies() as found:
        yield found


def test_the_one_thing_to_do_next_leads_to_the_held_delivery_which_is_refused(hub, address, sign_in, shoot):
    page = sign_in("olivia")
    held = asked(hub, "select max(id) from delivery where state = 'held'")[0]
    assert "Livraison retenue" in page.inner_text("section.task")

    page.click("section.task a.button")
    assert page.url == f"{address}/livraisons/{held}"
    page.click("text=Voir ce que l'accepter ferait")
    page.wait_for_selector("text=Rien n'a encore changé")
    assert "personnes sortiraient du flux" in page.inner_text("section.task")
    page.click("text=Refuser la livraison")
    assert page.url.startswith(f"{address}/livraisons/{held}"), "a reason is asked for before anything leaves"
    page.fill("#motif-refus", "volume effondré, renvoi demandé")
    page.click("text=Refuser la livraison")
    page.wait_for_selector("text=La livraison est refusée")
    shoot(page, "acte-livraison-refusee")

    assert asked(hub, "select state || ' ' || closed_by from delivery where id = :id", id=held) == ["refused olivia"]
    assert asked(
        hub, "select count(*) from alarm where subject = :it and closed_at is null", it=f"livraison {held}"
    ) == [0]


def test_a_held_delivery_is_let_through_after_seeing_whom_that_touches_and_who_would_be_told(
    hub, address, sign_in, shoot
):
    page = sign_in("olivia")
    (held,) = asked(hub, "select min(id) from delivery where state = 'held'")
    before = everything(hub)
    page.goto(f"{address}/livraisons/{held}")
    page.click("text=Voir ce que l'accepter ferait")
    page.wait_for_selector("text=Rien n'a encore changé")
    said = figures(page, "section.task dl")
    shoot(page, "acte-livraison-accepter-apercu")
    assert Axe().run(page).response["violations"] == []
    assert everything(hub) == before, "what would be done is rolled back"
    assert int(said["Personnes touchées"]) > 0
    assert int(said["Messages à Département 08"]) > 0

    page.click("text=Accepter pour de bon")
    page.wait_for_selector("text=La livraison est acceptée")
    for _ in range(60):
        if "appliquée" in page.inner_text("h1") and page.locator("text=Pas encore").count() == 0:
            break
        page.wait_for_timeout(250)
        page.goto(f"{address}/livraisons/{held}")
    until(page, "Messages partis de cette livraison", hidden=True)
    shoot(page, "acte-livraison-acceptee")

    applied = asked(hub, "select applied || ' ' || released_by from delivery where id = :id", id=held)
    assert applied == [f"{said['Fiches appliquées']} olivia"]
    told = asked(hub, "select count(*) from message where delivery_id = :id and partner = 'departement_08'", id=held)
    assert told == [int(said["Messages à Département 08"])]


def test_alarms_about_one_thing_are_looked_after_then_closed_together(hub, sign_in):
    page = sign_in("olivia")
    groups = page.locator("section:has(#alarmes) .alarms > li")
    before, about = groups.count(), groups.first.inner_text()
    assert before > 1
    groups.first.locator("button", has_text="Prendre en charge").click()
    page.wait_for_selector("text=Vous avez pris l'alerte en charge")
    assert "prise en charge par olivia" in groups.first.inner_text()

    groups.first.locator("button", has_text="Clore").click()
    page.wait_for_selector("text=L'alerte est close")

    assert groups.count() == before - 1
    assert groups.first.inner_text() != about


def test_a_refused_record_is_understood_read_again_unmasked_and_given_up(hub, address, sign_in, shoot):
    page = sign_in("olivia")
    page.click("nav >> text=Quarantaine")
    page.select_option("#flux", "caf_rsa")
    page.select_option("#regle", "has_letters")
    page.click("text=Filtrer")
    page.locator("tbody a").first.click()
    reference = page.url.rpartition("/")[2]
    assert "nom sans aucune lettre" in page.inner_text(".reason")
    assert page.locator("tr.different code").all_inner_texts() == ["PRENOM", "99"]
    assert not page.locator("code:text-is('NOMNAI')").is_visible(), "what is to be corrected comes first, and alone"

    page.click("text=Relire l'enregistrement")
    page.wait_for_selector("text=il est encore refusé")
    page.fill("#motif-devoiler", "appel de la CAF")
    page.click("text=Dévoiler l'enregistrement")
    page.wait_for_selector("tr.different code:text('12')")
    page.goto(f"{address}/quarantaine/{reference}")
    page.fill("#motif-abandon", "doublon signalé par la CAF")
    page.click("button:text('Abandonner')")
    page.wait_for_selector("text=L'enregistrement est abandonné")
    shoot(page, "acte-quarantaine-abandonnee")

    subject = f"quarantaine {reference}"
    actions = asked(hub, "select action || coalesce(' ' || reason, '') from access_log where subject = :it", it=subject)
    assert "quarantaine_devoilee appel de la CAF" in actions
    assert asked(hub, "select state_reason from quarantine where state = 'dropped' and 'L' || delivery_id || '-E' || record = :it", it=reference) == ["olivia : doublon signalé par la CAF"]  # fmt: skip


def test_the_reject_file_is_taken_out_in_the_partners_layout(hub, address, sign_in):
    page = sign_in("olivia")
    (delivery,) = set(asked(hub, "select delivery_id from quarantine where state = 'open'"))
    page.goto(f"{address}/livraisons/{delivery}")
    with page.expect_download() as download:
        page.click("text=Télécharger le fichier de rejets")
    content = download.value.path().read_text(encoding="utf-8")

    assert download.value.suggested_filename == f"rejets_{delivery}"
    assert "<MotifRejet>" in content
    assert asked(hub, "select account from access_log where action = 'rejets_exportes'") == ["olivia"]


def test_everything_open_is_read_again_in_one_go(hub, sign_in):
    page = sign_in("olivia")
    open_records = asked(hub, "select count(*) from quarantine where state = 'open'")
    page.click("nav >> text=Quarantaine")
    page.click("text=Relire tout")
    page.wait_for_selector("text=Les enregistrements sont relus un à un")

    assert asked(hub, "select count(*) from quarantine where state = 'open'") == open_records


def set_chances(hub, chance):
    """How sure the model is of every open case."""
    with hub.engine.begin() as connection:
        connection.execute(text("update review_case set chance = :chance where closed_at is null"), {"chance": chance})


def test_against_a_sure_model_one_person_alone_decides_nothing(hub, address, sign_in, shoot):
    set_chances(hub, 0.99)
    (case,) = asked(hub, "select id from review_case where closed_at is null order by worth, id desc limit 1")
    page = sign_in("rachid")
    page.goto(f"{address}/rapprochements/{case}")
    page.keyboard.press("d")
    page.wait_for_selector("text=une deuxième personne doit dire la même chose")

    assert "rachid : personnes distinctes" in plain(page.inner_text("main"))
    assert asked(hub, f"select closed_at is null from review_case where id = {case}") == [True]
    shoot(page, "acte-deuxieme-avis")


def test_cases_are_decided_from_the_keyboard_alone(hub, address, sign_in, shoot):
    set_chances(hub, 0.5)
    page = sign_in("rachid")
    first, second, third = [case["id"] for case in open_cases(hub, limit=3)]
    page.goto(f"{address}/rapprochements")
    shown = [int(each) for each in page.locator("tbody th a").all_inner_texts()]
    assert shown == [case["id"] for case in open_cases(hub)][: len(shown)], "the order of the queue on both sides"
    focus(page, "Commencer")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/rapprochements/{first}")
    assert "1er de" in plain(page.inner_text("main"))
    assert re.search(r"NIR|Nom", page.inner_text("main ul.evidence"))
    assert page.locator("tr.different, tr.egal, tr.seul, tr.proche").count() > 5
    shoot(page, "acte-rapprochement")

    page.keyboard.press("s")
    page.wait_for_url(f"{address}/rapprochements/{second}")
    page.keyboard.press("p")
    page.wait_for_url(f"{address}/rapprochements/{first}")
    page.keyboard.press("d")
    page.wait_for_url(f"{address}/rapprochements/{second}?fait=distinctes")
    focus(page, "Pourquoi", field="#motif")
    page.keyboard.type("mdj, rien ne part en tapant")
    assert page.url.startswith(f"{address}/rapprochements/{second}")
    focus(page, "Je ne sais pas")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/rapprochements/{third}?fait=ne_sait_pas")
    page.keyboard.press("m")
    page.wait_for_selector("text=même personne. Voici le cas suivant")

    decided = asked(hub, "select verdict || ' ' || author || coalesce(' ' || reason, '') from decision order by id")
    assert decided == ["distinct rachid", "unsure rachid mdj, rien ne part en tapant", "same rachid"]
    assert asked(hub, "select count(*) from review_case where closed_by = 'rachid'") == [3]


def test_somebody_is_found_and_their_number_unmasked_with_a_reason_that_is_kept(hub, address, sign_in, shoot):
    page = sign_in("delphine")
    born, first = asked(hub, "select birth_date || ' ' || (comparable ->> 'first_name') from source_identity where flow = 'caf_rsa' order by 1 limit 1")[0].split(" ", 1)  # fmt: skip
    page.click("nav >> text=Personnes")
    page.fill("#naissance", born)
    page.fill("#prenom", first)
    page.click("text=Chercher")
    page.locator("tbody a").first.click()
    page.wait_for_selector("h1:text('Dossier')")
    masked = page.inner_text("dl.facts code")
    assert re.fullmatch(r"\d•{12}", masked)
    assert "CAF/MSA" in page.inner_text("main")

    page.fill("#motif", "demande d'accès")
    page.click("text=Dévoiler le numéro")
    page.wait_for_selector("text=Numéro dévoilé")
    assert re.fullmatch(r"\d{6}[\dAB]{7}", page.inner_text("dl.facts code"))
    shoot(page, "acte-numero-devoile")
    page.goto(f"{address}/journal/consultations")

    assert "NIR dévoilé" in page.inner_text("tbody tr >> nth=0")
    assert "demande d'accès" in page.inner_text("tbody tr >> nth=0")


def test_messages_set_aside_go_again_and_what_waits_is_sent_and_acknowledged(hub, address, sign_in, shoot):
    page = sign_in("olivia")
    page.goto(f"{address}/partages/pole_emploi")
    assert "Le partenaire ne répond pas" in page.inner_text("main")
    page.click("text=Relancer ces messages")
    page.wait_for_selector("text=de nouveau en attente")
    assert page.inner_text("h2#messages") == "Messages en attente", "one sees where they went"
    assert asked(hub, "select count(*) from message where state = 'parked'") == [0]

    page.goto(f"{address}/partages/departement_52")
    page.click("text=Voir ce qui partirait")
    page.wait_for_selector("text=Rien n'est parti")
    shoot(page, "acte-partage-apercu")
    waiting = asked(hub, "select count(*) from message where partner = 'departement_52' and state = 'pending'")[0]
    assert f"{waiting} messages" in plain(page.inner_text("main"))
    page.click("text=Envoyer maintenant")
    page.wait_for_selector("text=L'envoi est en cours")
    until(page, "hub_departement_52_000001_delta")

    assert asked(hub, "select count(*) from message where partner = 'departement_52' and state = 'sent'") == [waiting]


def test_a_partner_is_switched_off_then_on(hub, address, sign_in, shoot):
    page = sign_in("olivia")
    page.goto(f"{address}/partages/departement_08")
    page.click("text=Couper les envois à ce partenaire")
    page.fill("#motif-coupure", "maintenance annoncée")
    page.click("button:text('Couper les envois')")
    page.wait_for_selector("text=Les envois sont coupés depuis")
    shoot(page, "acte-partage-coupe")
    assert asked(hub, "select partner || ' ' || author || ' ' || reason from switched_off") == [
        "departement_08 olivia maintenance annoncée"
    ]
    assert page.locator("text=Envoyer maintenant").count() == 0

    page.click("text=Rétablir les envois")
    page.wait_for_selector("text=Les envois sont rétablis")

    assert asked(hub, "select count(*) from switched_off") == [0]


def test_the_journal_is_verified_and_says_where_it_was_altered(hub, address, sign_in, shoot):
    page = sign_in("delphine")
    page.goto(f"{address}/journal")
    page.click("text=Vérifier toute la chaîne")
    page.wait_for_selector("text=Le journal tient")

    with hub.engine.begin() as connection:
        kept = connection.execute(text("select purpose from disclosure where position = 3")).scalar_one()
        connection.execute(text("set local session_replication_role = replica"))  # as who owns the store could
        connection.execute(text("update disclosure set purpose = 'autre' where position = 3"))
    page.click("text=Vérifier toute la chaîne")
    page.wait_for_selector("text=Le journal est rompu à l'entrée 3")
    shoot(page, "acte-journal-rompu")
    with hub.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(text("update disclosure set purpose = :kept where position = 3"), {"kept": kept})


def test_a_delivery_is_undone_after_seeing_what_that_would_do(hub, address, sign_in, shoot):
    page = sign_in("olivia")
    last = asked(hub, "select max(id) from delivery where state = 'applied' and flow = 'caf_rsa'")[0]
    page.goto(f"{address}/livraisons/{last}")
    page.fill("#motif-annulation", "fichier d'un autre jour")
    page.click("text=Voir ce que cela ferait")
    page.wait_for_selector("text=Rien n'a encore changé")
    shoot(page, "acte-annulation-apercu")
    assert asked(hub, "select state from delivery where id = :id", id=last) == ["applied"]

    page.click("text=Annuler pour de bon")
    page.wait_for_selector("text=La livraison est annulée")

    assert asked(hub, "select state || ' ' || closed_by from delivery where id = :id", id=last) == ["reverted olivia"]
    assert asked(hub, "select reason from delivery where id = :id", id=last) == ["Annulée : fichier d'un autre jour"]
