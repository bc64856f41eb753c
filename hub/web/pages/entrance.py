"""The way in and out, and whether the screens are well."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from hub.web.accounts import check, end_sessions, listed
from hub.web.gate import Administrator, Anybody, Refused
from hub.web.rendering import go, path_to, render
from hub.web.screens import Screens, here
from hub.web.sessions import COOKIE

router = APIRouter()
Here = Annotated[Screens, Depends(here)]


@router.get("/sante")
def health(screens: Here) -> dict[str, str]:
    """Whether the store answers; says nothing else, and to anybody."""
    with screens.hub.engine.connect() as connection:
        connection.exec_driver_sql("select 1")
    return {"etat": "ok"}


@router.get("/connexion", name="connexion")
def sign_in_page(request: Request, screens: Here) -> Response:
    """The form to sign in with."""
    if not screens.signs_in:
        return RedirectResponse("/", status_code=303)
    return render(request, "connexion.html", next_path=None)


@router.post("/connexion")
def sign_in(
    request: Request,
    screens: Here,
    name: Annotated[str, Form(alias="nom", max_length=60)],
    password: Annotated[str, Form(alias="mot_de_passe", max_length=200)],
    next_path: Annotated[str, Form(alias="suite", max_length=400)] = "",
) -> Response:
    """Open a session, if the password is right and the form was ours."""
    if not screens.signs_in or request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refused
    account = check(screens.hub, name.strip().lower(), password, now=screens.clock())
    if account is None:
        return render(request, "connexion.html", status=401, next_path=next_path, failed=True)
    ours = next_path.startswith("/") and not next_path.startswith(("//", "/\\"))
    response = RedirectResponse(next_path if ours else path_to(request, "aujourdhui"), status_code=303)
    request.app.state.sessions.start(response, request, account.name)
    return response


@router.post("/deconnexion", name="deconnexion")
def sign_out(request: Request, screens: Here, me: Anybody) -> Response:
    """End every session of the account, on every machine."""
    end_sessions(screens.hub, me.name, now=screens.clock())
    response = go(request, "connexion", said="deconnecte")
    response.delete_cookie(COOKIE, path=request.scope.get("root_path") or "/")
    return response


@router.get("/comptes", name="comptes")
def accounts(request: Request, screens: Here, me: Administrator) -> Response:  # noqa: ARG001 - it guards
    """Who may use the screens; the command line opens and closes accounts."""
    return render(request, "comptes.html", accounts=listed(screens.hub))
