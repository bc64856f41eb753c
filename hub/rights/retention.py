"""Retention: two years in the active base, two in the archive, then nothing; at once when nobody follows the person any more.

What retention takes away was true: partners are not told, and nothing they were told is taken back. A litigation hold stops
every clock. Killed anywhere and run again, it goes on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from hub.acts import RETENTION, begin_act
from hub.alarms import Alarm, close_alarms, raise_alarms
from hub.backups.keys import renew_keys
from hub.dossiers.protections import ids_of, put
from hub.rights.erasure import destroy
from hub.rights.redaction import redact_pending
from hub.sharing.news import Origin
from hub.sharing.select import fill
from hub.storage.store import take_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from hub.opening import Hub

CHUNK = 1000
AUTHOR = "conservation"
REASON = "durée de conservation atteinte"

HELD, LITIGATION, SUBJECT = "conservation_retenue", "conservation_litige", "conservation"
FEW = 20  # people: however few the store knows, so many are no accident
TOO_MANY = (
    "Cette nuit {archive} personnes seraient archivées, {unfollowed} et {destroy} détruites : plus que la limite d'une nuit. "
    "Rien n'est fait. hub retention, puis hub retention --yes si c'est juste."
)
KEPT = "{litigation} personnes ont atteint leur durée de conservation et sont gardées pour un litige."

DUE = """
with word as (
  select source_record_id, max(d.arrived_at) as last
  from delivery_record o join delivery d on d.id = o.delivery_id group by source_record_id
), clock as (
  select l.person_id, bool_or(r.left_on is null) as followed, max(r.left_on) as left_on,
         max(coalesce(w.last, r.updated_at)) as last_word
  from link l
  join source_record r on r.id = l.source_record_id
  left join word w on w.source_record_id = r.id
  where l.superseded_at is null
  group by l.person_id
), held as (
  select distinct l.person_id, p.kind from protection p
  join protection_record c on c.protection_id = p.id
  join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
  where p.closed_at is null and p.kind in ('litigation', 'archived')
), judged as (
  select person_id,
    case when last_word < cast(:now as timestamptz) - make_interval(months => :active + :archive) then 'destroy'
         when not followed and left_on < cast(:now as date) - cast(:unfollowed as integer) then 'unfollowed'
         when last_word < cast(:now as timestamptz) - make_interval(months => :active) then 'archive' end as due
  from clock
)
select j.person_id, j.due, exists (select from held h where h.person_id = j.person_id and h.kind = 'litigation') as litigation
from judged j
where j.due is not null
  and not (j.due = 'archive' and exists (select from held h where h.person_id = j.person_id and h.kind = 'archived'))
order by j.person_id
"""

RAW_DUE = """
select sha256 from delivery where state not in ('received', 'held')
group by sha256 having max(received_at) < cast(:now as timestamptz) - make_interval(months => :raw)
"""


class Durations(BaseModel):
    """How long, as ``hub/rights/retention.yml`` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    active_months: int = Field(ge=1)
    archive_months: int = Field(ge=0)
    unfollowed_days: int = Field(ge=0)
    raw_months: int = Field(ge=1)


@dataclass(kw_only=True)
class Kept:
    """Whom each clock concerns. ``litigation`` are due and held."""

    archive: list[UUID] = field(default_factory=list)
    unfollowed: list[UUID] = field(default_factory=list)
    destroy: list[UUID] = field(default_factory=list)
    litigation: list[UUID] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)


def load_durations() -> Durations:
    """The durations of the package."""
    return Durations.model_validate(
        yaml.safe_load(files("hub.rights").joinpath("retention.yml").read_text(encoding="utf-8"))
    )


def due(hub: Hub, connection: Connection, *, now: datetime) -> Kept:
    """Whom and what the clocks have run out for; nothing is changed."""
    lasting = load_durations()
    limits = {"now": now, "active": lasting.active_months, "archive": lasting.archive_months,
              "unfollowed": lasting.unfollowed_days, "raw": lasting.raw_months}  # fmt: skip
    found = Kept()
    for row in connection.execute(text(DUE), limits):
        getattr(found, "litigation" if row.litigation and row.due != "archive" else row.due).append(row.person_id)
    stored = connection.execute(text(RAW_DUE), limits).scalars()
    found.raw = [sha256 for sha256 in stored if hub.raw.holds(sha256)]
    return found


def retain(hub: Hub, *, clock: Callable[[], datetime], dry_run: bool) -> dict[str, Any]:
    """Archive and destroy what is due; returns how many people and stored deliveries, with ``dry_run`` how many would be."""
    with hub.engine.connect() as connection:
        found = due(hub, connection, now=clock())
    counts = {name: len(each) for name, each in asdict(found).items()}
    if not dry_run:
        for start in range(0, len(found.archive), CHUNK):
            _archive(hub, found.archive[start : start + CHUNK], now=clock())
        gone = [*found.destroy, *found.unfollowed]
        for start in range(0, len(gone), CHUNK):
            _destroy(hub, gone[start : start + CHUNK], now=clock())
        for sha256 in found.raw:
            hub.raw.destroy(sha256)
        counts |= redact_pending(hub, now=clock())
        renew_keys(hub)
    return {"dry_run": dry_run, **counts}


def retain_nightly(hub: Hub, *, clock: Callable[[], datetime], dry_run: bool) -> dict[str, Any]:
    """The same by itself, each night: what is due is done, unless it is so much that a clock or a delivery must be wrong.

    Then nothing is done, and an alarm waits for an operator; another says that people are kept for a litigation.
    """
    counts = retain(hub, clock=clock, dry_run=True)
    held = _too_many(hub, sum(counts[kind] for kind in ("archive", "unfollowed", "destroy")))
    with hub.engine.begin() as connection:
        too_many = Alarm(kind=HELD, subject=SUBJECT, message=TOO_MANY.format(**counts))
        kept = Alarm(kind=LITIGATION, subject=SUBJECT, message=KEPT.format(**counts))
        _say(connection, too_many, holds=held, now=clock())
        _say(connection, kept, holds=counts["litigation"] > 0, now=clock())
    done = counts if dry_run or held else retain(hub, clock=clock, dry_run=False)
    return done | {"held": held}


def _too_many(hub: Hub, people: int) -> bool:
    with hub.engine.connect() as connection:
        everybody = connection.execute(text("select count(distinct person_id) from link where superseded_at is null"))
        return people > max(FEW, hub.settings.retention_limit * int(everybody.scalar_one()))


def _say(connection: Connection, alarm: Alarm, *, holds: bool, now: datetime) -> None:
    """Keep an alarm true: raised, or seen again with what it says now, or closed."""
    if holds:
        raise_alarms(connection, [alarm], now=now)
    else:
        close_alarms(connection, alarm.subject, now=now, kind=alarm.kind)


def _archive(hub: Hub, people: list[UUID], *, now: datetime) -> None:
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile")
        put(connection, people, kind="archived", reason=REASON, author=AUTHOR, now=now)
        act = begin_act(connection, RETENTION, now=now)
        fill(connection, hub.agreements, people, now=now, origin=Origin(act=act.id))
    act.told()


def _destroy(hub: Hub, people: list[UUID], *, now: datetime) -> None:
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile")
        destroy(hub, connection, ids_of(connection, people), act=None, author=AUTHOR, reason=REASON, now=now)
