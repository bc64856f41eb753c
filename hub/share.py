"""Share: deliver a partner's outbox and read its acknowledgements, by whatever way its flow declares."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from connectors.budget import NotNow
from connectors.opening import open_acknowledgements
from connectors.webhook import WebhookClient
from hub import telemetry
from hub.acts import RESEND, begin_act
from hub.days import day_of
from hub.intake.pull import SENDING, open_france_travail, rate_of
from hub.monitoring.standing import cut_off_if_failing
from hub.sharing import outbox
from hub.sharing.acknowledgements import acknowledge
from hub.sharing.budget import SharedBudget
from hub.sharing.deliver import Delivered, batch_at, deliver_each
from hub.sharing.deposit import deliver_files
from hub.sharing.france_travail import FranceTravailSender, ask_again
from hub.sharing.narrowing import withdraw_unagreed
from hub.sharing.news import Origin
from hub.sharing.select import fill_whole
from hub.sharing.switches import Gate
from hub.sharing.webhook import WebhookSender
from hub.storage.store import take_lock
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date, datetime

    from connectors.declaration import Flow
    from hub.opening import Hub
    from hub.sharing.agreements import Agreement

WAITING = """
select count(*) as messages, count(distinct person_id) as people, coalesce(sum(n), 0) as fields
from (select person_id, (select count(*) from jsonb_object_keys(payload -> 'fields')) as n
      from message where partner = :partner and state = 'pending') waiting
"""


def partners(hub: Hub) -> list[str]:
    """The partners an agreement lets us share with."""
    return sorted(hub.agreements)


def file_partners(hub: Hub) -> list[str]:
    """Those that acknowledge by file."""
    return [partner for partner in partners(hub) if out_flow(hub, partner).deliver is not None]


def share_with(
    hub: Hub, partner: str, *, clock: Callable[[], datetime], dry_run: bool = False, full: bool = False
) -> dict[str, Any]:
    """Deliver what waits for a partner; ``full`` first puts everything it was told in line again.

    Returns counts; with ``dry_run``, what would be sent, field by field, and nothing moves. Nothing leaves outside the
    agreement's dates, nor to a partner that is switched off: ``not_now`` then says so.
    """
    flow = out_flow(hub, partner)
    if dry_run:
        with hub.engine.connect() as connection:
            counted = dict(connection.execute(text(WAITING), {"partner": partner}).one()._mapping)  # noqa: SLF001 - public
            return counted | {"by_field": outbox.waiting_fields(connection, partner)}
    if not hub.agreements[partner].in_force(day_of(clock())):
        return asdict(Delivered())
    with hub.engine.begin() as connection:
        narrowed = withdraw_unagreed(connection, hub.agreements[partner], now=clock())
    if narrowed:
        narrowed.told()
    agreement = hub.agreements[partner]
    fields = agreement.on(day_of(clock())).all_fields
    gate = Gate(engine=hub.engine, partner=partner, agreed=lambda: _still_agreed(agreement, fields, day_of(clock())))
    try:
        gate.may_send()
        if full:
            _tell_all_again(hub, partner, now=clock())
        with telemetry.messages_moved(hub.engine, "share", partner, clock=clock):
            return asdict(_deliver(hub, flow, gate, clock=clock, kind="full" if full else "delta"))
    except NotNow as error:
        return asdict(Delivered()) | {"not_now": error.code}


def _still_agreed(agreement: Agreement, fields: Collection[str], day: date) -> bool:
    """Whether all that was agreed when a run began is agreed on the day it has come to."""
    return agreement.in_force(day) and set(fields) <= set(agreement.on(day).all_fields)


def _tell_all_again(hub: Hub, partner: str, *, now: datetime) -> None:
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile")  # what is told is decided by one at a time
        act = begin_act(connection, RESEND, subject=partner, now=now)
        fill_whole(connection, hub.agreements[partner], now=now, origin=Origin(act=act.id))
    act.told()


def _deliver(hub: Hub, flow: Flow, gate: Gate, *, clock: Callable[[], datetime], kind: str) -> Delivered:
    mapping = hub.out_mapping(flow.flow)
    if flow.protocol == "api":
        with hub.engine.begin() as connection:
            ask_again(connection, flow.partner, now=clock())
        with open_france_travail(hub, flow, clock=clock, gate=gate) as client:
            sender = FranceTravailSender(client, mapping, hub.vault)
            return deliver_each(hub.engine, flow.partner, sender, clock=clock, batch=batch_at(rate_of(hub, flow)))
    if flow.protocol == "webhook":
        return _deliver_webhook(hub, flow, gate, clock=clock)
    with hub.connect(flow) as connector:
        return deliver_files(hub.engine, flow, mapping, connector, kind=kind, clock=clock, gate=gate)


def _deliver_webhook(hub: Hub, flow: Flow, gate: Gate, *, clock: Callable[[], datetime]) -> Delivered:
    assert flow.webhook is not None
    budget = SharedBudget(
        engine=hub.engine,
        provider=f"webhook:{flow.partner}",
        per_second=flow.webhook.rate_per_second,
        longest_wait=SENDING.longest_wait,
        may_send=gate.may_send,
    )
    with WebhookClient(hub.settings.access(flow.connection), budget, clock) as client:
        sender = WebhookSender(client, flow.webhook.reference)
        batch = batch_at(flow.webhook.rate_per_second)
        delivered = deliver_each(hub.engine, flow.partner, sender, clock=clock, batch=batch)
    cut_off_if_failing(hub.engine, flow, now=clock())
    return delivered


def acknowledge_from(hub: Hub, partner: str, *, clock: Callable[[], datetime]) -> dict[str, Any]:
    """Read the acknowledgements a partner left."""
    flow = out_flow(hub, partner)
    with (
        telemetry.messages_moved(hub.engine, "acknowledge", partner, clock=clock),
        open_acknowledgements(flow, hub.settings.access(flow.connection)) as connector,
    ):
        return asdict(acknowledge(hub.engine, partner, connector, now=clock()))


def out_flow(hub: Hub, partner: str) -> Flow:
    """The flow a partner is shared with by; raises ``FixTheDeclaration`` when no agreement lets it be."""
    if partner not in hub.agreements and partner in {each.partner for each in hub.declared_agreements.values()}:
        raise FixTheDeclaration(
            f"The agreement with {partner!r} waits for approval: hub agreements propose {partner}, then another person approves it."
        )
    if partner not in hub.agreements:
        known = ", ".join(partners(hub))
        raise FixTheDeclaration(f"No agreement with {partner!r}: nothing may be shared. Partners: {known}.")
    return hub.flow(hub.agreements[partner].out_flow)
