"""Every page: no accessibility violation, nothing wider than the screen, light and dark; a picture of each is kept."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import text

pytestmark = pytest.mark.integration

WIDTHS = (320, 1280, 3840)
DARK = {"aujourdhui", "flux-caf", "rapprochement", "personne"}  # whose picture is kept in the dark too
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
COLOURS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def pages(hub):
    """Every page somebody can open, by the name of its picture."""
    one = {
        "held": "select id from delivery where state = 'held' limit 1",
        "applied": "select max(id) from delivery where state = 'applied' and flow = 'caf_rsa'",
        "record": "select 'L' || delivery_id || '-E' || record from quarantine order by id limit 1",
        "case": "select min(id) from review_case where closed_at is null",
        "person": "select person_id from disclosure order by position limit 1",
    }
    with hub.engine.connect() as connection:
        found = {name: connection.execute(text(asked)).scalar_one() for name, asked in one.items()}
    return {
        "aujourdhui": "/",
        "flux": "/flux",
        "flux-caf": "/flux/caf_rsa",
        "livraison-retenue": f"/livraisons/{found['held']}",
        "livraison-appliquee": f"/livraisons/{found['applied']}",
        "quarantaine": "/quarantaine",
        "quarantaine-enregistrement": f"/quarantaine/{found['record']}",
        "rapprochements": "/rapprochements",
        "rapprochement": f"/rapprochements/{found['case']}",
        "personnes": "/personnes",
        "personne": f"/personnes/{found['person']}",
        "partages": "/partages",
        "partage-pole-emploi": "/partages/pole_emploi",
        "partage-caf": "/partages/caf",
        "qualite": "/qualite",
        "qualite-caf": "/qualite/caf_rsa",
        "journal": "/journal",
        "consultations": "/journal/consultations",
        "comptes": "/comptes",
        "introuvable": "/livraisons/999999",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_from_a_phone_to_a_wall(hub, address, sign_in, shoot, scheme):
    page = sign_in("tous", color_scheme=scheme)
    rules = RULES if scheme == "light" else COLOURS
    faults = {}
    for name, path in pages(hub).items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(address + path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = Axe().run(page, options=rules).response["violations"]
        faults |= {
            f"{name}, {scheme}: {each['id']}": [node["html"][:120] for node in each["nodes"][:3]] for each in found
        }
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
        for width in WIDTHS if scheme == "light" else (1280,):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate(TOO_WIDE):
                faults[f"{name}, {scheme}: too wide at {width}"] = []
            if width < 3840 and (scheme == "light" or name in DARK):
                shoot(page, f"{name}-{width}-{scheme}")

    assert faults == {}


def test_signing_in_and_being_refused_are_accessible_too(address, chromium, sign_in, shoot):
    with chromium.new_context(viewport={"width": 320, "height": 700}) as context:
        page = context.new_page()
        page.goto(address)
        assert Axe().run(page, options=RULES).violations_count == 0
        shoot(page, "connexion-320-light")
    page = sign_in("olivia")
    page.goto(f"{address}/personnes")
    assert "Accès refusé" in page.inner_text("h1")
    assert Axe().run(page, options=RULES).violations_count == 0


def test_a_chart_reads_without_colour_and_without_eyes(address, sign_in, shoot):
    page = sign_in("olivia")
    page.emulate_media(media="print")
    page.goto(f"{address}/qualite/caf_rsa")
    lines = page.locator("svg.drawing .line")
    dashes = {line.evaluate("each => getComputedStyle(each).strokeDasharray") for line in lines.all()}
    drawing = page.locator("svg.drawing").first
    points = page.locator("svg.drawing g").first.locator(".mark").count()
    rows = page.locator("figure").first.locator("tbody tr").count()
    shoot(page, "impression-qualite")

    assert len(dashes) == lines.count() == 3, "each line has its own dash"
    assert drawing.get_attribute("role") == "img"
    assert "tableau" in drawing.get_attribute("aria-label")
    assert rows == points > 20, "each point is a row of the table"
