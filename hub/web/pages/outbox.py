"""Partages: what waits for each partner, what it answered, what was set aside; try, look, send."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from hub.days import day_of
from hub.monitoring.standing import resume
from hub.share import acknowledge_from, file_partners, share_with
from hub.sharing.aside import replay
from hub.sharing.switches import switch_off, switches
from hub.web.accounts import Account
from hub.web.gate import Anybody, Operator
from hub.web.queries import outbox as queries
from hub.web.queries.counting import PAGE
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.seeing import outgoing_partners, seen

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
State = Literal["pending", "sent", "acknowledged", "rejected", "unfound", "parked", "replaced"]
Aside = Literal["rejected", "unfound", "parked"]
Reason = Annotated[str, Form(alias="motif", min_length=3, max_length=300)]


@router.get("/partages", name="partages")
def partners(request: Request, screens: Here, me: Anybody) -> Response:
    """Every partner an agreement lets us share with, and its messages by state."""
    names = outgoing_partners(screens.hub, me)
    with screens.hub.engine.connect() as connection:
        counts = queries.counts(connection, names)
        off = switches(connection)
    agreements = {name: screens.hub.agreements[name] for name in names}
    today = day_of(screens.clock())
    return render(request, "partages.html", counts=counts, agreements=agreements, today=today, off=off)


@router.get("/partages/{partner}", name="partage")
def partner(
    request: Request, screens: Here, me: Anybody, partner: str, etat: State | None = None, apres: UUID | None = None
) -> Response:
    """One partner: its agreement, its messages in a state, its sync files and what it answered about each."""
    return _page(request, screens, me, partner, etat=etat, apres=apres)


def _page(
    request: Request, screens: Screens, me: Account, partner: str, *, etat: State | None = None, apres: UUID | None = None,
    planned: dict[str, Any] | None = None,
) -> Response:  # fmt: skip
    hub = screens.hub
    seen(me, partner if partner in hub.agreements else None)
    with hub.engine.connect() as connection:
        counts = queries.counts(connection, [partner])[partner]
        state: str = etat or next(
            (name for name in ("parked", "unfound", "rejected", "pending") if counts[name][0]), "acknowledged"
        )
        messages = queries.messages(connection, partner, state=state, after=apres)
        reasons = queries.reasons(connection, partner, state) if state in {"parked", "unfound", "rejected"} else ()
        files = queries.sync_files(connection, partner)
        off = switches(connection).get(partner)
    agreement = hub.agreements[partner]
    return render(
        request,
        "partage.html",
        partner=partner,
        agreement=agreement,
        in_force=agreement.in_force(day_of(screens.clock())),
        by_file=hub.flow(agreement.out_flow).deliver is not None,
        counts=counts,
        state=state,
        messages=messages[:PAGE],
        more=messages[PAGE - 1].id if len(messages) > PAGE else None,
        reasons=reasons,
        files=files,
        planned=planned,
        off=off,
    )


@router.post("/partages/{partner}/relancer", name="partage_relancer")
def again(
    request: Request, screens: Here, me: Operator, partner: str, state: Annotated[Aside, Form(alias="etat")] = "parked"
) -> Response:
    """Put the messages set aside in a state back in line; what a later message told since is taken out of them."""
    seen(me, partner if partner in screens.hub.agreements else None)
    with screens.hub.engine.begin() as connection:
        replay(connection, now=screens.clock(), partner=partner, states=[state])
    return go(request, "partage", partner=partner, said="relance", query={"etat": "pending"})


@router.post("/partages/{partner}/couper", name="partage_couper")
def turn_off(request: Request, screens: Here, me: Operator, partner: str, reason: Reason) -> Response:
    """Send nothing more to a partner, what is under way included; what it is to be told waits."""
    seen(me, partner if partner in screens.hub.agreements else None)
    with screens.hub.engine.begin() as connection:
        switch_off(connection, partner, reason=reason, author=me.name, now=screens.clock())
    return go(request, "partage", partner=partner, said="coupe")


@router.post("/partages/{partner}/retablir", name="partage_retablir")
def turn_on(request: Request, screens: Here, me: Operator, partner: str) -> Response:
    """Send to a partner again what waited for it."""
    seen(me, partner if partner in screens.hub.agreements else None)
    resume(screens.hub.engine, screens.hub.flow(screens.hub.agreements[partner].out_flow), now=screens.clock())
    return go(request, "partage", partner=partner, said="retabli")


@router.post("/partages/{partner}/apercu", name="partage_apercu")
def preview(request: Request, screens: Here, me: Operator, partner: str) -> Response:
    """What would leave now, field by field; nothing moves."""
    seen(me, partner if partner in screens.hub.agreements else None)
    planned = share_with(screens.hub, partner, clock=screens.clock, dry_run=True)
    return _page(request, screens, me, partner, planned=planned)


@router.post("/partages/{partner}/envoyer", name="partage_envoyer")
def send(request: Request, screens: Here, me: Operator, partner: str) -> Response:
    """Send what waits now, after the answer; then read what the partner has acknowledged."""
    seen(me, partner if partner in screens.hub.agreements else None)

    def work() -> None:
        share_with(screens.hub, partner, clock=screens.clock)
        if partner in file_partners(screens.hub):
            acknowledge_from(screens.hub, partner, clock=screens.clock)

    screens.afterwards.do(f"envoyer {partner}", work)
    return go(request, "partage", partner=partner, said="envoi_lance")
