"""People who use the screens, over a real connection."""

from __future__ import annotations

import re

import httpx

from hub.web import accounts

PASSWORD = "un mot de passe d'essai"
ROLES = ("operator", "reviewer", "dpo", "administrator", "partner")
PAGE = {"accept": "text/html"}


def open_accounts(hub, now):
    """One account a role, named after it; the partner's is the CAF's."""
    for role in ROLES:
        partner = "caf" if role == "partner" else None
        accounts.add(hub, role, roles=[role], partner=partner, password=PASSWORD, now=now)


def visitor(address, name=None, password=PASSWORD):
    """A browser without a screen; signed in when it has a name."""
    limits = httpx.Limits(max_keepalive_connections=0)  # nothing is left open when a test ends
    client = httpx.Client(base_url=address, headers=PAGE, timeout=60, limits=limits)
    if name is not None:
        answer = client.post("/connexion", data={"nom": name, "mot_de_passe": password})
        assert answer.status_code == 303, answer.status_code
    return client


def token(client, page="/"):
    """The token of the forms of a page."""
    return re.search(r'name="jeton" value="([^"]+)"', client.get(page).text)[1]
