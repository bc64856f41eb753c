"""The web application: runnable alone, or mounted in Airflow. What it shows are counts, never a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from hub.discretion import discreet
from hub.overview import overview
from hub.web.french import number, partner_name, state_name, when
from hub.web.metrics import metrics_router

if TYPE_CHECKING:
    from starlette.responses import Response

    from hub.opening import Hub

HERE = Path(__file__).parent
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_app(hub: Hub) -> FastAPI:
    """Build the application on an opened hub."""
    app = FastAPI(title="Hub", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    templates = Jinja2Templates(directory=HERE / "templates")
    templates.env.filters |= {"number": number, "when": when, "state": state_name, "partner": partner_name}

    @app.middleware("http")
    async def careful(request: Request, call_next: Any) -> Response:
        with discreet():
            response: Response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    @app.get("/", response_class=HTMLResponse)
    def today(request: Request) -> Response:
        return templates.TemplateResponse(request, "aujourdhui.html", {"seen": overview(hub)})

    app.include_router(metrics_router(hub))

    @app.get("/sante")
    def health() -> dict[str, str]:
        with hub.engine.connect() as connection:
            connection.exec_driver_sql("select 1")
        return {"etat": "ok"}

    return app
