"""Replay: read refused records again from the stored delivery, after a mapping or a rule was corrected.

The raw bytes are the source, so a corrected reader helps too. Whatever passes now is applied as part of the delivery it
came in, with its place in the order; whatever does not keeps its place in quarantine, with its newest reason.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from connectors.base import Chunk
from hub.intake.apply import apply_staged
from hub.intake.ledger import count_again
from hub.intake.normalise import map_and_check, open_delivery, staging_of
from hub.intake.unsealed import unsealed
from hub.storage.store import take_lock
from quality.profile import shapes_of
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from hub.intake.staging import Staging
    from hub.opening import Hub

OPEN = "select record from quarantine where delivery_id = :id and state = 'open' and record = any(:records)"

WANTED = """
select q.delivery_id, q.record from quarantine q join delivery d on d.id = q.delivery_id
where q.state = 'open' and d.state = 'applied'
  and (cast(:flow as text) is null or d.flow = :flow)
  and (cast(:ids as bigint[]) is null or q.id = any(:ids))
  and (cast(:rule as text) is null or q.rule = :rule)
order by q.delivery_id, q.record
"""

# A record that says something else than another of the same delivery about the same person is still doubtful.
SET_BACK = """
delete from staged_record s
using source_record r, delivery_record o
where s.delivery_id = :id and r.flow = :flow and r.key = s.key and o.delivery_id = :id and o.source_record_id = r.id
  and r.content_hash <> s.content_hash
returning s.record
"""

OUTCOMES = """
update delivery_record o set outcome = j.outcome, source_record_id = r.id
from judged j left join source_record r on r.flow = :flow and r.key = j.key
where o.delivery_id = :id and o.record = j.record
"""

CLOSE = """
update quarantine set state = 'replayed', state_reason = 'rejoué', closed_at = :now
where delivery_id = :id and record in (select record from judged)
"""

NEW_REASON = """
update quarantine set field = :field, rule = :rule, hint = :hint
where delivery_id = :id and record = :record and state = 'open'
"""


@dataclass(kw_only=True)
class Replayed:
    """What replaying came to: deliveries read again, records applied or unchanged, and those still refused."""

    deliveries: int = 0
    tried: int = 0
    passed: int = 0
    still_refused: int = 0


def replay(
    hub: Hub, *, clock: Callable[[], datetime], flow: str | None = None, ids: Sequence[int] | None = None,
    rule: str | None = None,
) -> Replayed:  # fmt: skip
    """Replay the open records chosen by flow, id or rule; replaying twice equals replaying once."""
    done = Replayed()
    with hub.engine.connect() as connection:
        asked = {"flow": flow, "ids": list(ids) if ids is not None else None, "rule": rule}
        wanted: defaultdict[int, list[int]] = defaultdict(list)
        for row in connection.execute(text(WANTED), asked):
            wanted[row.delivery_id].append(row.record)
    for delivery_id, records in wanted.items():
        tried, passed = _replay_delivery(hub, delivery_id, records, now=clock())
        done.deliveries += 1
        done.tried += tried
        done.passed += passed
    done.still_refused = done.tried - done.passed
    return done


def _replay_delivery(hub: Hub, delivery_id: int, records: Sequence[int], *, now: datetime) -> tuple[int, int]:
    with hub.engine.begin() as connection:
        row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
        take_lock(connection, f"flow:{row.flow}")
        known = {"id": delivery_id, "flow": row.flow, "partner": row.partner, "order_key": row.order_key,
                 "reference_date": row.reference_date or row.arrived_at.date(), "now": now}  # fmt: skip
        wanted = set(connection.execute(text(OPEN), known | {"records": list(records)}).scalars())
        staging = staging_of(hub, connection, row, now=now)
        refused = list(_stage_again(hub, staging, row, wanted))
        connection.execute(text(SET_BACK), known)
        apply_staged(connection, known)
        connection.execute(text(OUTCOMES), known)
        passed = connection.execute(text(CLOSE), known).rowcount
        for reason in refused:
            connection.execute(text(NEW_REASON), reason | {"id": delivery_id})
        connection.execute(text("delete from staged_record where delivery_id = :id"), known)
        count_again(connection, delivery_id)
        return len(wanted), passed


def _stage_again(hub: Hub, staging: Staging, row: Row[Any], wanted: set[int]) -> Iterator[dict[str, Any]]:
    """Stage the wanted records that pass now; yields the newest reason of those that do not."""
    coded = hub.in_mapping(row.flow).coded
    with unsealed(hub, row.flow, row.sha256) as stream:
        reader = open_delivery(hub, row.flow, stream)
        for chunk in reader.chunks():
            frame = chunk.frame[chunk.frame.index.isin(wanted)]
            if frame.empty:
                continue
            done = map_and_check(hub, Chunk(frame=frame), reader.reading, row)
            staging.stage(done.good, shapes_of(done.good, coded), {})
            for reject in done.rejects.drop_duplicates("record").itertuples(index=False):
                yield {"record": reject.record, "field": reject.field, "rule": reject.rule, "hint": reject.hint}
