"""The screens inside Airflow: a real api-server, its own sign-in, and the hub's account of the same name."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import pytest

from hub.one_machine.airflow_home import AirflowHome, prepare_metadata
from hub.one_machine.processes import Processes
from hub.opening import Hub
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
