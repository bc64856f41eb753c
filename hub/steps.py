"""The pipeline as Airflow's tasks see it: one call per task, small documents of counts in and out, nobody's data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hub.monitoring.discretion import discreet
from hub.opening import open_hub


def clock() -> datetime:
    """The time, read where a task begins."""
    return datetime.now(tz=UTC)  # noqa: TID251 - the one clock of the tasks


@discreet()
def receive_step(flow: str) -> list[int]:
    """Store what has arrived; returns the deliveries to settle, unfinished ones included."""
    from hub.intake import pipeline  # noqa: PLC0415

    hub = open_hub()
    declared = hub.flow(flow)
    taken = pipeline.fetch(hub, declared, clock=clock)
    return sorted({*taken, *pipeline.unfinished(hub, declared)})


@discreet()
def settle_step(delivery_ids: list[int]) -> dict[str, Any]:
    """Normalise, check and apply; returns counts, and whether anything changed for anybody."""
    from hub.intake import pipeline  # noqa: PLC0415

    lines = pipeline.settle(open_hub(), delivery_ids, clock=clock)
    counted = ("received", "applied", "unchanged", "superseded", "quarantined", "refused", "left")
    document: dict[str, Any] = {name: sum(getattr(line, name) for line in lines) for name in counted}
    document["deliveries"] = delivery_ids
    document["not_applied"] = [line.id for line in lines if line.state in {"refused", "held"}]
    document["changed"] = document["applied"] + document["left"] > 0
    return document


@discreet()
def reconcile_step() -> dict[str, Any]:
    """Link, rebuild dossiers, fill the outbox."""
    from hub.people.reconcile import reconcile  # noqa: PLC0415

    return reconcile(open_hub(), clock=clock)


@discreet()
def share_step(partner: str) -> dict[str, Any]:
    """Deliver what waits for a partner."""
    from hub.share import share_with  # noqa: PLC0415

    return share_with(open_hub(), partner, clock=clock)


@discreet()
def acknowledge_step(partner: str) -> dict[str, Any]:
    """Read the acknowledgements a partner left."""
    from hub.share import acknowledge_from  # noqa: PLC0415

    return acknowledge_from(open_hub(), partner, clock=clock)


@discreet()
def oversee_step() -> dict[str, int]:
    """Raise the alarms of what is missing or waits too long, close those that are over; sign the journal; finish erasures.

    Ledgers that something moved are counted again; one that does not close raises its alarm.
    """
    from hub.intake.counted_ledger import count_ledgers  # noqa: PLC0415
    from hub.monitoring.oversight import look  # noqa: PLC0415
    from hub.proof.checkpoints import sign_regularly  # noqa: PLC0415
    from hub.rights.certificates import finish_erasures  # noqa: PLC0415

    hub = open_hub()
    done = look(hub, now=clock()) | {"checkpoints": sign_regularly(hub, now=clock())}
    incoming = [flow.flow for flow in hub.flows.values() if flow.direction == "in"]
    done["ledgers_not_closing"] = count_ledgers(hub.engine, incoming, now=clock())
    return done | {"certificates": finish_erasures(hub, now=clock())}


@discreet()
def journal_step() -> dict[str, int]:
    """Recompute the journal's chain."""
    from hub.monitoring.oversight import look_at_journal  # noqa: PLC0415

    return look_at_journal(open_hub(), now=clock())


@discreet()
def retention_step(*, dry_run: bool) -> dict[str, Any]:
    """Count what the clocks have run out for, or archive and destroy it; more than the limit waits for an operator."""
    from hub.rights.retention import retain_nightly  # noqa: PLC0415

    return retain_nightly(open_hub(), clock=clock, dry_run=dry_run)


@discreet()
def untold_step() -> dict[str, Any] | None:
    """What to tell outside the screens, and whom; None when there is nothing, or nobody to tell."""
    from hub.monitoring.notifying import digest, untold  # noqa: PLC0415

    hub = open_hub()
    settings = hub.settings
    emails = [each.strip() for each in settings.alarm_emails.split(",") if each.strip()]
    if not emails and not settings.alarm_webhook:
        return None
    with hub.engine.connect() as connection:
        alarms = untold(connection)
    if not alarms:
        return None
    return digest(alarms, address=settings.address) | {"emails": emails, "webhook": settings.alarm_webhook}


@discreet()
def told_step(numbers: list[int]) -> None:
    """These alarms were told."""
    from hub.monitoring.notifying import mark_told  # noqa: PLC0415

    with open_hub().engine.begin() as connection:
        mark_told(connection, numbers, now=clock())
