"""Conclude: judge a delivery as a whole once it is read: control total, repeated header, volumes, fill rates, drift."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text, update

from connectors.control import control_total, header_key, is_full_picture, order_key, reference_date, told
from connectors.readers.csv_rows import same_header
from hub.intake.ledger import close_refused, count_waiting
from quality.drift import column_drift, column_shown
from schemas.tables import delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from connectors.base import Reading
    from connectors.declaration import Flow
    from hub.intake.judging import Judge
    from hub.opening import Hub
    from quality.profile import Profile

HISTORY = 12
REPEATED_KEY = "Cette personne figure déjà dans la livraison avec un contenu différent : n'envoyer qu'un enregistrement par personne."

SCOPES = "select distinct scope from staged_record where delivery_id = :id order by scope"

SAME_HEADER = """
select id from delivery
where flow = :flow and header_key = :key and sha256 <> :sha256 and state = 'applied' and id <> :id order by id desc limit 1
"""

LATER = """
select id from delivery
where flow = :flow and state = 'applied' and order_key > :order_key
  and (:scopes = '' or header_key || '|' like '%|' || :scopes || '|')
order by order_key desc limit 1
"""

SAME_NAME = """
select id from delivery
where flow = :flow and name = :name and sha256 <> :sha256 and id < :id and state not in ('refused', 'reverted')
order by id desc limit 1
"""


@dataclass
class Seen:
    """What was counted while a delivery streamed by."""

    profile: Profile
    unknown_codes: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Concluded:
    """A delivery read to its end, and what was counted on the way."""

    flow: Flow
    reading: Reading
    row: Row[Any]
    seen: Seen


def conclude(hub: Hub, connection: Connection, read: Concluded, *, judge: Judge, now: datetime) -> str:
    """Decide what the delivery may do: be applied (still ``received``), wait for an operator, or nothing at all.

    It is judged once, by what was known when it was first read: one read again because its staged records were lost
    is not judged by what was applied since.
    """
    row = read.row
    connection.execute(text("analyze staged_record"))
    quarantine_repeated_keys(hub, connection, row.id, now=now)
    if row.received is not None:
        again = update(delivery).where(delivery.c.id == row.id).values(received=count_waiting(connection, row.id))
        connection.execute(again)
        return "received"
    scopes = list(connection.execute(text(SCOPES), {"id": row.id}).scalars())
    known = known_of(read.flow, read.reading, row)
    known["header_key"] = header_key(read.flow, known["header"], scopes)
    total = control_total(read.flow, read.reading)
    if total is not None and not total.agrees:
        close_refused(connection, row.id, reason=total.message, now=now, **known)
        return "refused"
    history = _history(connection, row.flow, known["kind"])
    names = _names_shown(hub, read)
    profile = _profile(read, history, names)
    judged = judge.judge(hub.qualities[row.flow].judging(known["kind"]), profile, history)
    findings = judged["findings"] + _repeats(connection, row, known, scopes) + _drift(read, profile, history, names)
    held = [finding for finding in findings if finding["severity"] == "hold" and not row.released_by]
    state = "held" if held else "received"
    connection.execute(
        update(delivery)
        .where(delivery.c.id == row.id)
        .values(
            state=state,
            reason=" ".join(finding["message"] for finding in held) or None,
            received=count_waiting(connection, row.id),
            profile=profile | {"measures": judged["measures"]},
            findings=findings,
            **known,
        )
    )
    return state


def known_of(flow: Flow, reading: Reading, row: Row[Any]) -> dict[str, Any]:
    """What header and footer say of a delivery, as its ledger line keeps it."""
    total, header = control_total(flow, reading), told(flow, reading.header)
    return {
        "header": header,
        "footer": told(flow, reading.footer),
        "units": reading.units,
        "control_total": total.expected if total else None,
        "kind": "full" if is_full_picture(flow, header) else "delta",
        "order_key": order_key(flow, header, row.arrived_at.isoformat()),
        "reference_date": reference_date(flow, header),
    }


def _names_shown(hub: Hub, read: Concluded) -> Callable[[str], str]:
    """How the names of columns are told. A header line that lacks half of what it should hold may be somebody's line."""
    mapping = hub.in_mapping(read.flow.flow)
    known = {same_header(name) for name in (*mapping.columns, *mapping.ignored)}
    is_header = 2 * len(read.reading.missing_columns) <= len(mapping.columns)
    return lambda name: name if same_header(name) in known else column_shown(name, is_header=is_header)


