"""Redaction: an erased person is crossed out in the deliveries as received, and the bytes are sealed again.

What came in an archive is crossed out inside and packed again in the same wrapper. What was written is read again before it
takes the place of the old bytes: if the record still says anything, or if any other record changed, the whole stored delivery is
destroyed instead.
"""

from __future__ import annotations

import io
import tempfile
from collections import defaultdict
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import text

from connectors.archives import unpacked
from connectors.formats import XmlFormat
from connectors.repacking import repacked
from hub.intake.normalise import open_delivery
from hub.intake.unsealed import unsealed
from hub.rights.masking import Gone, masked
from schemas.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Row

    from connectors.declaration import Flow
    from hub.opening import Hub

# A stored delivery may stand on several lines of the ledger: the same bytes are kept once.
PENDING = """
select d.sha256, d.flow, max(d.id) as delivery_id, array_agg(distinct r.record) as records
from redaction r join delivery d on d.id = r.delivery_id
where r.done_at is null and d.state not in ('received', 'held')
group by d.sha256, d.flow order by max(d.id)
"""

# Every record of the units concerned: the first of a unit is at place 0, and a unit of which all goes, goes whole.
UNITS = """
select unit, min(record) as first, bool_and(record = any(:records)) as whole from delivery_record
where delivery_id = :delivery
  and unit in (select unit from delivery_record where delivery_id = :delivery and record = any(:records))
group by unit
"""

DONE = """
update redaction r set done_at = :now, how = :how from delivery d
where d.id = r.delivery_id and d.sha256 = :sha256 and d.flow = :flow and r.done_at is null and r.record = any(:records)
"""


def redact_pending(hub: Hub, *, now: datetime) -> dict[str, int]:
    """Cross out every erased record that still stands in a stored delivery; killed anywhere and run again, it goes on."""
    with hub.engine.connect() as connection:
        pending = connection.execute(text(PENDING)).all()
    done = {"masked": 0, "destroyed": 0}
    for row in pending:
        how = _redact(hub, row)
        with hub.engine.begin() as connection:
            known = {"sha256": row.sha256, "flow": row.flow, "records": row.records, "now": now, "how": how}
            connection.execute(text(DONE), known)
        done[how] += 1
    return done


def _redact(hub: Hub, row: Row[Any]) -> str:
    flow = hub.flow(row.flow)
    if not hub.raw.holds(row.sha256):
        return "destroyed"
    gone = _gone(hub, row)
    with tempfile.TemporaryFile() as again:
        if _written(hub, row, flow, gone=gone, sink=again) and _right(hub, row, gone, again):
            again.seek(0)
            hub.raw.reseal(row.sha256, again)
            return "masked"
    hub.raw.destroy(row.sha256)
    return "destroyed"


def _gone(hub: Hub, row: Row[Any]) -> Gone:
    records = frozenset(row.records)
    with hub.engine.connect() as connection:
        units = connection.execute(text(UNITS), {"delivery": row.delivery_id, "records": row.records}).all()
    return Gone(
        records=records,
        units={
            each.unit: None
            if each.whole
            else frozenset(number - each.first for number in records if number >= each.first)
            for each in units
        },
    )


def _written(hub: Hub, row: Row[Any], flow: Flow, *, gone: Gone, sink: IO[bytes]) -> bool:
    if flow.format is None:
        return False
    try:
        with unsealed(hub, row.flow, row.sha256) as clear:
            pieces = masked(clear, flow.format, gone)
            if flow.unpack is None:
                sink.writelines(pieces)
                return True
            with hub.raw.open(row.sha256) as packed:
                repacked(pieces, flow.unpack, packed, sink)
    except (HubError, ValueError, SyntaxError):  # it was never whole: what stands in it cannot be told apart
        return False
    return True


def _right(hub: Hub, row: Row[Any], gone: Gone, again: IO[bytes]) -> bool:
    """Whether nothing is said any more of the records that go, and all the others are as they were."""
    again.seek(0)
    try:
        with unsealed(hub, row.flow, row.sha256) as source:
            before = _read(hub, row.flow, source)
        with unpacked(again, hub.flow(row.flow).unpack) as source:
            after = _read(hub, row.flow, io.BufferedReader(_Lent(source)))
    except (HubError, ValueError):
        return False
    if before.keys() != after.keys() or any(before[number] != after[number] for number in before.keys() - gone.records):
        return False
    shared = _shared_columns(hub, row, gone)
    return all(_says_nothing(after[number], but=shared) for number in gone.records & after.keys())


def _shared_columns(hub: Hub, row: Row[Any], gone: Gone) -> frozenset[str]:
    """The columns a record has from its unit, where somebody in it stays; and the block that counts records."""
    layout, columns = hub.flow(row.flow).format, hub.in_mapping(row.flow).columns
    if not isinstance(layout, XmlFormat):
        return frozenset()
    counting = layout.keep.column.partition("[")[0]
    stays = any(places is not None for places in gone.units.values())
    shared = {column for column in columns if not column.startswith(f"{layout.record}/")} if stays else set()
    return frozenset({*shared, *(column for column in columns if column.startswith(counting))})


def _says_nothing(values: dict[str, Any], *, but: frozenset[str]) -> bool:
    said = (word for column, value in values.items() if column not in but for word in _words(value))
    return not any(letter.isalnum() and letter != "X" for word in said for letter in word)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value


def _read(hub: Hub, flow: str, stream: IO[bytes]) -> dict[int, dict[str, Any]]:
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for chunk in open_delivery(hub, flow, stream).chunks():
        for refused in chunk.rejected:
            found[refused.record] = {"#refused": refused.raw.decode("latin-1")}
        for number, values in zip(chunk.frame.index.tolist(), chunk.frame.to_dict("records"), strict=True):
            found[number] = {str(key): each for key, each in values.items() if isinstance(each, str | list | dict)}
    return dict(found)


class _Lent(io.RawIOBase):
    """A file that stays open when whoever reads it is done."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)
