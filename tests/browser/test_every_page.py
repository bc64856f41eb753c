"""Every page: no accessibility violation, nothing wider than the screen, light and dark; a picture of each is kept."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import text

from hub.web.pages.documents import folder
from hub.web.suite_docs import write_suite_docs_apart

pytestmark = pytest.mark.integration

WIDTHS = (320, 1280, 3840)
SCHEMES = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
LANDMARKS = {
    "French": "document.documentElement.lang === 'fr'",
    "one main": "document.querySelectorAll('main').length === 1",
    "one title of its own": "document.querySelectorAll('h1').length === 1",
    "a header and a footer": "!!document.querySelector('body > header') && !!document.querySelector('body > footer')",
    "every menu has a name": "[...document.querySelectorAll('nav')].every(each => each.ariaLabel)",
    "where one is in the menu": "document.title.startsWith('Introuvable') || !!document.querySelector('nav[aria-label=Pages] [aria-current=page]')",
    "every table has a caption, a head and its columns": """[...document.querySelectorAll('main > :not(.document) table')]
        .every(each => each.caption && each.tHead && [...each.tHead.querySelectorAll('th')].every(th => th.scope === 'col'))""",
    "every field has a label": """[...document.querySelectorAll('input:not([type=hidden]), select')]
        .every(each => each.labels.length > 0)""",
    "no level of title is skipped": """[...document.querySelectorAll('h1, h2, h3, h4')].map(each => +each.tagName[1])
        .every((level, place, all) => level <= (all[place - 1] ?? 0) + 1)""",
}
FOCUS_SHOWS = """(() => { const style = getComputedStyle(document.activeElement);
    return document.activeElement === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) })()"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def pages(hub):
    """Every page somebody can open, by the name of its picture."""
    one = {
        "held": "select max(id) from delivery where state = 'held'",
        "applied": "select max(id) from delivery where state = 'applied' and flow = 'caf_rsa'",
        "record": "select 'L' || delivery_id || '-E' || record from quarantine order by id limit 1",
        "case": "select min(id) from review_case where closed_at is null",
        "person": "select person_id from disclosure order by position limit 1",
    }
    with hub.engine.connect() as connection:
        found = {name: connection.execute(text(asked)).scalar_one() for name, asked in one.items()}
    return {
        "aujourdhui": "/",
        "aide": "/aide",
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
        "data-docs": "/qualite/documents/index.html",
        "journal": "/journal",
        "consultations": "/journal/consultations",
        "comptes": "/comptes",
        "introuvable": "/livraisons/999999",
    }


@pytest.fixture(scope="module")
def documents(month):
    """The Data Docs, written once; gives one of their pages beside the first."""
    hub = month[0]
    write_suite_docs_apart(hub, folder(hub))
    return min(folder(hub).glob("validations/caf_rsa/*/*/*.html")).relative_to(folder(hub))


def test_every_page_is_accessible_and_fits_from_a_phone_to_a_wall(hub, address, sign_in, shoot, documents):
    page = sign_in("tous")
    faults = {}
    for name, path in (pages(hub) | {"data-docs-livraison": f"/qualite/documents/{documents}"}).items():
        page.goto(address + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate(TOO_WIDE):
                faults[f"{name}: too wide at {width}"] = []
            if width < 3840:
                faults |= violations(page, name, width)
                if page.evaluate(TOO_WIDE):
                    faults[f"{name}: too wide at {width}, all unfolded"] = []
                folded(page, unfolded=False)
                shoot(page, f"{name}-{width}")

    assert faults == {}


def violations(page, name, width):
    """What axe finds with everything unfolded, by all its rules, in the light and then in the dark."""
    folded(page, unfolded=True)
    found = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for each in Axe().run(page, options=RULES).response["violations"]:
            found[f"{name}, {scheme}, {width}: {each['id']}"] = [node["html"][:120] for node in each["nodes"][:3]]
    page.emulate_media(color_scheme="light")
    return found


def folded(page, *, unfolded):
    page.evaluate("open => document.querySelectorAll('details').forEach(each => each.open = open)", unfolded)


def test_every_page_can_be_found_ones_way_in_without_seeing_it(hub, address, sign_in, documents):
    page = sign_in("tous")
    titles, faults = {}, {}
    for name, path in (pages(hub) | {"data-docs-livraison": f"/qualite/documents/{documents}"}).items():
        page.goto(address + path)
        titles[name] = page.title()
        missing = [what for what, there in LANDMARKS.items() if not page.evaluate(there)]
        page.keyboard.press("Tab")
        if "Aller au contenu" not in page.evaluate("document.activeElement.innerText"):
            missing.append("the first stop skips to the content")
        page.keyboard.press("Enter")
        if page.evaluate("document.activeElement.id") != "contenu":
            missing.append("skipping leads to the content")
        page.keyboard.press("Tab")
        if not page.evaluate(FOCUS_SHOWS):
            missing.append("one sees where one is")
        faults |= {name: missing} if missing else {}

    assert faults == {}
    assert len(set(titles.values())) == len(titles), "no two pages have one title"


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
    figure = page.locator("figure", has_text="Ce qui a été mesuré")
    drawing = figure.locator("svg.drawing")
    points = drawing.locator("g").first.locator(".mark").count()
    rows = figure.locator("tbody tr").count()
    shoot(page, "impression-qualite")

    assert len(dashes) == lines.count() == 3, "each line has its own dash"
    assert drawing.get_attribute("role") == "img"
    assert "tableau" in drawing.get_attribute("aria-label")
    assert rows == points > 20, "each point is a row of the table"
