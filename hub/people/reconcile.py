"""Reconcile: link records to persons, rebuild the touched dossiers, fill the outbox; one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.dossiers.dossier import rebuild
from hub.dossiers.protections import close_over, put, reopen
from hub.identity.effect import effect_of
from hub.identity.matching import read_matching
from hub.identity.reconcile import reconcile as link_records
from hub.monitoring import telemetry
from hub.monitoring.logs import log
from hub.people.reviews import weigh_cases
from hub.rights.tombstones import hold_returned
from hub.sharing.follow import carry_told
from hub.sharing.recalls import note_recall
from hub.sharing.select import Arrival, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.identity.reconcile import Reconciled
    from hub.opening import Hub

# When the newest word about each person reached us, which the time to its delivery is counted from; and the delivery that last
# changed anything of them, whose trace what is told now belongs to.
ARRIVALS = """
select l.person_id, max(d.arrived_at) as arrived_at, (array_agg(d.id order by d.closed_at desc nulls last, d.id desc))[1] as delivery
from link l
join source_record r on r.id = l.source_record_id
join delivery d on d.id = r.delivery_id
where l.superseded_at is null and l.person_id = any(:persons)
group by l.person_id
"""


def reconcile(hub: Hub, *, clock: Callable[[], datetime], full: bool = False, anyhow: bool = False) -> dict[str, Any]:
    """Match what is new (``full``: everything), rebuild dossiers, write messages and disclosures with them.

    Returns counts: records looked at, links made, persons, review cases, dossiers changed, messages per partner. A full match is
    to change nobody: it says whom it did, and above ``HUB_REMATCH_LIMIT`` it changes nothing unless ``anyhow``.
    """
    now = clock()
    with (
        telemetry.step("reconcile", telemetry.deliveries_to_match(hub.engine)),
        hub.engine.connect() as connection,
        connection.begin() as transaction,
    ):
        reconciled = link_records(connection, hub.vault, hub.matching, now=now, full=full)
        effect = effect_of(connection, reconciled.moved) if full else None
        if effect and effect.above(hub.settings.rematch_limit) and not anyhow:
            transaction.rollback()
            return {"blocked": True, "limit": hub.settings.rematch_limit, **effect.to_dict()}
        done = follow(hub, connection, reconciled, now=now)
    log().info("reconciled", **done)
    return done | ({"drift": effect.to_dict()} if effect else {})


def what_if(hub: Hub, candidate: Path, *, clock: Callable[[], datetime]) -> dict[str, Any]:
    """What a full match by a candidate model or other costs would do to persons. Nothing is kept."""
    matching = read_matching(candidate, spark=hub.matching.spark)
    with hub.engine.connect() as connection, connection.begin() as transaction:
        reconciled = link_records(connection, hub.vault, matching, now=clock(), full=True)
        effect = effect_of(connection, reconciled.moved)
        transaction.rollback()
    limit = hub.settings.rematch_limit
    return {
        "model": matching.model.version,
        "blocked": effect.above(limit),
        "limit": limit,
        "reviews_opened": reconciled.reviews_opened,
        **effect.to_dict(),
    }


def follow(hub: Hub, connection: Connection, reconciled: Reconciled, *, now: datetime) -> dict[str, Any]:
    """All that follows from links, in their transaction."""
    reopen(connection, reconciled.touched, now=now)
    touched = reconciled.touched | close_over(connection, now=now)
    returned = hold_returned(hub, connection, touched, now=now)
    _hold_new(hub, connection, now=now)
    carry_told(connection, reconciled.moved)
    changed = rebuild(connection, touched, now=now)
    recalled = {person for move in reconciled.moved for person in (move.old, move.new)}
    arrivals = _arrivals(connection, touched)
    filled = fill(connection, hub.agreements, touched, now=now, arrivals=arrivals, recalled=recalled)
    weigh_cases(connection, touched)
    note_recall(connection, cause="links", subject=str(len(reconciled.moved)), persons=recalled, now=now)
    return {
        "records": reconciled.records,
        "linked": reconciled.linked,
        "new_persons": reconciled.new_persons,
        "merged": reconciled.merged,
        "reviews_opened": reconciled.reviews_opened,
        "returned_after_erasure": returned,
        "blocks_set_aside": dict(reconciled.set_aside),
        "persons_touched": len(touched),
        "dossiers_changed": len(changed),
        "messages": dict(filled.messages),
    }


def _hold_new(hub: Hub, connection: Connection, *, now: datetime) -> None:
    """Let those who have just appeared wait as long as the settings say, so that a threat can be said before anything leaves."""
    if hub.settings.hold_new_hours:
        new = connection.execute(text("select id from person where created_at = :now"), {"now": now}).scalars().all()
        until = now + timedelta(hours=hub.settings.hold_new_hours)
        put(connection, new, kind="new", reason="vient d'apparaître", author="hub", now=now, until=until)


def _arrivals(connection: Connection, persons: Collection[UUID]) -> dict[UUID, Arrival]:
    if not persons:
        return {}
    rows = connection.execute(text(ARRIVALS), {"persons": list(persons)})
    return {row.person_id: Arrival(at=row.arrived_at, delivery=row.delivery) for row in rows}
