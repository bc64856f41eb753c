"""Rapprochements: the cases the machine left to people, two records side by side, decided from the keyboard."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from hub.identity.explain import in_words
from hub.people.reconcile import reconcile
from hub.people.reviews import decide
from hub.rights import accesses
from hub.web.gate import Insider, Reviewer
from hub.web.queries import reviews as queries
from hub.web.queries.counting import backlog
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from schemas.errors import FixTheDeclaration

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
SHOWN = 25
SAID = {"same": "meme", "distinct": "distinctes", "unsure": "ne_sait_pas"}


@router.get("/rapprochements", name="rapprochements")
def queue(request: Request, screens: Here, me: Insider, apres: int = 0) -> Response:  # noqa: ARG001 - it guards
    """The cases that wait, those whose answer is worth most first."""
    with screens.hub.engine.connect() as connection:
        found = queries.queue(connection, after=apres, limit=SHOWN + 1)
        waiting = backlog(connection)["review_cases"]
    more = found[SHOWN - 1].id if len(found) > SHOWN else None
    return render(request, "rapprochements.html", cases=found[:SHOWN], more=more, waiting=waiting, apres=apres)


@router.get("/rapprochements/{number}", name="rapprochement")
def case(request: Request, screens: Here, me: Insider, number: int) -> Response:
    """Two records side by side: what agrees, what differs, and what the machine saw. Looking is written down."""
    with screens.hub.engine.begin() as connection:
        row = queries.one(connection, number)
        if row is None:
            raise FixTheDeclaration(f"No case {number}.")
        a, b = queries.records(connection, row.record_a, row.record_b)
        before, after = queries.neighbours(connection, number)
        place, waiting = queries.place(connection, number), backlog(connection)["review_cases"]
        opinions = queries.opinions(connection, number)
        accesses.note(
            connection,
            account=me.name,
            action="rapprochement_vu",
            subject=f"rapprochement {number}",
            now=screens.clock(),
        )
    return render(
        request,
        "rapprochement.html",
        case=row,
        a=a,
        b=b,
        before=before,
        after=after,
        place=place,
        waiting=waiting,
        numbers=agreement_of_numbers(a.nir_hash, b.nir_hash),
        differences=queries.differences(a.content, b.content),
        opinions=opinions,
        sentences=in_words(row.evidence),
    )


def agreement_of_numbers(a: bytes | None, b: bytes | None) -> str:
    """Whether two records give the same NIR: it is compared by its keyed hash, and never shown."""
    if a is None or b is None:
        return "aucun" if a is b else "seul"
    return "egal" if a == b else "different"


@router.post("/rapprochements/{number}", name="rapprochement_decider")
def decide_case(
    request: Request,
    screens: Here,
    me: Reviewer,
    number: int,
    verdict: Annotated[Literal["same", "distinct", "unsure"], Form(alias="decision")],
    reason: Annotated[str, Form(alias="motif", max_length=300)] = "",
) -> Response:
    """Keep what is said; once it is decided, have both records matched again, and show the next case."""
    decided = decide(screens.hub, number, verdict=verdict, author=me.name, reason=reason or None, now=screens.clock())
    if not decided:
        return go(request, "rapprochement", number=number, said="avis_garde")
    screens.afterwards.do("rapprocher", lambda: reconcile(screens.hub, clock=screens.clock))
    with screens.hub.engine.connect() as connection:
        before, after = queries.neighbours(connection, number)
    following = after or before
    if following is None:
        return go(request, "rapprochements", said=SAID[verdict])
    return go(request, "rapprochement", number=following, said=SAID[verdict])
