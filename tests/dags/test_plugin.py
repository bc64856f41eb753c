"""The screens inside Airflow: a real api-server, its own sign-in, and the hub's account of the same name."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

sys.path.append(str(Path(__file__).parents[1] / "integration"))
sys.path.append(str(Path(__file__).parents[1] / "browser"))

from cycle import turn
from dealing import FOUR

from hub.one_machine.airflow_home import AirflowHome, prepare_metadata
from hub.one_machine.processes import Processes
from hub.opening import Hub
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.settings import Settings
from hub.storage.vault import open_vault
from hub.web import accounts

pytestmark = pytest.mark.airflow

PAGE = {"accept": "text/html"}
PATIENCE = 240


@pytest.fixture(scope="module")
def airflow(postgres, tmp_path_factory):
    """The address of an api-server beside a hub, the hub, and Airflow's password."""
    from hub.storage.store import create_database, drop_database

    home = tmp_path_factory.mktemp("plugin")
    create_database(postgres, "plugin_hub", template="hub_template")
    url = postgres.set(database="plugin_hub")
    hub = Hub(Settings(home=home / "hub", database_url=url.render_as_string(hide_password=False)))
    open_vault(hub.settings.keys, create=True)
    beside = AirflowHome.create(
        home / "airflow", hub_home=home / "hub", hub_database=url, airflow_database=postgres.set(database="airflow")
    )
    prepare_metadata(postgres, beside, fresh=True, tell=lambda _: None)
    with Processes(beside, components=("api-server",)) as processes:
        until_up(beside.address, processes)
        yield beside.address, hub, beside.password
    hub.engine.dispose()
    for name in ("plugin_hub", "airflow"):
        drop_database(postgres, name)


def until_up(address, processes):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        processes.check()
        try:
            if httpx.get(f"{address}/api/v2/version").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail("the api-server did not start")


def token(address, password):
    answer = httpx.post(f"{address}/auth/token", json={"username": "admin", "password": password})
    return answer.json()["access_token"]


def test_the_screens_ask_airflow_who_somebody_is_and_the_hub_what_they_may_do(airflow):
    address, hub, password = airflow

    stranger = httpx.get(f"{address}/hub/", headers=PAGE)
    assert stranger.status_code == 401
    assert "Connectez-vous à Airflow" in stranger.text
    assert httpx.get(f"{address}/hub/journal").status_code == 401

    known = {"authorization": f"Bearer {token(address, password)}"}
    assert httpx.get(f"{address}/hub/", headers=PAGE | known).status_code == 403

    accounts.add(hub, "admin", roles=["operator"], password="x" * 12, now=datetime.now(tz=UTC))
    shown = httpx.get(f"{address}/hub/", headers=PAGE | known)
    assert shown.status_code == 200
    assert "Aujourd" in shown.text
    assert 'href="/hub/flux"' in shown.text
    assert "Se déconnecter" not in shown.text
    assert httpx.get(f"{address}/hub/static/hub.css").status_code == 200
    assert httpx.get(f"{address}/hub/personnes", headers=PAGE | known).status_code == 403


def test_a_session_cookie_of_airflow_opens_them_as_its_own_pages_do(airflow):
    address, hub, password = airflow
    if accounts.find(hub, "admin") is None:
        accounts.add(hub, "admin", roles=["operator"], password="x" * 12, now=datetime.now(tz=UTC))

    cookie = {"_token": token(address, password)}

    assert httpx.get(f"{address}/hub/flux", headers=PAGE, cookies=cookie).status_code == 200
    assert httpx.get(f"{address}/hub/flux", headers=PAGE, cookies={"_token": "faux"}).status_code == 401


def test_airflow_shows_them_in_its_navigation(airflow):
    address, _, password = airflow

    plugins = httpx.get(
        f"{address}/api/v2/plugins", headers={"authorization": f"Bearer {token(address, password)}"}
    ).json()["plugins"]

    (ours,) = [plugin for plugin in plugins if plugin["name"] == "hub"]
    assert ours["external_views"][0]["href"] == "hub/"


class Mouse:
    """Clicks within the frame that Airflow shows the screens in."""

    def __init__(self, frame):
        self.frame, self.clicks = frame, 0

    def press(self, words):
        self.clicks += 1
        self.frame.locator("a, button, summary").filter(has_text=words).first.click()

    def write(self, field, words):
        self.clicks += 1
        self.frame.locator(field).click()
        self.frame.locator(field).fill(words)


@pytest.fixture
def morning(airflow, tmp_path):
    """The same, with one of each thing waiting, and somebody who may deal with all of them."""
    _, hub, _ = airflow
    with Sandbox(tmp_path / "partners", seed=7, size=160) as partners:
        write_connections(hub.settings.secrets, partners)
        partners.deposit_day(0)
        turn(hub, partners, lambda: datetime.now(tz=UTC))
        partners.deposit_morning()
        turn(hub, partners, lambda: datetime.now(tz=UTC))
        if accounts.find(hub, "admin") is None:
            accounts.add(hub, "admin", roles=["operator"], password="x" * 12, now=datetime.now(tz=UTC))
        with hub.engine.begin() as connection:
            connection.execute(text("update account set roles = '{operator,reviewer}' where name = 'admin'"))
        yield airflow


def test_what_waits_in_the_morning_is_dealt_with_without_leaving_airflow(morning, chromium):
    address, hub, password = morning
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(30_000)
    page.goto(address)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.click("text=Dites-le-nous une fois")
    page.wait_for_selector("iframe")
    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_selector("text=À faire maintenant")
    mouse = Mouse(frame)
    for deal in FOUR:
        deal(frame, hub, mouse)
    assert mouse.clicks == 14, "three or four for each, the reason's field among them"
    assert frame.locator("nav[aria-label=Pages]").count() == 1
    assert page.url.startswith(address), "all of it within Airflow's own page"
    page.close()
