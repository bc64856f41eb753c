"""The web application: runnable alone, or mounted in Airflow. Every page but the way in asks who you are."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from hub.monitoring.discretion import discreet, told
from hub.web.gate import Refused, TooOld, Unknown
from hub.web.metrics import metrics_router
from hub.web.pages import (
    deliveries,
    documents,
    entrance,
    flows,
    journal,
    outbox,
    people,
    quality,
    quarantine,
    reviews,
    today,
)
from hub.web.rendering import render, wants_html
from hub.web.screens import Screens
from hub.web.sessions import COOKIE, Sessions
from schemas.errors import FixTheDeclaration, HubError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from hub.opening import Hub
    from hub.web.accounts import Account

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PAGES = (entrance, today, flows, deliveries, quarantine, reviews, people, outbox, documents, quality, journal)


def clock() -> datetime:
    """The time, read where a request begins."""
    return datetime.now(tz=UTC)  # noqa: TID251 - the one clock of the screens


def create_app(
    hub: Hub,
    *,
    clock: Callable[[], datetime] = clock,
    who: Callable[[Request], Awaitable[Account | None]] | None = None,
) -> FastAPI:
    """Build the application on an opened hub. ``who`` recognises people where the screens are mounted; else they sign in."""
    secret = hub.vault.hash("screens", b"forms and sessions", size=64)
    sessions = Sessions(hub=hub, secret=secret, clock=clock)
    app = FastAPI(title="Hub", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.screens = Screens(hub=hub, clock=clock, who=who or sessions.who, secret=secret, signs_in=who is None)
    app.state.sessions = sessions
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for page in PAGES:
        app.include_router(page.router)
    app.add_exception_handler(Unknown, _unknown)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(FixTheDeclaration, _not_any_more)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(DataError, _not_understood)

    @app.middleware("http")
    async def careful(request: Request, call_next: Any) -> Response:
        try:
            with discreet():
                response: Response = await call_next(request)
        except HubError as error:
            log.error("%s %s: %s", request.method, _route(request), error)  # noqa: TRY400 - no trace
            response = render(request, "panne.html", status=500)
        response.headers.update(SECURITY_HEADERS)
        session = getattr(request.state, "session", None)
        if session is not None and COOKIE not in response.headers.get("set-cookie", ""):
            sessions.give(response, request, session)
        return response

    app.include_router(metrics_router(hub))
    return app


def _unknown(request: Request, _: Exception) -> Response:
    if not wants_html(request):
        return JSONResponse({"detail": "non identifié"}, status_code=401)
    return render(request, "connexion.html", status=401, next_path=request.url.path)


def _refused(request: Request, why: Exception) -> Response:
    if not wants_html(request):
        return JSONResponse({"detail": "non autorisé"}, status_code=403)
    return render(request, "refuse.html", status=403, too_old=isinstance(why, TooOld))


async def _no_such_page(request: Request, why: Exception) -> Response:
    """An address nobody made, or asked in a way it does not take; whoever has signed in keeps the menu."""
    status = getattr(why, "status_code", 404)
    if not wants_html(request):
        return JSONResponse({"detail": "introuvable"}, status_code=status)
    request.state.account = await request.app.state.screens.who(request)
    return render(request, "adresse.html", status=status)


def _not_any_more(request: Request, _: Exception) -> Response:
    """What was asked for is not there, or somebody else has dealt with it in the meantime."""
    return render(request, "introuvable.html", status=404 if request.method == "GET" else 409)


def _not_understood(request: Request, why: Exception) -> Response:
    """Something typed will not do, or is no value a store can hold: a number beyond all, a character that is none. It is not repeated."""
    if isinstance(why, DataError):
        log.warning("%s %s: %s", request.method, _route(request), told(why))
    return render(request, "incomprise.html", status=422)


def _route(request: Request) -> str:
    """The route asked for, without what stood in its place: that is somebody's."""
    return getattr(request.scope.get("route"), "path", "?")
