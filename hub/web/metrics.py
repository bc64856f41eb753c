"""``/metrics``: for a monitor that holds the token, and nobody else."""

from __future__ import annotations

from secrets import compare_digest
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from hub.monitoring.metrics import StoreCollector, exposition

if TYPE_CHECKING:
    from starlette.responses import Response

    from hub.opening import Hub


def metrics_router(hub: Hub) -> APIRouter:
    """The route; it answers 401 without the token of ``HUB_METRICS_TOKEN``, and always where none is set."""
    router = APIRouter()
    collector = StoreCollector(hub.engine)

    @router.get("/metrics")
    def metrics(request: Request) -> Response:
        if not _allowed(request, hub.settings.metrics_token):
            return PlainTextResponse(
                "Jeton absent ou inconnu.", status_code=401, headers={"WWW-Authenticate": "Bearer"}
            )
        return PlainTextResponse(exposition(collector), media_type=CONTENT_TYPE_LATEST)

    return router


def _allowed(request: Request, token: str | None) -> bool:
    given = request.headers.get("authorization", "")
    return bool(token) and compare_digest(given.encode(), f"Bearer {token}".encode())
