"""Journal: the chain of disclosures and its state; for the data protection officer, who looked at whom."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from hub.proof.checkpoints import verify_signed
from hub.rights import accesses
from hub.sharing.journal import Verified
from hub.web.gate import Officer, Overseer, Staff
from hub.web.queries import journal as queries
from hub.web.queries.counting import PAGE
from hub.web.rendering import render
from hub.web.screens import Screens, here

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
MONTH = r"^(\d{4}-(0[1-9]|1[0-2]))?$"


@router.get("/journal", name="journal")
def journal(
    request: Request,
    screens: Here,
    me: Staff,  # noqa: ARG001 - it guards
    partenaire: Annotated[str, Query(max_length=60)] = "",
    mois: Annotated[str, Query(pattern=MONTH)] = "",
    avant: int | None = None,
) -> Response:
    """The entries, latest first, without anybody's name; those of a partner, of a month."""
    return _page(request, screens, partner=partenaire, month=mois, before=avant)


@router.post("/journal", name="journal_verifier")
def check(request: Request, screens: Here, me: Overseer) -> Response:  # noqa: ARG001 - it guards
    """Recompute every seal and every signature; names what does not hold."""
    with screens.hub.engine.connect() as connection:
        verified = verify_signed(screens.hub, connection)
    return _page(request, screens, verified=verified)


def _page(
    request: Request, screens: Screens, *, partner: str = "", month: str = "", before: int | None = None,
    verified: Verified | None = None,
) -> Response:  # fmt: skip
    with screens.hub.engine.connect() as connection:
        last = queries.last(connection)
        known = queries.partners(connection)
        chosen = [partner] if partner else list(known)
        found = queries.entries(connection, partners=chosen, month=month or None, before=before)
        counted = queries.how_many(connection, partners=chosen, month=month or None) if partner or month else None
    shown = {"last": last, "partners": list(known), "months": queries.months(known), "counted": counted}
    asked = {"partenaire": partner, "mois": month}
    more = found[PAGE - 1].position if len(found) > PAGE else None
    return render(request, "journal.html", **shown, asked=asked, entries=found[:PAGE], more=more, first=before is None,
                  verified=verified)  # fmt: skip


@router.get("/journal/consultations", name="consultations")
def looks(request: Request, screens: Here, me: Officer, avant: int | None = None) -> Response:  # noqa: ARG001 - it guards
    """Who looked at whose data, latest first."""
    with screens.hub.engine.connect() as connection:
        found = accesses.latest(connection, before=avant, limit=PAGE + 1)
    more = found[PAGE - 1]["id"] if len(found) > PAGE else None
    return render(request, "consultations.html", looks=found[:PAGE], more=more, first=avant is None)
