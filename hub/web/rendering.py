"""Pages: templates, their French filters, and what each of them may link to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from hub.monitoring.runbook import runbook
from hub.web import french
from hub.web.gate import EVERYBODY, STAFF, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from starlette.responses import Response

    from hub.web.accounts import Account
    from hub.web.screens import Screens


def marked(words: str) -> Markup:
    """A sentence of the runbook: what stands between backticks is something to type."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(words))))  # noqa: S704 - escaped just before


FILTERS = {
    "number": french.number, "capped": french.capped, "percent": french.percent, "when": french.when, "day": french.day,
    "state": french.state_name, "partner": french.partner_name, "size": french.size, "seconds": french.seconds,
    "kind": french.kind_name, "alarm": french.alarm_name, "help": runbook().root.get, "rule": french.rule_name, "message_state": french.message_state,
    "field": french.field_name, "role": french.role_name, "action": french.action_name, "case_kind": french.case_kind,
    "value": french.value_shown, "told": french.told, "alarm_told": french.alarm_told, "month": french.month_name,
    "marked": marked, "long_day": french.long_day, "chance": french.chance, "hours": french.hours, "flows_named": french.flows_named, "act": french.act_name,
    "messages_title": french.messages_title, "messages_meaning": french.messages_meaning,
}  # fmt: skip

# What the navigation shows, and to whom.
NAVIGATION = (
    ("aujourdhui", "Aujourd'hui", EVERYBODY),
    ("flux", "Flux", EVERYBODY),
    ("quarantaine", "Quarantaine", STAFF),
    ("rapprochements", "Rapprochements", frozenset({"reviewer", "dpo"})),
    ("personnes", "Personnes", frozenset({"reviewer", "dpo"})),
    ("partages", "Partages", EVERYBODY),
    ("qualite", "Qualité", STAFF),
    ("journal", "Journal", STAFF),
    ("comptes", "Comptes", frozenset({"administrator"})),
)

# The page of the navigation that a page belongs to, where its name does not say.
SECTIONS = {
    "aide.html": "aujourdhui",
    "livraison.html": "flux",
    "partage.html": "partages",
    "consultations.html": "journal",
}

# What a page says after an action, by the word its address carries: never anything else.
SAID = {
    "prise_en_charge": "Vous avez pris l'alerte en charge.",
    "alerte_close": "L'alerte est close.",
    "liberee": "La livraison est acceptée : elle est relue et appliquée. Rechargez la page dans un instant.",
    "refusee": "La livraison est refusée : rien n'en est appliqué.",
    "annulee": "La livraison est annulée.",
    "recompte": "Le registre est recompté, fiche par fiche. Rechargez la page dans un instant.",
    "rejoue": "L'enregistrement a été relu et accepté.",
    "encore_refuse": "L'enregistrement a été relu : il est encore refusé, pour la raison ci-dessous.",
    "rejeu_lance": "Les enregistrements sont relus un à un. Rechargez la page dans un instant.",
    "abandonne": "L'enregistrement est abandonné.",
    "meme": "Décision enregistrée : même personne. Voici le cas suivant.",
    "distinctes": "Décision enregistrée : personnes distinctes. Voici le cas suivant.",
    "ne_sait_pas": "Décision enregistrée : je ne sais pas. Voici le cas suivant.",
    "avis_garde": "Avis enregistré. Le calcul dit nettement le contraire : une deuxième personne doit dire la même chose.",
    "relance": "Ces messages sont de nouveau en attente : ils partiront au prochain envoi, ou dès que vous le demandez.",
    "coupe": "Les envois sont coupés : ce qui doit être dit à ce partenaire attend.",
    "retabli": "Les envois sont rétablis.",
    "envoi_lance": "L'envoi est en cours. Rechargez la page dans un instant.",
    "documents_demandes": "Les Data Docs sont en cours d'écriture : une dizaine de secondes. Rechargez la page dans un instant.",
    "deconnecte": "Vous êtes déconnecté.",
}


environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
environment.filters |= FILTERS
environment.tests["startswith"] = str.startswith


def wants_html(request: Request) -> bool:
    """Whether somebody looks, rather than a program."""
    return "text/html" in request.headers.get("accept", "")


def path_to(request: Request, name: str, /, **given: Any) -> str:
    """The path of a page, wherever the screens are mounted."""
    return f"{request.scope.get('root_path', '')}{request.app.url_path_for(name, **given)}"


def render(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """A page, in the language and with the navigation of whoever asked."""
    screens: Screens = request.app.state.screens
    account: Account | None = getattr(request.state, "account", None)
    about = {
        "account": account,
        "roles": account.roles if account else frozenset(),
        "has": lambda *roles: bool(account and account.roles & set(roles)),
        "token": Tokens(secret=screens.secret).make(account.name) if account else "",
        "signs_in": screens.signs_in,
        "navigation": [item for item in NAVIGATION if account and account.roles & item[2]],
        "labels": {name: flow.label for name, flow in screens.hub.flows.items()},
        "said": SAID.get(request.query_params.get("fait", "")),
        "to": lambda name, /, **given: path_to(request, name, **given),
        "page": SECTIONS.get(template, template.removesuffix(".html")),
    }
    return HTMLResponse(french.typeset(environment.get_template(template).render(about | shown)), status_code=status)


def go(
    request: Request,
    name: str,
    /,
    *,
    said: str | None = None,
    query: Mapping[str, str] | None = None,
    place: str = "",
    **given: Any,
) -> Response:
    """To another page after an action, which it names; at a ``place`` of it."""
    address = path_to(request, name, **given)
    asked = {"fait": said, **(query or {})}
    shown = urlencode({key: value for key, value in asked.items() if value})
    asked_for = f"{address}?{shown}" if shown else address
    return RedirectResponse(f"{asked_for}#{place}" if place else asked_for, status_code=303)