def _profile(read: Concluded, history: list[dict[str, Any]], names: Callable[[str], str]) -> dict[str, Any]:
    reading, seen = read.reading, read.seen
    before, columns = _columns_before(history), [names(name) for name in reading.columns]
    return seen.profile.to_dict() | {
        "repairs": dict(seen.repairs) | reading.repairs,
        "columns": columns,
        "missing_columns": [name for name in before if columns and name not in columns],
    }


def _history(connection: Connection, flow: str, kind: str) -> list[dict[str, Any]]:
    past = connection.scalars(
        select(delivery.c.profile)
        .where(
            delivery.c.flow == flow,
            delivery.c.state == "applied",
            delivery.c.kind == kind,
            delivery.c.profile.is_not(None),
        )
        .order_by(delivery.c.id.desc())
        .limit(HISTORY)
    )
    return [dict(profile) for profile in past if profile]


def _columns_before(history: list[dict[str, Any]]) -> list[str]:
    return next((list(each["columns"]) for each in history if each.get("columns")), [])


def _finding(rule: str, message: str, severity: str = "warn") -> dict[str, str]:
    return {"rule": rule, "severity": severity, "message": message}


def _repeats(connection: Connection, row: Row[Any], known: dict[str, Any], scopes: list[str]) -> list[dict[str, str]]:
    asked = {"flow": row.flow, "name": row.name, "sha256": row.sha256, "key": known["header_key"], "id": row.id,
             "order_key": known["order_key"], "scopes": "|".join(scopes) if known["header_key"] else ""}  # fmt: skip
    found = []
    if other := connection.execute(text(SAME_HEADER), asked).scalar():
        message = (
            f"L'en-tête est celui de la livraison {other}, déjà appliquée, mais les octets diffèrent : "
            "demander au partenaire laquelle est la bonne, puis libérer ou refuser celle-ci."
        )
        found.append(_finding("entete_deja_recu", message, "hold"))
    if other := connection.execute(text(LATER), asked).scalar():
        message = (
            f"Arrivée après la livraison {other}, qui parle d'une date plus récente : ce que celle-là a dit reste."
        )
        found.append(_finding("dans_le_desordre", message))
    if other := connection.execute(text(SAME_NAME), asked).scalar():
        message = (
            f"Même nom que la livraison {other}, autres octets : traitée d'après son en-tête, pas d'après son nom."
        )
        found.append(_finding("nom_deja_recu", message))
    return found


def _drift(
    read: Concluded, profile: dict[str, Any], history: list[dict[str, Any]], names: Callable[[str], str]
) -> list[dict[str, str]]:
    reading = read.reading
    found = column_drift(profile["columns"], _columns_before(history))
    found += [
        ("colonne_inconnue", f"Colonne inconnue : {names(name)} ({n} fois).")
        for name, n in reading.unknown_columns.items()
    ]
    found += [("colonne_absente", f"Colonne attendue absente : {name}.") for name in reading.missing_columns]
    found += [
        ("code_inconnu", f"Code inconnu : {code} ({n} fois), conservé tel quel.")
        for code, n in read.seen.unknown_codes.items()
    ]
    if reading.repeated_units:
        found.append(
            ("dossier_repete", f"{reading.repeated_units} dossiers portent un numéro déjà vu dans la livraison.")
        )
    return [_finding(rule, message) for rule, message in found]


def quarantine_repeated_keys(hub: Hub, connection: Connection, delivery_id: int, *, now: datetime) -> None:
    """Set aside the later of two records that say different things of one person in one delivery."""
    repeated = connection.execute(
        text("""
            with repeated as materialized (
              select key from staged_record where delivery_id = :id group by key having count(*) > 1
            ), ranked as (
              select record, content_hash, first_value(content_hash) over (partition by key order by record) as first_hash
              from staged_record join repeated using (key) where delivery_id = :id
            ), later as materialized (
              select record from ranked where content_hash <> first_hash
            ), gone as (
              delete from staged_record s using later
              where s.delivery_id = :id and s.record = later.record
              returning s.record, s.unit, s.key, s.content
            )
            select record, unit, key, coalesce(content::text, '{}') as content from gone order by record
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
