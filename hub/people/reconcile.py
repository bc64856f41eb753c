"""Reconcile: link records to persons, rebuild the touched dossiers, fill the outbox; one transaction a slice."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub import telemetry
from hub.alarms import Alarm, close_alarms, raise_alarms
from hub.dossiers.dossier import rebuild
from hub.dossiers.protections import close_over, put, reopen
from hub.identity.effect import effect_of
from hub.identity.matching import read_matching
from hub.identity.reconcile import FEW
from hub.identity.reconcile import reconcile as link_records
from hub.identity.thresholds import CONTRADICTED, MISSED, check_among
from hub.logs import log
from hub.people.reviews import weigh_cases
from hub.people.slices import Slice, slices
from hub.people.tombstones import hold_returned
from hub.sharing.follow import carry_told
from hub.sharing.news import NewestWord, Origin
from hub.sharing.recalls import note_recall
from hub.sharing.select import fill
from hub.storage.store import is_waited_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.identity.links import Reconciled
    from hub.identity.thresholds import Check
    from hub.opening import Hub

DRIFT, SUBJECT = "seuils_derives", "rapprochement"
LOOK_AGAIN = 10  # slices between two looks at what came alone meanwhile
GIVE_WAY = 0.5  # seconds a flood leaves to whoever waits for it: to apply what came, and to match it at once

# When the newest word about each person reached us, which the time to its delivery is counted from; and the latest delivery
# that any of their records comes from, whose trace what is told now belongs to.
NEWEST_WORDS = """
select l.person_id, max(d.arrived_at) as arrived_at, max(d.id) as delivery
from link l
join source_record r on r.id = l.source_record_id
join delivery d on d.id = r.delivery_id
where l.superseded_at is null and l.person_id = any(:persons)
group by l.person_id
"""


def reconcile(
    hub: Hub,
    *,
    clock: Callable[[], datetime],
    full: bool = False,
    anyhow: bool = False,
    deliveries: Collection[int] | None = None,
) -> dict[str, Any]:
    """Match what is new (``full``: everything), rebuild dossiers, write messages and disclosures with them.

    What is new is taken in slices, each whole in its transaction; ``deliveries`` leaves every other flood to somebody else.
    Returns counts: records looked at, links made, persons, review cases, dossiers changed, messages per partner. A full match is
    to change nobody: it says whom it did, and above ``HUB_REMATCH_LIMIT`` it changes nothing unless ``anyhow``.
    """
    with telemetry.step("reconcile", telemetry.deliveries_to_match(hub.engine)):
        done = _again(hub, anyhow=anyhow, now=clock()) if full else _new(hub, clock=clock, deliveries=deliveries)
    if not done.get("blocked"):
        log().info("reconciled", **{name: value for name, value in done.items() if name != "drift"})
    return done


def _again(hub: Hub, *, anyhow: bool, now: datetime) -> dict[str, Any]:
    with hub.engine.connect() as connection, connection.begin() as transaction:
        reconciled = link_records(connection, hub.vault, hub.matching, now=now, full=True)
        effect = effect_of(connection, reconciled.moved)
        if effect.above(hub.settings.rematch_limit) and not anyhow:
            transaction.rollback()
            return {"blocked": True, "limit": hub.settings.rematch_limit, **effect.to_dict()}
        return follow(hub, connection, reconciled, now=now) | {"drift": effect.to_dict()}


def _new(hub: Hub, *, clock: Callable[[], datetime], deliveries: Collection[int] | None) -> dict[str, Any]:
    """Slice after slice until nothing waits: what came alone meanwhile goes before the rest of a flood."""
    waiting, total = _waiting(hub, deliveries) or [Slice()], dict[str, Any]()
    looked_at: list[int] = []
    while waiting:
        for chosen in waiting[:LOOK_AGAIN]:
            done = _slice(hub, chosen, now=clock())
            looked_at += chosen.records
            total = {name: _added(total.get(name, type(value)()), value) for name, value in done.items()}
        waiting = _waiting(hub, deliveries)
    return total | _checked(hub, looked_at, now=clock())


def _checked(hub: Hub, records: Collection[int], *, now: datetime) -> dict[str, Any]:
    """Whether the thresholds are still right, once enough was matched to tell."""
    if len(records) < FEW:
        return {}
    with hub.engine.begin() as connection:
        found = check_among(connection, hub.vault, hub.matching, records, now=now)
        return _thresholds(connection, found, now=now)


def _waiting(hub: Hub, deliveries: Collection[int] | None) -> list[Slice]:
    with hub.engine.connect() as connection:
        return slices(connection, deliveries=deliveries)


def _slice(hub: Hub, chosen: Slice, *, now: datetime) -> dict[str, Any]:
    with hub.engine.begin() as connection:
        reconciled = link_records(connection, hub.vault, hub.matching, now=now, chosen=chosen.records)
        done = follow(hub, connection, reconciled, now=now, flood=chosen.flood)
        waited_for = chosen.flood and is_waited_for(connection, "reconcile")
    if waited_for:
        time.sleep(GIVE_WAY)
    return done


def _added(one: Any, other: Any) -> Any:
    """Two counts, or two tables of counts, together."""
    return dict(Counter(one) + Counter(other)) if isinstance(one, dict) else one + other


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
        **({"thresholds": reconciled.thresholds.to_dict()} if reconciled.thresholds else {}),
        **effect.to_dict(),
    }


def follow(
    hub: Hub, connection: Connection, reconciled: Reconciled, *, now: datetime, flood: bool = False
) -> dict[str, Any]:
    """All that follows from links, in their transaction."""
    reopen(connection, reconciled.touched, now=now)
    touched = reconciled.touched | close_over(connection, now=now)
    returned = hold_returned(hub, connection, touched, now=now)
    _hold_new(hub, connection, now=now)
    carry_told(connection, reconciled.moved)
    changed = rebuild(connection, touched, now=now)
    recalled = {person for move in reconciled.moved for person in (move.old, move.new)}
    origin = Origin(words=_newest_words(connection, touched), flood=flood)
    filled = fill(connection, hub.agreements, touched, now=now, origin=origin, recalled=recalled)
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
    } | _thresholds(connection, reconciled.thresholds, now=now)


def _thresholds(connection: Connection, found: Check | None, *, now: datetime) -> dict[str, Any]:
    if found is None:
        return {}
    _say_drift(connection, found, now=now)
    return {"thresholds": found.to_dict()}


def _say_drift(connection: Connection, found: Check, *, now: datetime) -> None:
    """Raise the alarm of thresholds that certified numbers no longer bear out, or close it."""
    if not found.drifted:
        close_alarms(connection, SUBJECT, now=now, kind=DRIFT)
        return
    message = (
        f"Jugées sans leur numéro certifié, {found.missed:.2%} des paires d'une même personne seraient manquées (au plus "
        f"{MISSED:.0%}) et {found.contradicted:.3%} des liens contredits par deux numéros (au plus {CONTRADICTED:.1%})."
    )
    if found.cost_needed:
        message += f" Un coût `false_merge` de {found.cost_needed:g} écarterait ces liens."
    raise_alarms(connection, [Alarm(kind=DRIFT, subject=SUBJECT, message=message)], now=now)


def _hold_new(hub: Hub, connection: Connection, *, now: datetime) -> None:
    """Let those who have just appeared wait as long as the settings say, so that a threat can be said before anything leaves."""
    if hub.settings.hold_new_hours:
        new = connection.execute(text("select id from person where created_at = :now"), {"now": now}).scalars().all()
        until = now + timedelta(hours=hub.settings.hold_new_hours)
        put(connection, new, kind="new", reason="vient d'apparaître", author="hub", now=now, until=until)


def _newest_words(connection: Connection, persons: Collection[UUID]) -> dict[UUID, NewestWord]:
    if not persons:
        return {}
    rows = connection.execute(text(NEWEST_WORDS), {"persons": list(persons)})
    return {row.person_id: NewestWord(at=row.arrived_at, delivery=row.delivery) for row in rows}
