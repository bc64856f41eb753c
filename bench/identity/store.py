"""A store of invented people for the benchmarks of who is who, filled as partners' deliveries would have left it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow.parquet as pq
from sqlalchemy import text

from bench.identity.generate import generate
from hub.identity.french.dates import birth_date
from hub.identity.french.person import sex_of
from hub.opening import Hub
from hub.settings import Settings
from hub.storage.statements import ask
from hub.storage.store import copy_rows
from schemas.nir import Nir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

FLOWS = {
    "caf": ("caf_rsa", "caf"),
    "pe": ("pole_emploi_usagers", "pole_emploi"),
    "departement": ("departement_pivot", "departement_08"),
}
NOW, DAY = datetime(2026, 11, 24, 6, 0, tzinfo=UTC), date(2026, 11, 24)
WHERE = {
    "birth_name": "identity.birth_name", "usage_name": "identity.usage_name", "birth_place_insee": "identity.birth_place_code",
    "address": "contact.address_street", "postcode": "contact.postcode", "city": "contact.commune_name", "email": "contact.email",
}  # fmt: skip
Row = tuple[str, dict[str, Any], str | None]


@contextmanager
def opened(folder: Path) -> Iterator[Hub]:
    """A hub on its own embedded store."""
    hub = Hub(Settings(home=folder / "hub"))
    yield hub
    hub.engine.dispose()


def invented(folder: Path, *, people: int, seed: int) -> list[tuple[str, Row]]:
    """The records that three partners hold of some people: source, then key, content and number."""
    return [
        (path.stem, (f"{path.stem}{row['source_id']}", *content_of(row)))
        for path in generate(folder, people=people, seed=seed, level="ordinary")
        for row in pq.read_table(path).to_pylist()
    ]


def content_of(row: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """A line of a benchmark file as a common record, its number apart."""
    born, nir = birth_date(row["birth_date"]), Nir.parse(row["nir"] or "")
    content: dict[str, Any] = {path: row[name] for name, path in WHERE.items() if row[name]}
    content["identity.first_names"] = (row["first_names"] or "").replace(",", " ").split()
    if born.year:
        content["identity.birth_date"] = f"{born.year:04d}-{born.month or 1:02d}-{born.day or 1:02d}"
        content["identity.birth_date_precision"] = "day" if born.day else "month" if born.month else "year"
    if sex := sex_of(row["sex"]):
        content["identity.sex"] = sex
    if row["phone"]:
        content["contact.phones"] = [row["phone"]]
    if nir:
        content |= {"identity.nir_key_status": nir.key_status, "identity.nir_kind": nir.kind}
    return content, nir.value if nir else None


def fill(hub: Hub, said: list[tuple[str, Row]]) -> None:
    """Keep records as applied deliveries leave them: not matched yet."""
    with hub.engine.begin() as connection:
        carried = {source: delivered(connection, *FLOWS[source]) for source in FLOWS}
        rows = [
            (number, *FLOWS[source], key, "", 1, b"", hub.vault.hash("nir", nir.encode()) if nir else None, DAY, "1",
             carried[source], True, NOW)
            for number, (source, (key, _, nir)) in enumerate(said, start=1)
        ]  # fmt: skip
        connection.execute(text("create temporary table arriving (like source_record) on commit drop"))
        columns = "id, flow, partner, key, scope, version, content_hash, nir_hash, as_of, order_key, delivery_id, to_match, updated_at"
        connection.execute(text("alter table arriving alter withdrawn set default false"))
        copy_rows(connection, f"copy arriving ({columns}) from stdin", rows)
        connection.execute(text("insert into source_record overriding system value select * from arriving"))
        connection.execute(
            text("select setval(pg_get_serial_sequence('source_record', 'id'), :last)"), {"last": len(said)}
        )
        copy_rows(
            connection,
            "copy source_version (source_record_id, version, content, nir_encrypted, content_hash, as_of, delivery_id, recorded_at) from stdin",
            ((number, 1, orjson.dumps(content).decode(), hub.vault.encrypt(nir.encode()) if nir else None, b"", DAY,
              carried[source], NOW) for number, (source, (_, content, nir)) in enumerate(said, start=1)),
        )  # fmt: skip
    _analyse(hub)


def hear(hub: Hub, connection: Connection, said: list[tuple[str, Row]], *, delivery: int) -> None:
    """More records, in the caller's transaction, in one statement."""
    hashed = [hub.vault.hash("nir", nir.encode()) if nir else None for _, (_, _, nir) in said]
    sealed = [hub.vault.encrypt(nir.encode()) if nir else None for _, (_, _, nir) in said]
    told = {
        "flows": [FLOWS[source][0] for source, _ in said], "partners": [FLOWS[source][1] for source, _ in said],
        "keys": [key for _, (key, _, _) in said], "contents": [orjson.dumps(content).decode() for _, (_, content, _) in said],
        "hashed": hashed, "sealed": sealed, "delivery": delivery, "now": NOW, "day": DAY,
    }  # fmt: skip
    ask(connection, (HEAR, told))


HEAR = """
with said as (
  select * from unnest(%(flows)s::text[], %(partners)s::text[], %(keys)s::text[], %(hashed)s::bytea[], %(contents)s::text[], %(sealed)s::bytea[])
    s(flow, partner, key, hashed, content, sealed)
), kept as (
  insert into source_record (flow, partner, key, scope, version, content_hash, nir_hash, as_of, order_key, delivery_id, to_match, updated_at)
  select flow, partner, key, '', 1, '', hashed, %(day)s::date, '1', %(delivery)s::bigint, true, %(now)s::timestamptz from said
  returning id, flow, key
)
insert into source_version (source_record_id, version, content, nir_encrypted, content_hash, as_of, delivery_id, recorded_at)
select id, 1, content::jsonb, sealed, '', %(day)s::date, %(delivery)s::bigint, %(now)s::timestamptz from kept join said using (flow, key)
"""


def delivered(connection: Connection, flow: str, partner: str) -> int:
    return connection.execute(
        text("insert into delivery (flow, partner, name, sha256, size, arrived_at, received_at, state)"
             " values (:flow, :partner, 'bench', '0', 1, :now, :now, 'received') returning id"),
        {"flow": flow, "partner": partner, "now": NOW},
    ).scalar_one()  # fmt: skip


def _analyse(hub: Hub) -> None:
    with hub.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("analyze"))
