"""How the outbox stands, partner by partner: messages in each state, the off switch, the circuit of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.alarms import Alarm, close_alarms, raise_alarms
from hub.sharing import outbox
from hub.sharing.budget import close_circuit, health
from hub.sharing.switches import switch_off, switch_on, switches

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from connectors.declaration import Flow
    from hub.opening import Hub

CUT_OFF = "envoi_coupe"
MOST_OPENINGS = 5  # times in a row a circuit opened: about a quarter of an hour without one answer

STATES = ("pending", "sent", "acknowledged", "rejected", "unfound", "parked")


def standing(hub: Hub) -> list[dict[str, Any]]:
    """One row per partner of an agreement: counts, why it is off, how its API answers."""
    with hub.engine.connect() as connection:
        counted, off = outbox.counts(connection), switches(connection)
    return [
        {
            "partner": partner,
            **{state: counted.get(partner, {}).get(state, 0) for state in STATES},
            "off": off[partner]["reason"] if partner in off else None,
            **_health(hub, hub.flow(agreement.out_flow)),
        }
        for partner, agreement in sorted(hub.agreements.items())
    ]


def _health(hub: Hub, flow: Flow) -> dict[str, Any]:
    provider = flow.provider
    if provider is None:
        return {"circuit": None, "pace": None}
    found = health(hub.engine, provider)
    return {"circuit": "open" if found.open else "closed", "pace": round(found.pace, 2)}


def resume(engine: Engine, flow: Flow, *, now: datetime) -> bool:
    """Send to a partner again at once: switch on, circuit closed, alarm over; returns whether it was off."""
    with engine.begin() as connection:
        was_off = switch_on(connection, flow.partner)
        if flow.provider is not None:
            close_circuit(connection, flow.provider)
        close_alarms(connection, flow.partner, now=now, kind=CUT_OFF)
    return was_off


def cut_off_if_failing(engine: Engine, flow: Flow, *, now: datetime) -> bool:
    """Switch a partner off when it keeps failing, with an alarm; returns whether it was. What waits for it is kept."""
    if flow.provider is None or health(engine, flow.provider).openings < MOST_OPENINGS:
        return False
    reason = f"{MOST_OPENINGS} coupures de suite, sans une réponse entre elles"
    with engine.begin() as connection:
        switch_off(connection, flow.partner, reason=reason, author="hub", now=now)
        said = (
            f"{flow.partner} ne répond plus : les envois sont coupés, ce qui l'attend est gardé. Appeler le partenaire, puis "
            f"hub outbox on {flow.partner}."
        )
        raise_alarms(connection, [Alarm(kind=CUT_OFF, subject=flow.partner, flow=flow.flow, message=said)], now=now)
    return True
