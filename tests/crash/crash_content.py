"""What a database says, whoever wrote it and when: one canonical line a row, and the hash of them all.

Renamed, because the run draws them:
- deliveries, by flow, name and the partner's own date; source records, by flow and key (both are identity columns, and a
  transaction that never ended leaves a gap in their sequence);
- persons (random ids), by the records linked to them now and those that ever were; messages, by partner, person and order;
- numbers of deliveries inside texts written for operators.

Left out:
- moments of the run (``received_at``, ``decided_at``…): whether they are set is kept, when is not. The partner's own dates
  are kept;
- ``dossier.content_hash`` and the journal's hashes and positions: they are taken over random ids and over the order of
  those. The journal is verified instead, entry by entry, and the dossier's content is compared itself;
- the token of an API and the next slot of its rate budget: drawn, and of the run.

Encrypted columns are decrypted with the hub's own key: two seals of one value differ.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, select, text

from hub.sharing import journal
from schemas.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table

    from hub.storage.vault import Vault

LEFT_OUT = {
    "dossier": {"content_hash"},
    "disclosure": {"position", "previous_hash", "entry_hash"},
    "access_token": {"token_encrypted"},
    "recall_message": {"recall_id"},
    "counted_ledger": {"mark"},
}
PARTNERS_OWN = {("delivery", "arrived_at"), ("message", "arrived_at")}
PERSONS = {"person_id", "forwards_to"}
RECORDS = {"source_record_id", "record_a", "record_b"}
NUMBERED = re.compile(r"\b(livraison |release |refuse |L)(\d+)")
EVER_LINKED = "select person_id, source_record_id, superseded_at is null as now from link"


@dataclass
class Names:
    """What stands for the ids that a run draws."""

    deliveries: dict[int, str] = field(default_factory=dict)
    records: dict[int, str] = field(default_factory=dict)
    persons: dict[Any, str] = field(default_factory=dict)
    messages: dict[Any, str] = field(default_factory=dict)

    def in_text(self, words: str) -> str:
        return NUMBERED.sub(lambda found: found[1] + self.deliveries.get(int(found[2]), found[2]), words)


def names_of(connection: Connection) -> Names:
    names = Names()
    for row in connection.execute(text("select id, flow, name, arrived_at from delivery order by id")):
        name = f"<{row.flow} {row.name} {row.arrived_at.timestamp():.0f}>"
        same = sum(each.startswith(name) for each in names.deliveries.values())
        names.deliveries[row.id] = f"{name}{same}" if same else name
    for row in connection.execute(text("select id, flow, key from source_record")):
        names.records[row.id] = f"{row.flow}:{row.key}"
    linked: defaultdict[Any, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for row in connection.execute(text(EVER_LINKED)):
        linked[row.person_id][not row.now].add(names.records[row.source_record_id])
    for person in connection.scalars(text("select id from person")):
        now, before = linked[person]
        names.persons[person] = hashlib.sha256(repr((sorted(now), sorted(before))).encode()).hexdigest()[:16]
    for row in connection.execute(text("select id, partner, person_id, sequence from message")):
        names.messages[row.id] = f"{row.partner}/{names.persons[row.person_id]}/{row.sequence}"
    return names


def dump(connection: Connection, vault: Vault) -> dict[str, list[str]]:
    """The canonical lines of each table, sorted."""
    names = names_of(connection)
    said = {}
    for table in metadata.sorted_tables:
        rows = connection.execute(select(table)).all()
        said[table.name] = sorted(_line(table, row, names, vault) for row in rows)
    said["journal"] = [str(journal.verify(connection))]
    return said


def hash_of(said: dict[str, list[str]]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def differences(expected: dict[str, list[str]], found: dict[str, list[str]]) -> str:
    """Where two contents part, table by table; the people are invented."""
    lines = []
    for table, wanted in expected.items():
        lost, new = set(wanted) - set(found[table]), set(found[table]) - set(wanted)
        if wanted != found[table]:
            lines.append(f"{table}: {len(wanted)} rows expected, {len(found[table])} found")
            lines += [f"  - {each[:600]}" for each in sorted(lost)[:3]]
            lines += [f"  + {each[:600]}" for each in sorted(new)[:3]]
    return "\n".join(lines)


def _line(table: Table, row: Row[Any], names: Names, vault: Vault) -> str:
    given = row._mapping
    kept = {
        column.name: _value(table, column, given[column.name], names, vault)
        for column in table.columns
        if column.name not in LEFT_OUT.get(table.name, ())
    }
    if table.name in {"review_case", "decision", "comparison"}:
        kept |= dict(zip(("record_a", "record_b"), sorted((kept["record_a"], kept["record_b"])), strict=True))
    return json.dumps(kept, sort_keys=True, default=str)


def _value(table: Table, column: Any, value: Any, names: Names, vault: Vault) -> Any:
    name = column.name
    if isinstance(column.type, DateTime) and (table.name, name) not in PARTNERS_OWN:
        return value is not None
    if value is None:
        return None
    if name == "id":
        return _id_of(table.name, value, names)
    if name in {"delivery_id", "message_id", *PERSONS, *RECORDS}:
        return _pointed_at(name, value, names)
    return _opened(value, vault) if name.endswith("_encrypted") else _within(value, names)


def _opened(value: bytes, vault: Vault) -> str:
    return vault.decrypt(bytes(value)).decode("utf-8", "replace")


def _id_of(table: str, value: Any, names: Names) -> Any:
    known = {
        "delivery": names.deliveries,
        "source_record": names.records,
        "person": names.persons,
        "message": names.messages,
    }
    return known[table][value] if table in known else None


def _pointed_at(name: str, value: Any, names: Names) -> str:
    if name in PERSONS:
        return names.persons[value]
    if name in RECORDS:
        return names.records[value]
    return names.messages[value] if name == "message_id" else names.deliveries[value]


def _within(value: Any, names: Names) -> Any:
    """Ids inside documents and sentences."""
    if isinstance(value, str):
        return names.in_text(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, list):
        return [_within(each, names) for each in value]
    if isinstance(value, dict):
        return {key: _inside(key, each, names) for key, each in value.items()}
    return value


def _inside(key: str, value: Any, names: Names) -> Any:
    if key in {"delivery", "delivery_id"} and isinstance(value, int):
        return names.deliveries[value]
    if key in {"avec", "record"} and isinstance(value, int):
        return names.records.get(value, value)
    return _within(value, names)
