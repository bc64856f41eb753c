"""Personne: who somebody is, who said it, who was told; each look is written down, and the number stays masked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from hub.identity.explain import explained
from hub.rights import accesses
from hub.web.gate import Insider
from hub.web.queries import people as queries
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from schemas.errors import FixTheDeclaration
from schemas.nir import Nir

if TYPE_CHECKING:
    from hub.web.accounts import Account

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
Reason = Annotated[str, Form(alias="motif", min_length=3, max_length=300)]


@router.get("/personnes", name="personnes")
def search_page(request: Request, screens: Here, me: Insider) -> Response:  # noqa: ARG001 - it guards
    """The form to find somebody with: what is typed never stands in an address."""
    return render(request, "personnes.html", found=None)


@router.post("/personnes", name="personnes_chercher")
def search(
    request: Request,
    screens: Here,
    me: Insider,
    number: Annotated[str, Form(alias="nir", max_length=30)] = "",
    born: Annotated[str, Form(alias="naissance", max_length=10)] = "",
    first_name: Annotated[str, Form(alias="prenom", max_length=60)] = "",
) -> Response:
    """Whoever has that number, or was born that day with that first name; at most twenty."""
    with screens.hub.engine.begin() as connection:
        accesses.note(
            connection, account=me.name, action="personnes_cherchees", subject="recherche", now=screens.clock()
        )
        persons = queries.by_number(connection, screens.hub.vault, number) if number.strip() else []
        day = _day(born)
        if not persons and day is not None:
            persons = queries.by_civil_status(connection, day, first_name)
        found = queries.summaries(connection, persons)
    return render(request, "personnes.html", found=found)


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


@router.get("/personnes/{number}", name="personne")
def person(request: Request, screens: Here, me: Insider, number: UUID) -> Response:
    """The dossier of a person."""
    return _person(request, screens, me, number, reason=None)


@router.post("/personnes/{number}", name="personne_devoiler")
def unmask(request: Request, screens: Here, me: Insider, number: UUID, reason: Reason) -> Response:
    """The same with the number in clear, for a reason that is kept."""
    return _person(request, screens, me, number, reason=reason)


def _person(request: Request, screens: Screens, me: Account, number: UUID, *, reason: str | None) -> Response:
    hub = screens.hub
    with hub.engine.begin() as connection:
        row = queries.person(connection, number)
        if row is None:
            raise FixTheDeclaration("No such person.")
        if row.forwards_to is not None:
            return go(request, "personne", number=row.forwards_to)
        action = "nir_devoile" if reason else "personne_vue"
        accesses.note(
            connection, account=me.name, action=action, subject=str(number), now=screens.clock(), reason=reason
        )
        records = queries.records(connection, number)
        shared = queries.shared(connection, number)
        why = explained(connection, number)
        looks = accesses.latest(connection, subject=str(number), limit=20) if "dpo" in me.roles else None
    numbers = [(record, _number(hub.vault.decrypt(record.nir_encrypted), clear=reason is not None))
               for record in records if record.nir_encrypted is not None]  # fmt: skip
    return render(
        request,
        "personne.html",
        person=row,
        blocks=queries.blocks(row.content or {}, records),
        records=records,
        shared=shared,
        why=why,
        looks=looks,
        numbers=numbers,
        unmasked=reason is not None,
    )


def _number(sealed: bytes, *, clear: bool) -> str:
    nir = Nir.parse(sealed.decode())
    if nir is None:
        return "–"
    return nir.value if clear else nir.masked
