"""The first screen: French, counts only, careful headers."""

from __future__ import annotations

import httpx
import pytest
from cycle import turn

from hub.web.serving import screens

pytestmark = pytest.mark.integration


def test_an_empty_hub_says_so(hub):
    with screens(hub) as address:
        page = httpx.get(address)

    assert page.status_code == 200
    assert 'lang="fr"' in page.text
    assert "jamais reçue" in page.text


def test_the_screen_shows_counts_and_nobody(hub, partners, clock):
    partners.deposit_day(0)
    turn(hub, partners, clock)

    with screens(hub) as address:
        page = httpx.get(address)

    assert "appliquée" in page.text
    assert "Département 08" in page.text
    assert not any(adult.nir in page.text or adult.email in page.text for adult in partners.population.adults)
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_screens_say_they_are_well(hub):
    with screens(hub) as address:
        assert httpx.get(f"{address}/sante").json() == {"etat": "ok"}
