"""How the pretend France Travail writes its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Response

if TYPE_CHECKING:
    from fastapi import Request

    from hub.sandbox.france_travail.people import FtPerson


class Refusal(Exception):
    """An answer that ends the request."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def as_json(status: int, body: Any) -> Response:
    return Response(status_code=status, content=orjson.dumps(body), media_type="application/json")


def as_read(body: Any) -> Response:
    """What a read gives: 204 when there is nothing."""
    return Response(status_code=204) if body is None else as_json(200, body)


def coded(status: int, code: str, message: str, *, absent: str | None = None) -> Response:
    """Every search answer has the four fields; ``absent`` is how the empty ones are written."""
    body = {"codeRetour": code, "message": message, "topIdentiteCertifiee": absent, "jetonUsager": absent}
    return as_json(status, body)


def bad_input() -> Response:
    return coded(400, "R997", "Données en entrée incorrectes")


def nobody() -> Response:
    return coded(200, "S002", "Aucun usager proche", absent="null")


def several() -> Response:
    return coded(200, "S003", "Plusieurs usagers correspondent", absent="null")


def recognised(person: FtPerson, token: str) -> Response:
    certified = "O" if person.certified else "N"
    said = {"codeRetour": "S001", "message": "Usager trouvé", "topIdentiteCertifiee": certified, "jetonUsager": token}
    return as_json(200, said)


def refusal_of(person: FtPerson) -> Response | None:
    """Why nobody may read this user, if so."""
    if person.odd_status:
        return Response(status_code=person.odd_status)
    if not person.entitled:
        return coded(403, "R001", "Utilisateur non habilité à accéder à cet usager")
    if not person.attached:
        return coded(403, "R002", "Usager non rattaché à votre structure")
    if not person.has_address:
        return coded(500, "R998", "Erreur d'un service interne")
    return None


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object sent; anything else is bad input."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise Refusal(bad_input()) from None
    if not isinstance(body, dict):
        raise Refusal(bad_input())
    return body
