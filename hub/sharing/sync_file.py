"""The sync file of a partner: what waits for it, numbered, chained to the one before, and deposited manifest last."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, text, update

from connectors.writers.files import sha256_of, write_csv, write_json_lines
from connectors.writers.xml import write_xml
from hub.sharing.contract import WITHDRAWN
from hub.storage.store import take_lock
from mappings.engine import render, render_elements, withdrawn
from schemas.beneficiary import VERSION
from schemas.errors import CallSomeone, FixTheDeclaration
from schemas.tables import message, sync_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from connectors.declaration import Flow
    from mappings.declaration import OutMapping

MOST_RECORDS = 25_000  # in one file, which is held in memory; what is left makes the next one
KINDS = {"delta": "delta", "full": "complet"}

TAKE = """
with taken as (
  select id from message where partner = :partner and state = 'pending' and sync_file_id is null
  order by priority, created_at, person_id, sequence limit :most for update skip locked
)
update message m set sync_file_id = :file from taken where m.id = taken.id
"""


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """The files of one sync file, in the order they are deposited; the manifest is the last."""

    number: int
    sequence: int
    records: int
    files: tuple[tuple[str, bytes], ...]


def open_sync_file(
    connection: Connection, flow: Flow, mapping: OutMapping, *, kind: str, now: datetime
) -> Deposit | None:
    """Number what waits for the partner and tie it to a file; nothing when nothing waits.

    Committed before anything is deposited: after a crash the same file, with the same bytes, is deposited again.
    """
    take_lock(connection, f"sync:{flow.partner}")
    last = connection.execute(
        select(sync_file.c.sequence, sync_file.c.sha256)
        .where(sync_file.c.partner == flow.partner)
        .order_by(sync_file.c.sequence.desc())
        .limit(1)
    ).first()
    sequence = (last.sequence if last else 0) + 1
    number = connection.execute(
        sync_file.insert()
        .values(
            partner=flow.partner, sequence=sequence, kind=kind, name=_name(flow.partner, sequence, kind), sha256="",
            previous_sha256=last.sha256 if last else None, records=0, created_at=now,
        )
        .returning(sync_file.c.id)
    ).scalar_one()  # fmt: skip
    taken = connection.execute(text(TAKE), {"partner": flow.partner, "file": number, "most": MOST_RECORDS}).rowcount
    if not taken:
        connection.execute(sync_file.delete().where(sync_file.c.id == number))
        return None
    deposit = read_sync_file(connection, flow, mapping, number)
    connection.execute(
        update(sync_file).where(sync_file.c.id == number).values(sha256=sha256_of(deposit.files[0][1]), records=taken)
    )
    return deposit


def undeposited(connection: Connection, partner: str) -> list[int]:
    """Files numbered and not deposited: a run was interrupted."""
    chosen = select(sync_file.c.id).where(sync_file.c.partner == partner, sync_file.c.deposited_at.is_(None))
    return list(connection.scalars(chosen.order_by(sync_file.c.sequence)))


def read_sync_file(connection: Connection, flow: Flow, mapping: OutMapping, number: int) -> Deposit:
    """Write the files from the messages tied to them: the same bytes whenever it is done.

    Raises ``CallSomeone`` when they are not those that were numbered: the layout was changed before the deposit, and
    the partner may hold the first ones.
    """
    head = connection.execute(select(sync_file).where(sync_file.c.id == number)).one()
    rows = connection.execute(
        select(message.c.id, message.c.sequence, message.c.payload)
        .where(message.c.sync_file_id == number)
        .order_by(message.c.person_id, message.c.sequence)
    ).all()
    deposit = files_of(head, flow, mapping, rows)
    if head.sha256 and head.sha256 != sha256_of(deposit.files[0][1]):
        raise CallSomeone(
            f"{head.name}: the layout of {flow.flow} changed before this file was deposited: restore it, deliver, change it again."
        )
    return deposit


def files_of(head: Any, flow: Flow, mapping: OutMapping, rows: Sequence[Any]) -> Deposit:
    """The files of a numbered set of messages, as the partner finds them: data in each declared form, then the manifest."""
    assert flow.deliver is not None
    data: list[tuple[str, bytes]] = []
    if "csv" in flow.deliver.files:
        data.append((f"{head.name}.csv", _csv(flow.deliver.reference, mapping, rows)))
    if "json_lines" in flow.deliver.files:
        data.append((f"{head.name}.jsonl", _json_lines(flow.deliver.reference, rows)))
    if "xml" in flow.deliver.files:
        data.append((f"{head.name}.xml", _xml(flow, mapping, head, rows)))
    manifest = {
        "partenaire": flow.partner,
        "sequence": head.sequence,
        "precedent_sha256": head.previous_sha256,
        "nature": KINDS[head.kind],
        "schema": VERSION,
        "cree_le": head.created_at.isoformat(),
        "fichiers": [
            {"nom": name, "sha256": sha256_of(content), "enregistrements": len(rows)} for name, content in data
        ],
    }
    sealed = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    files = (*data, (f"{head.name}.manifest.json", sealed))
    return Deposit(number=head.id, sequence=head.sequence, records=len(rows), files=files)


def _name(partner: str, sequence: int, kind: str) -> str:
    return f"hub_{partner}_{sequence:06d}_{KINDS[kind]}"


def _csv(reference: Sequence[str], mapping: OutMapping, rows: Sequence[Any]) -> bytes:
    cells = render(mapping, [row.payload["fields"] for row in rows])
    lines = [
        {
            "message_id": str(row.id),
            "sequence": str(row.sequence),
            **named_by(reference, row.payload["reference"]),
            **cell,
            WITHDRAWN: " ".join(withdrawn(mapping, row.payload["fields"])),
        }
        for row, cell in zip(rows, cells, strict=True)
    ]
    columns = ["message_id", "sequence", *reference, *(column.column for column in mapping.columns), WITHDRAWN]
    sink = io.BytesIO()
    write_csv(sink, columns, lines)
    return sink.getvalue()


def _json_lines(reference: Sequence[str], rows: Sequence[Any]) -> bytes:
    sink = io.BytesIO()
    write_json_lines(
        sink,
        (
            {
                "message_id": str(row.id),
                "sequence": row.sequence,
                **named_by(reference, row.payload["reference"]),
                "champs": row.payload["fields"],
            }
            for row in rows
        ),
    )
    return sink.getvalue()


def _xml(flow: Flow, mapping: OutMapping, head: Any, rows: Sequence[Any]) -> bytes:
    if flow.deliver is None or mapping.xml is None:
        raise FixTheDeclaration(f"mappings/partners/{flow.flow}.yml: xml: missing; write the elements of its XML file.")
    written = render_elements(mapping.xml, [row.payload["fields"] for row in rows])
    records = (
        {
            "message_id": str(row.id),
            "sequence": str(row.sequence),
            **named_by(flow.deliver.reference, row.payload["reference"]),
            **elements,
        }
        for row, elements in zip(rows, written, strict=True)
    )
    header = {
        "date_generation": head.created_at.isoformat(),
        "partenaire": flow.partner,
        "sequence": str(head.sequence),
        "fichier_stock": "1" if head.kind == "full" else "0",
        "nombre": str(len(rows)),
    }
    sink = io.BytesIO()
    write_xml(sink, mapping.xml.root, (mapping.xml.header, header), mapping.xml.record, records)
    return sink.getvalue()


REFERENCES = {
    "identifiant": "identifiers.departement_id",
    "numero_demande_rsa": "identifiers.claim_number",
    "nom_naissance": "identity.birth_name",
    "prenom": "identity.first_names",
    "date_naissance": "identity.birth_date",
}


def named_by(reference: Sequence[str], own: dict[str, Any]) -> dict[str, str]:
    named: dict[str, str] = {}
    for column in reference:
        value = own.get(REFERENCES[column], "")
        named[column] = str(next(iter(value), "")) if isinstance(value, list) else str(value)
    return named
