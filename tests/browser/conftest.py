"""A real Chromium on a hub after its month of incidents."""

from __future__ import annotations

import itertools
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from world import PASSWORD, month_of_incidents

from hub.opening import Hub
from hub.storage.store import create_database, drop_database
from hub.web.serving import screens

REFUSED = "the server responded with a status of 40"  # the browser says so of every page that refuses
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "screens"


COPIES = itertools.count(1)


@pytest.fixture(scope="session")
def played(postgres, tmp_path_factory):
    """A hub after the month, as nobody has touched it, and the hour it is there."""
    create_database(postgres, "browser", template="hub_template")
    with month_of_incidents(tmp_path_factory.mktemp("month"), postgres.set(database="browser")) as (hub, hour):
        hub.engine.dispose()  # a store that is copied has nobody in it
        yield hub, hour
    drop_database(postgres, "browser")


@contextmanager
def copied(postgres, played):
    """A copy of that hub with a store of its own, the hour it is there, and the address of its screens."""
    first, hour = played
    name = f"browser_{next(COPIES)}"
    create_database(postgres, name, template="browser")
    url = postgres.set(database=name).render_as_string(hide_password=False)
    hub = Hub(first.settings.model_copy(update={"database_url": url}))
    vars(hub)["flows"] = first.flows
    try:
        with screens(hub, clock=lambda: hour) as address:
            yield hub, hour, address
    finally:
        hub.engine.dispose()
        drop_database(postgres, name)


@pytest.fixture(scope="session")
def copies(postgres, played):
    """Makes a hub as it is after the month, for whoever is going to work on it."""
    return lambda: copied(postgres, played)


@pytest.fixture(scope="module")
def month(copies):
    """The hub, the hour it is there, and the address of its screens, for the tests of a file."""
    with copies() as found:
        yield found


@pytest.fixture
def hub(month):
    return month[0]


@pytest.fixture
def address(month):
    return month[2]


@pytest.fixture
def sign_in(chromium, address):
    """Signs somebody in, in a window of their own; whatever the page refuses to load or run fails the test."""
    windows, complaints = [], []

    def enter(name, **window):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "fr-FR"} | window)
        windows.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/connexion")
        page.fill("#nom", name)
        page.fill("#mot_de_passe", PASSWORD)
        page.click("main button")
        page.wait_for_selector("h1")
        return page

    yield enter
    for context in windows:
        context.close()
    assert [each for each in complaints if REFUSED not in each] == []


@pytest.fixture(scope="session")
def shoot():
    """Keeps a picture of a page among the artefacts."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
