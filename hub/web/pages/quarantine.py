"""Quarantaine: refused records: find, understand, read again, give up, unmask with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from hub.intake.quarantined import drop, number_of, reference_of
from hub.intake.replay import replay
from hub.people.reconcile import reconcile
from hub.rights import accesses
from hub.web.gate import Guardian, Operator, Staff
from hub.web.queries import quarantine as queries
from hub.web.queries.counting import PAGE
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.seeing import incoming

if TYPE_CHECKING:
    from hub.web.accounts import Account

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
Reason = Annotated[str, Form(alias="motif", min_length=3, max_length=300)]
Flow = Annotated[str, Form(alias="flux", max_length=60)]
Rule = Annotated[str, Form(alias="regle", max_length=100)]


@router.get("/quarantaine", name="quarantaine")
def quarantine(
    request: Request,
    screens: Here,
    me: Staff,
    flux: str = "",
    regle: str = "",
    livraison: Annotated[str, Query(pattern=r"^\d{0,18}$")] = "",
    avant: int | None = None,
) -> Response:
    """The open records, latest first, by flow, rule or delivery."""
    with screens.hub.engine.connect() as connection:
        found = queries.page(
            connection,
            flow=flux or None,
            rule=regle or None,
            delivery=int(livraison) if livraison else None,
            before=avant,
        )
        rules = queries.rules(connection)
    more = found[PAGE - 1].id if len(found) > PAGE else None
    asked = {"flux": flux, "regle": regle, "livraison": livraison, "avant": avant}
    flows = incoming(screens.hub, me)
    return render(request, "quarantaine.html", records=found[:PAGE], more=more, rules=rules, flows=flows, asked=asked,
                  reference_of=reference_of)  # fmt: skip


@router.get("/quarantaine/{reference}", name="quarantaine_un")
def record(request: Request, screens: Here, me: Guardian, reference: str) -> Response:
    """One refused record: its reason, and the form of what was read, never its letters or figures."""
    return _record(request, screens, me, reference, action="quarantaine_vue")


@router.post("/quarantaine/{reference}/devoiler", name="quarantaine_devoiler")
def unmask(request: Request, screens: Here, me: Guardian, reference: str, reason: Reason) -> Response:
    """What the partner wrote, as it wrote it, for a reason that is kept."""
    return _record(request, screens, me, reference, action="quarantaine_devoilee", reason=reason)


def _record(
    request: Request, screens: Screens, me: Account, reference: str, *, action: str, reason: str | None = None
) -> Response:
    hub = screens.hub
    number = number_of(hub, reference)
    with hub.engine.begin() as connection:
        row = queries.one(connection, number)
        subject = f"quarantaine {reference_of(row.delivery_id, row.record)}"
        accesses.note(connection, account=me.name, action=action, subject=subject, now=screens.clock(), reason=reason)
    cells = queries.cells_of(hub, row.flow, row.block_encrypted)
    shown = cells if reason else [(name, queries.masked(value)) for name, value in cells]
    found: dict[str, Any] = {
        "row": row,
        "cells": shown,
        "unmasked": reason is not None,
        "at_fault": _columns(screens, row),
    }
    return render(request, "quarantaine_un.html", reference=reference_of(row.delivery_id, row.record), **found)


def _columns(screens: Screens, row: Any) -> frozenset[str]:
    """The partner's columns that the refused field is read from."""
    rule = screens.hub.in_mapping(row.flow).fields.get(row.field)
    return frozenset(rule.sources) if rule else frozenset({row.field})


@router.post("/quarantaine/{reference}/rejouer", name="quarantaine_rejouer")
def replay_one(request: Request, screens: Here, me: Operator, reference: str) -> Response:  # noqa: ARG001 - it guards
    """Read one record again, with the mappings and rules of today."""
    done = replay(screens.hub, clock=screens.clock, ids=[number_of(screens.hub, reference)])
    if done.passed:
        screens.afterwards.do("rapprocher", lambda: reconcile(screens.hub, clock=screens.clock))
    said = "rejoue" if done.passed else "encore_refuse"
    return go(request, "quarantaine_un", reference=reference, said=said)


@router.post("/quarantaine/{reference}/abandonner", name="quarantaine_abandonner")
def give_up(request: Request, screens: Here, me: Operator, reference: str, reason: Reason) -> Response:
    """Close a record for good, with who and why."""
    drop(screens.hub, reference, reason=f"{me.name} : {reason}", now=screens.clock())
    return go(request, "quarantaine_un", reference=reference, said="abandonne")


@router.post("/quarantaine", name="quarantaine_rejouer_tous")
def replay_many(
    request: Request,
    screens: Here,
    me: Operator,  # noqa: ARG001 - it guards
    flow: Flow = "",
    rule: Rule = "",
) -> Response:
    """Read again, one delivery after the other, every open record of a flow or a rule; what passes is then linked."""

    def work() -> None:
        done = replay(screens.hub, clock=screens.clock, flow=flow or None, rule=rule or None)
        if done.passed:
            reconcile(screens.hub, clock=screens.clock)

    screens.afterwards.do(f"rejouer {flow} {rule}", work)
    return go(request, "quarantaine", said="rejeu_lance")
