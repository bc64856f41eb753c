"""Reject files: what a partner sent and we could not take, in its own layout, with the reason beside each record.

Nothing goes into it that was not in the partner's own delivery. Records closed since (replayed, dropped) are left out.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

import orjson
from lxml import etree
from sqlalchemy import text

from connectors.formats import CsvFormat, JsonLinesFormat, XmlFormat
from connectors.opening import connector_at
from connectors.readers.csv_rows import same_header
from connectors.readers.lines import lines_of
from connectors.writers.files import write_csv
from hub.intake.unsealed import unsealed
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from hub.opening import Hub

REASONS = ("MOTIF_CHAMP", "MOTIF_REGLE", "MOTIF")

REFUSED = """
select q.record, q.unit, q.field, q.rule, q.hint, q.block_encrypted from quarantine q
where q.delivery_id = :id and q.state = 'open' order by q.record
"""

DELIVERY = "select id, flow, name, sha256, profile from delivery where id = :id"


def write_rejects(hub: Hub, delivery_id: int, sink: IO[bytes]) -> int:
    """Write the open refused records of a delivery; returns how many. Raises ``FixTheDeclaration`` when there is none."""
    with hub.engine.connect() as connection:
        delivery = connection.execute(text(DELIVERY), {"id": delivery_id}).first()
        rows = connection.execute(text(REFUSED), {"id": delivery_id}).all()
    if delivery is None or not rows:
        raise FixTheDeclaration(f"Delivery {delivery_id} has no open record in quarantine.")
    layout = hub.flow(delivery.flow).format
    match layout:
        case XmlFormat():
            with unsealed(hub, delivery.flow, delivery.sha256) as stream:
                _write_xml(layout, stream, rows, sink)
        case CsvFormat():
            _write_csv(hub, delivery, rows, sink)
        case JsonLinesFormat() | None:
            with unsealed(hub, delivery.flow, delivery.sha256) as stream:
                _write_json(stream, rows, sink)
    return len(rows)


def send_rejects(hub: Hub, delivery_id: int) -> str:
    """Leave the reject file with the partner; returns its name."""
    from connectors.completeness import Place  # noqa: PLC0415 - protocols load when used

    with hub.engine.connect() as connection:
        delivery = connection.execute(text(DELIVERY), {"id": delivery_id}).first()
    if delivery is None:
        raise FixTheDeclaration(f"There is no delivery {delivery_id}.")
    flow = hub.flow(delivery.flow)
    if flow.rejects is None:
        raise FixTheDeclaration(
            f"{flow.flow}: rejects: say in which folder the partner takes its refused records back."
        )
    content = io.BytesIO()
    write_rejects(hub, delivery_id, content)
    content.seek(0)
    name = f"rejets_{delivery_id}_{delivery.name}"
    with connector_at(flow, hub.settings.access(flow.connection), Place(folder=flow.rejects)) as connector:
        connector.deposit(name, content)
    return name


def _reasons(row: Row[Any]) -> dict[str, str]:
    return dict(zip(REASONS, (row.field, row.rule, row.hint), strict=True))


def _write_csv(hub: Hub, delivery: Row[Any], rows: Any, sink: IO[bytes]) -> None:
    header = [name for name in delivery.profile.get("columns") or hub.in_mapping(delivery.flow).columns if name]
    ours = {same_header(column): column for column in hub.in_mapping(delivery.flow).columns}

    def lines() -> Iterator[dict[str, str]]:
        for row in rows:
            block = hub.vault.decrypt(row.block_encrypted) if row.block_encrypted else b"{}"
            try:
                cells = orjson.loads(block)
            except orjson.JSONDecodeError:  # a line that could not be cut into cells goes back whole
                cells = {ours.get(same_header(header[0]), header[0]): block.decode("utf-8", "replace").strip()}
            named = {name: cells.get(ours.get(same_header(name), name)) for name in header}
            yield {name: str(value) if value is not None else "" for name, value in named.items()} | _reasons(row)

    write_csv(sink, list(dict.fromkeys([*header, *REASONS])), lines())


def _write_json(stream: IO[bytes], rows: Any, sink: IO[bytes]) -> None:
    wanted = {row.record: row for row in rows}
    record = 0
    for line in lines_of(stream, keep_cr=True):
        if not line.strip():
            continue
        record += 1
        if record in wanted:
            try:
                given = orjson.loads(line)
            except orjson.JSONDecodeError:
                given = line.decode("utf-8", "replace").strip()
            body = {"enregistrement": given, **_reasons(wanted[record])}
            sink.write(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE))


def _write_xml(layout: XmlFormat, stream: IO[bytes], rows: Any, sink: IO[bytes]) -> None:
    by_unit: dict[int, list[Row[Any]]] = {}
    for row in rows:
        by_unit.setdefault(row.unit, []).append(row)
    tags = (layout.unit, layout.header)
    unit = 0
    sink.write(b'<?xml version="1.0" encoding="utf-8"?>\n<Rejets>\n')
    for _, element in etree.iterparse(stream, tag=tags, resolve_entities=False, no_network=True, load_dtd=False):
        if element.tag == layout.header:
            sink.write(etree.tostring(element, encoding="utf-8", with_tail=False) + b"\n")
        else:
            unit += 1
            if unit in by_unit:
                for row in by_unit[unit]:
                    reason = etree.SubElement(element, "MotifRejet")
                    for tag, value in zip(("CHAMP", "REGLE", "MOTIF"), (row.field, row.rule, row.hint), strict=True):
                        etree.SubElement(reason, tag).text = value
                sink.write(etree.tostring(element, encoding="utf-8", with_tail=False) + b"\n")
        element.clear()
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]
    sink.write(b"</Rejets>\n")
