"""Normalise and check: from stored bytes to staged records, refused ones in quarantine, the delivery judged whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import select, text, update

from connectors.control import control_total, is_full_picture, order_key, reference_date
from connectors.opening import open_reader
from hub.judging import the_judge
from hub.ledger import close_refused
from hub.staging import Staging
from hub.store import take_lock
from mappings.engine import normalise as apply_mapping
from quality.check import check
from quality.profile import Profile
from schemas.errors import FixTheDelivery
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from connectors.base import Chunk, Reader, Reading
    from connectors.declaration import Flow
    from hub.judging import Judge
    from hub.opening import Hub

HISTORY = 12
REPEATED_KEY = "Cette personne figure déjà dans la livraison avec un contenu différent : n'envoyer qu'un enregistrement par personne."


@dataclass
class _Seen:
    judge: Judge
    profile: Profile = field(default_factory=Profile)
    unknown_codes: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)


def normalise(hub: Hub, delivery_id: int, *, now: datetime, progress: Callable[[int], None] | None = None) -> str:
    """Read, map and check one delivery; returns its state: still ``received``, or ``refused``, or ``held``.

    One transaction: killed anywhere, nothing is staged, and running it again starts from the stored bytes.
    """
    with hub.engine.begin() as connection:
        take_lock(connection, f"delivery:{delivery_id}")
        row = connection.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
        if row.state != "received":
            return str(row.state)
        flow = hub.flow(row.flow)
        staging = Staging(connection=connection, vault=hub.vault, flow=row.flow, delivery_id=delivery_id, now=now)
        staging.clear()
        mapping = hub.in_mapping(row.flow)
        with hub.raw.open(row.sha256) as stream:
            seen = _Seen(judge=the_judge())
            reader = open_reader(flow, stream, mapping.columns, ignored=mapping.ignored, chunk=hub.settings.chunk)
            try:
                for chunk in reader.chunks():
                    _take_chunk(hub, staging, chunk=chunk, reading=reader.reading, row=row, seen=seen)
                    if progress:
                        progress(reader.reading.records)
            except FixTheDelivery as error:
                close_refused(connection, delivery_id, reason=str(error), now=now, **_known(flow, reader, row))
                return "refused"
            return _conclude(hub, connection, flow=flow, reader=reader, row=row, seen=seen, now=now)


def _take_chunk(hub: Hub, staging: Staging, *, chunk: Chunk, reading: Reading, row: Row[Any], seen: _Seen) -> None:
    context = reading.header | {"#delivery_date": row.arrived_at.date().isoformat()}
    mapped = apply_mapping(hub.in_mapping(row.flow), chunk.frame, context)
    rejects = pd.concat(
        [mapped.rejects, check(hub.qualities[row.flow], mapped.frame, today=context["#delivery_date"])],
        ignore_index=True,
    )
    good = mapped.frame[~mapped.frame.index.isin(rejects["record"])]
    staging.stage(good)
    staging.quarantine(chunk, mapped.frame, rejects)
    seen.profile.add(good, rejected=rejects["record"].nunique() + len(chunk.rejected))
    for (codes, code), number in mapped.unknown_codes.items():
        seen.unknown_codes[f"{codes}:{code}"] = seen.unknown_codes.get(f"{codes}:{code}", 0) + number
    for repair, number in mapped.repairs.items():
        seen.repairs[repair] = seen.repairs.get(repair, 0) + number


def _conclude(
    hub: Hub, connection: Connection, *, flow: Flow, reader: Reader, row: Row[Any], seen: _Seen, now: datetime
) -> str:
    quarantine_repeated_keys(hub, connection, row.id, now=now)
    known = _known(flow, reader, row)
    total = control_total(flow, reader.reading)
    if total is not None and not total.agrees:
        close_refused(connection, row.id, reason=total.message, now=now, **known)
        return "refused"
    profile = seen.profile.to_dict()
    findings = seen.judge.findings(hub.qualities[row.flow], profile, _history(connection, row.flow)) + _drift(
        reader.reading, seen
    )
    held = [finding for finding in findings if finding["severity"] == "hold" and not row.released_by]
    received = connection.execute(
        text("""
            select (select count(*) from staged_record where delivery_id = :id)
                 + (select count(*) from quarantine where delivery_id = :id)
            """),
        {"id": row.id},
    ).scalar_one()
    state = "held" if held else "received"
    connection.execute(
        update(delivery)
        .where(delivery.c.id == row.id)
        .values(
            state=state,
            reason=" ".join(finding["message"] for finding in held) or None,
            received=received,
            profile=profile | {"repairs": seen.repairs | reader.reading.repairs},
            findings=findings,
            **known,
        )
    )
    return state


def _known(flow: Flow, reader: Reader, row: Row[Any]) -> dict[str, Any]:
    reading = reader.reading
    total = control_total(flow, reading)
    return {
        "header": reading.header,
        "footer": reading.footer,
        "units": reading.units,
        "control_total": total.expected if total else None,
        "kind": "full" if is_full_picture(flow, reading.header) else "delta",
        "order_key": order_key(flow, reading.header, row.arrived_at.isoformat()),
        "reference_date": reference_date(flow, reading.header),
    }


def _history(connection: Connection, flow: str) -> list[dict[str, Any]]:
    past = connection.scalars(
        select(delivery.c.profile)
        .where(delivery.c.flow == flow, delivery.c.state == "applied", delivery.c.profile.is_not(None))
        .order_by(delivery.c.id.desc())
        .limit(HISTORY)
    )
    return [dict(profile) for profile in past if profile]


def _drift(reading: Reading, seen: _Seen) -> list[dict[str, str]]:
    found = [
        ("colonne_inconnue", f"Colonne inconnue : {name} ({n} fois).") for name, n in reading.unknown_columns.items()
    ]
    found += [("colonne_absente", f"Colonne attendue absente : {name}.") for name in reading.missing_columns]
    found += [
        ("code_inconnu", f"Code inconnu : {code} ({n} fois), conservé tel quel.")
        for code, n in seen.unknown_codes.items()
    ]
    if reading.repeated_units:
        found.append(
            ("dossier_repete", f"{reading.repeated_units} dossiers portent un numéro déjà vu dans la livraison.")
        )
    return [{"rule": rule, "severity": "warn", "message": message} for rule, message in found]


def quarantine_repeated_keys(hub: Hub, connection: Connection, delivery_id: int, *, now: datetime) -> None:
    """Set aside the later of two records that say different things of one person in one delivery."""
    repeated = connection.execute(
        text("""
            with ranked as (
              select record, content_hash, first_value(content_hash) over (partition by key order by record) as first_hash
              from staged_record where delivery_id = :id
            ), gone as (
              delete from staged_record s using ranked r
              where s.delivery_id = :id and s.record = r.record and r.content_hash <> r.first_hash
              returning s.record, s.unit, s.key, s.content
            )
            select record, unit, key, content::text as content from gone order by record
            """),
        {"id": delivery_id},
    ).all()
    if not repeated:
        return
    connection.execute(
        text("""
            insert into quarantine (delivery_id, record, unit, field, rule, hint, key, block_encrypted, opened_at)
            values (:delivery_id, :record, :unit, '#key', 'cle_repetee', :hint, :key, :block, :now)
            """),
        [
            {
                "delivery_id": delivery_id, "record": row.record, "unit": row.unit, "hint": REPEATED_KEY,
                "key": row.key, "block": hub.vault.encrypt(row.content.encode()), "now": now,
            }
            for row in repeated
        ],
    )  # fmt: skip
