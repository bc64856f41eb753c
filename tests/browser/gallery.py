"""Every page in every state that can be reached, as pictures to be looked at: ``python tests/browser/gallery.py [FOLDER]``.

Light at 1440 px, dark at 1440 px, light at 320 px, and print, the pages themselves at 3840 px too; on an empty hub, after the
month of incidents, and when the database is gone.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).parent))

from conftest import ARTEFACTS
from cycle import new_hub
from playwright.sync_api import sync_playwright
from seeing import ARGUMENTS, CHROMIUM
from test_every_page import pages
from world import ACCOUNTS, PASSWORD, month_of_incidents

from hub.storage.store import create_database, drop_database, embedded_server, upgrade
from hub.web import accounts
from hub.web.pages.documents import folder
from hub.web.serving import screens
from hub.web.suite_docs import write_suite_docs_apart

LISTS = ("/", "/aide", "/flux", "/flux/caf_rsa", "/quarantaine", "/rapprochements", "/personnes", "/partages", "/partages/caf", "/qualite",
         "/qualite/caf_rsa", "/journal", "/journal/consultations", "/comptes")  # fmt: skip
STATES = ("sent", "acknowledged", "rejected", "unfound", "parked", "replaced")
SHEETS = {"1440": {"width": 1440, "color_scheme": "light"}, "sombre": {"width": 1440, "color_scheme": "dark"},
          "320": {"width": 320, "color_scheme": "light"}}  # fmt: skip


class Gallery:
    """Takes pictures of a page as somebody sees it, in every way."""

    def __init__(self, browser, address, folder):
        self.browser, self.address, self.folder = browser, address, folder

    def enter(self, name):
        context = self.browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.goto(f"{self.address}/connexion")
        page.fill("#nom", name)
        page.fill("#mot_de_passe", PASSWORD)
        page.click("main button")
        page.wait_for_selector("h1")
        return page

    def shoot(self, page, name):
        for sheet, seen in SHEETS.items():
            page.set_viewport_size({"width": seen["width"], "height": 900})
            page.emulate_media(media="screen", color_scheme=seen["color_scheme"])
            page.screenshot(path=self.folder / f"{name}-{sheet}.png", full_page=True)
        page.set_viewport_size({"width": 794, "height": 1123})
        page.emulate_media(media="print", color_scheme="light")
        page.screenshot(path=self.folder / f"{name}-impression.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(media="screen", color_scheme="light")

    def visit(self, page, path, name, *, wall=False):
        page.goto(self.address + path)
        self.shoot(page, name)
        if wall:
            page.set_viewport_size({"width": 3840, "height": 2160})
            page.wait_for_timeout(300)  # so wide a page is painted in several goes
            page.screenshot(path=self.folder / f"{name}-3840.png", full_page=True)
            page.set_viewport_size({"width": 1440, "height": 900})

    def try_out(self, page, path, name, *clicks, fill=None):
        page.goto(self.address + path)
        for field, words in (fill or {}).items():
            if not page.locator(field).is_visible():
                page.locator(f"details:has({field}) > summary").click()
            page.fill(field, words)
        for click in clicks:
            page.locator(click).first.click()
        page.wait_for_load_state()
        self.shoot(page, name)


def of_empty(hub, now, show):
    for name, given in ACCOUNTS.items():
        accounts.add(hub, name, password=PASSWORD, now=now, **given)
    page = show.enter("tous")
    for path in LISTS:
        show.visit(page, path, f"vide{path.replace('/', '-').rstrip('-') or '-aujourdhui'}")


def of_month(hub, show):
    page = show.enter("tous")
    write_suite_docs_apart(hub, folder(hub))
    found = pages(hub)
    document = min(folder(hub).glob("validations/caf_rsa/*/*/*.html")).relative_to(folder(hub))
    for name, path in (found | {"data-docs-livraison": f"/qualite/documents/{document}"}).items():
        show.visit(page, path, name, wall=True)
    with hub.engine.connect() as connection:
        by_state = dict(connection.exec_driver_sql("select state, max(id) from delivery group by state").all())
    for state, number in by_state.items():
        show.visit(page, f"/livraisons/{number}", f"livraison-{state}")
    for state in STATES:
        show.visit(page, f"/partages/departement_08?etat={state}", f"partage-08-{state}")
    show.visit(page, "/partages/departement_52", "partage-52")
    for flow in ("departement_webrsa", "pole_emploi_usagers"):
        show.visit(page, f"/flux/{flow}", f"flux-{flow}")
        show.visit(page, f"/qualite/{flow}", f"qualite-{flow}")
    what_is_tried(page, found, show)
    what_is_refused(page, found, show)
    for somebody in ("olivia", "rachid", "delphine", "adele", "camille"):
        show.visit(show.enter(somebody), "/", f"aujourdhui-{somebody}")
    partner = show.enter("camille")
    show.visit(partner, "/flux/caf_rsa", "partenaire-flux")
    show.visit(partner, "/partages/caf", "partenaire-partages")
    show.visit(partner, "/quarantaine", "partenaire-refuse")


def what_is_tried(page, found, show):
    """Dry runs, searches, and what the page says after an act."""
    held, applied = found["livraison-retenue"], found["livraison-appliquee"]
    show.try_out(page, held, "essai-accepter", "text=Voir ce que l'accepter ferait")
    show.try_out(
        page,
        applied,
        "essai-annuler",
        "text=Voir ce que cela ferait",
        fill={"#motif-annulation": "fichier d'un autre jour"},
    )
    show.try_out(page, "/partages/departement_52", "essai-partage", "text=Voir ce qui partirait")
    show.try_out(page, "/journal", "journal-verifie", "text=Vérifier toute la chaîne")
    show.try_out(page, "/qualite", "compteur", "text=Compter les questions évitées")
    show.try_out(page, "/flux/caf_rsa", "flux-recompte", "text=Recompter maintenant")
    show.try_out(
        page, "/personnes", "personnes-personne", "text=Chercher", fill={"#naissance": "01/01/1900", "#prenom": "Zoé"}
    )
    show.try_out(
        page, found["personne"], "personne-devoilee", "text=Dévoiler le numéro", fill={"#motif": "demande d'accès"}
    )
    show.try_out(page, found["quarantaine-enregistrement"], "quarantaine-relue", "text=Relire l'enregistrement")
    show.try_out(page, found["quarantaine-enregistrement"], "quarantaine-devoilee", "text=Dévoiler l'enregistrement",
                 fill={"#motif-devoiler": "appel de la CAF"})  # fmt: skip
    show.try_out(
        page,
        "/partages/departement_08",
        "partage-coupe",
        "button:text('Couper les envois')",
        fill={"#motif-coupure": "maintenance annoncée"},
    )
    show.visit(page, "/partages", "partages-coupe")
    show.try_out(page, "/partages/departement_08", "partage-retabli", "text=Rétablir les envois")
    show.try_out(page, "/", "alerte-prise", "section:has(#alarmes) >> text=Prendre en charge")
    show.visit(page, "/quarantaine?flux=caf_rsa&regle=not_future", "quarantaine-sans-resultat")
    show.visit(page, "/journal?partenaire=departement_52&mois=2025-01", "journal-sans-resultat")


def what_is_refused(page, found, show):
    """Wrong addresses, forms with errors, no right, no session any more."""
    show.visit(page, "/nulle-part", "adresse-inconnue")
    show.visit(page, "/livraisons/abc", "adresse-incomprise")
    show.visit(page, "/personnes/00000000-0000-0000-0000-000000000000", "personne-inconnue")
    page.goto(show.address + found["livraison-appliquee"])
    page.evaluate(
        "document.querySelectorAll('[minlength]').forEach(each => { each.removeAttribute('minlength'); each.required = false })"
    )
    page.click("text=Voir ce que cela ferait")
    show.shoot(page, "formulaire-sans-motif")
    page.goto(f"{show.address}/partages/departement_52")
    page.evaluate("document.querySelectorAll('[name=jeton]').forEach(each => { each.value = 'faux' })")
    page.click("text=Voir ce qui partirait")
    show.shoot(page, "formulaire-perime")
    show.visit(show.enter("olivia"), "/personnes", "acces-refuse")
    gone = show.enter("olivia")
    gone.context.clear_cookies()
    show.visit(gone, "/quarantaine", "session-finie")
    gone.fill("#nom", "olivia")
    gone.fill("#mot_de_passe", "ce n'est pas cela")
    gone.click("main button")
    show.shoot(gone, "connexion-refusee")


def main() -> None:
    """Set the worlds up, one after the other, and take the pictures."""
    pictures = Path(sys.argv[1]) if len(sys.argv) > 1 else ARTEFACTS / "galerie"
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        Path(place).chmod(0o755)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        server = embedded_server(Path(place) / "server" / "postgres")
        now = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
        for name in ("vide", "mois"):
            create_database(server, name)
        hub = new_hub(Path(place) / "vide", server.set(database="vide"))
        upgrade(hub.engine)
        with screens(hub, clock=lambda: now) as address:
            of_empty(hub, now - timedelta(days=1), Gallery(browser, address, pictures))
        upgrade(new_hub(Path(place) / "neuf", server.set(database="mois")).engine)
        with (
            month_of_incidents(Path(place) / "mois", server.set(database="mois")) as (hub, hour),
            screens(hub, clock=lambda: hour) as address,
        ):
            show = Gallery(browser, address, pictures)
            of_month(hub, show)
            page = show.enter("olivia")
            drop_database(server, "mois")
            show.visit(page, "/", "panne")
        browser.close()


if __name__ == "__main__":
    main()
