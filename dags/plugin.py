"""The hub's screens inside Airflow's own: mounted under /hub, opened when first asked for, seen by whom Airflow knows.

Airflow says who somebody is; the hub's own account of the same name says what they may see and do. Without one, nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from hub.web.accounts import Account


@cache
def screens() -> FastAPI:
    """The application, on the hub of this environment."""
    from hub.opening import open_hub
    from hub.web.app import create_app

    hub = open_hub()

    async def who(request: Request) -> Account | None:
        name = await known_to_airflow(request)
        return None if name is None else await account_of(hub, name)

    return create_app(hub, who=who)


async def known_to_airflow(request: Request) -> str | None:
    """The name Airflow knows whoever asks by; None when it knows nobody."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
    from fastapi import HTTPException

    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        return None
    return str(user.get_name())


async def account_of(hub: Any, name: str) -> Account:
    """The account of that name; one that may do nothing when there is none."""
    from fastapi.concurrency import run_in_threadpool

    from hub.web.accounts import Account, find

    return await run_in_threadpool(find, hub, name) or Account(name=name, roles=frozenset())


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    """What Airflow mounts: nothing is opened before somebody asks."""
    await screens()(scope, receive, send)


class HubPlugin(AirflowPlugin):
    name = "hub"
    fastapi_apps = [{"app": mounted, "url_prefix": "/hub", "name": "hub"}]  # noqa: RUF012 - as Airflow reads it
    external_views = [  # noqa: RUF012
        {
            "name": "Dites-le-nous une fois",
            "href": "hub/",
            "destination": "nav",
            "url_route": "hub",
            "nav_top_level": True,
        }
    ]
