"""Livraison: one delivery from raw to shared, and what an operator may do about it."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask
from starlette.responses import Response

from hub.intake import pipeline
from hub.intake.held import refuse, release
from hub.intake.preview import LONGEST, ask_preview, count_preview, make_preview, preview_of
from hub.intake.reject_file import write_rejects
from hub.intake.revert import revert
from hub.people.reconcile import reconcile
from hub.rights import accesses
from hub.web.gate import Anybody, Operator
from hub.web.queries import deliveries as queries
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.seeing import seen

if TYPE_CHECKING:
    from hub.web.accounts import Account

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
Reason = Annotated[str, Form(alias="motif", min_length=3, max_length=300)]
IN_MEMORY = 1 << 20
AT_ONCE = 2.0  # seconds a page waits for what it could show a moment later


@router.get("/livraisons/{number}", name="livraison")
def delivery(request: Request, screens: Here, me: Anybody, number: int) -> Response:
    """What became of a delivery, step by step."""
    return _page(request, screens, me, number)


def _page(request: Request, screens: Screens, me: Account, number: int, **more: Any) -> Response:
    with screens.hub.engine.connect() as connection:
        row = queries.delivery(connection, number)
        seen(me, row.partner if row else None)
        refused = queries.refused(connection, number)
        linked = queries.linked(connection, number)
        shared = queries.shared(connection, number) if me.partner is None else []
        preview = preview_of(connection, number) if row.state == "held" else None
    label = screens.hub.flow(row.flow).label if row.flow in screens.hub.flows else row.flow
    given = {"undone": None, "preview": preview, "trying": _trying(screens, preview), "typed": ""} | more
    return render(
        request, "livraison.html", line=row, label=label, refused=refused, linked=linked, shared=shared, **given
    )


def _trying(screens: Screens, preview: Any) -> bool:
    """Whether somebody's preview may still end: one that a stop interrupted never does."""
    if preview is None or preview.state != "asked":
        return False
    return bool((screens.clock() - preview.asked_at).total_seconds() < 2 * LONGEST)


@router.post("/livraisons/{number}/accepter", name="livraison_accepter")
def let_through(
    request: Request,
    screens: Here,
    me: Operator,
    number: int,
    sure: Annotated[bool, Form(alias="certain")] = False,  # noqa: FBT002 - a form's field
) -> Response:
    """Let a held delivery through: first whom that would touch and what would be told, then, once said to be sure, do it."""
    if not sure:
        ask_preview(screens.hub, number, author=me.name, now=screens.clock())
        screens.countings.do(f"compte {number}", partial(count_preview, screens.hub, number))
        make = partial(make_preview, screens.hub, number, author=me.name, clock=screens.clock)
        screens.previews.do(f"aperçu {number}", make, answer_within=AT_ONCE)
        return go(request, "livraison", number=number, place="decision")
    release(screens.hub, number, author=me.name, now=screens.clock())
    screens.afterwards.do(f"livraison {number}", lambda: _settle(screens, number))
    return go(request, "livraison", number=number, said="liberee")


def _settle(screens: Screens, number: int) -> None:
    pipeline.settle(screens.hub, [number], clock=screens.clock)
    reconcile(screens.hub, clock=screens.clock)


@router.post("/livraisons/{number}/refuser", name="livraison_refuser")
def turn_away(request: Request, screens: Here, me: Operator, number: int, reason: Reason) -> Response:
    """Refuse a held delivery: it applies nothing."""
    refuse(screens.hub, number, author=me.name, reason=reason, now=screens.clock())
    return go(request, "livraison", number=number, said="refusee")


@router.post("/livraisons/{number}/annuler", name="livraison_annuler")
def undo(
    request: Request,
    screens: Here,
    me: Operator,
    number: int,
    reason: Reason,
    sure: Annotated[bool, Form(alias="certain")] = False,  # noqa: FBT002 - a form's field
) -> Response:
    """Undo an applied delivery: first what that would do, then, once said to be sure, do it."""
    done = revert(screens.hub, number, author=me.name, reason=reason, clock=screens.clock, dry_run=not sure)
    if sure:
        return go(request, "livraison", number=number, said="annulee")
    return _page(request, screens, me, number, undone=done, typed=reason)


@router.post("/livraisons/{number}/rejets", name="livraison_rejets")
def rejects(screens: Here, me: Operator, number: int) -> Response:
    """The refused records in the partner's own layout, with the reason beside each; taking it is written down."""
    with screens.hub.engine.begin() as connection:
        accesses.note(
            connection,
            account=me.name,
            action="rejets_exportes",
            subject=f"livraison {number}",
            now=screens.clock(),
        )
    sink = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed once sent
    try:
        write_rejects(screens.hub, number, sink)
    except BaseException:
        sink.close()
        raise
    sink.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="rejets_{number}"'}
    return StreamingResponse(
        iter(lambda: sink.read(1 << 16), b""),
        media_type="application/octet-stream",
        headers=headers,
        background=BackgroundTask(sink.close),
    )
