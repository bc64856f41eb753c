"""The four things that wait in the morning, found from the menu and dealt with, whichever hand presses and wherever the screens are."""

from __future__ import annotations

from doing import asked

HELD = "select count(*) from delivery where state = 'held'"
QUARANTINED = "select count(*) from quarantine where state = 'open'"
REFERENCE = "select 'L' || delivery_id || '-E' || record from quarantine where state = 'open' order by id limit 1"
PARKED = "select count(*) from message where state = 'parked'"
SAID = (
    "select verdict from decision where author in ('tous', 'admin')",
    "select verdict from review_opinion where author in ('tous', 'admin')",
)


def refuses_a_delivery(page, hub, by):
    (held,) = asked(hub, HELD)
    by.press("Voir la livraison")
    page.wait_for_selector("text=Cette livraison attend votre décision")
    by.press("Voir ce que l'accepter ferait")
    page.wait_for_selector("text=Rien n'a encore changé")
    by.write("#motif-refus", "volume effondré, renvoi demandé")
    by.press("Refuser la livraison")
    page.wait_for_selector("text=La livraison est refusée")
    assert asked(hub, HELD) == [held - 1]


def gives_a_record_up(page, hub, by):
    (quarantined,) = asked(hub, QUARANTINED)
    (reference,) = asked(hub, REFERENCE)
    by.press("Quarantaine")
    page.wait_for_selector("h1:text('Quarantaine')")
    by.press(reference)
    page.wait_for_selector("text=Que faire de cet enregistrement")
    by.write("#motif-abandon", "doublon signalé par la CAF")
    by.press("Abandonner")
    page.wait_for_selector("text=L'enregistrement est abandonné")
    assert asked(hub, QUARANTINED) == [quarantined - 1]


def sends_messages_again(page, hub, by):
    assert asked(hub, PARKED)[0] > 0
    by.press("Partages")
    page.wait_for_selector("h1:text('Partages')")
    by.press("Pôle emploi")
    page.wait_for_selector("text=/messages? mis de côté/")
    by.press("Relancer ces messages")
    page.wait_for_selector("text=de nouveau en attente")
    assert asked(hub, PARKED) == [0]


def decides_a_case(page, hub, by):
    by.press("Rapprochements")
    page.wait_for_selector("text=/cas attend/")
    by.press("Commencer")
    page.wait_for_selector("text=Est-ce la même personne")
    by.press("Personnes distinctes")
    page.wait_for_selector("text=/Voici le cas suivant|une deuxième personne/")
    assert {verdict for each in SAID for verdict in asked(hub, each)} == {"distinct"}


FOUR = (refuses_a_delivery, gives_a_record_up, sends_messages_again, decides_a_case)
