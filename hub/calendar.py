"""The calendar: when each flow's deliveries are expected, which are missing, and what to ask the partner for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from croniter import croniter
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from connectors.declaration import Flow
    from connectors.formats import Expected

PARIS = ZoneInfo("Europe/Paris")

# A delivery answers the nearest expectation of its kind, whatever became of it: refused ones say so themselves.
CAME = """
select id, name, state, reference_date, order_key, arrived_at, kind from delivery
where flow = :flow and state not in ('repeated', 'redated') and (cast(:kind as text) is null or kind = :kind)
  and (cast(:scope as text) is null or header_key is null or header_key || '|' like '%|' || :scope || '|%' or state in ('received', 'refused'))
order by arrived_at
"""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A delivery that should have come: of which flow, what it is called, when it was due, and the last one seen."""

    flow: str
    what: str
    due: datetime
    last_name: str | None
    last_reference: str | None
    last_order: str | None

    @property
    def subject(self) -> str:
        return f"{self.flow}/{self.what}/{self.due:%Y-%m-%d}"

    @property
    def message(self) -> str:
        seen = (
            f"dernière reçue : {self.last_name} (référence {self.last_reference})" if self.last_name else "aucune reçue"
        )
        return (
            f"Livraison {self.what} du {self.due:%d/%m/%Y} à {self.due:%Hh%M} non reçue ; {seen}. "
            f"Demander un nouvel envoi : hub ledger {self.flow} --resend en rédige la demande."
        )

    def to_dict(self) -> dict[str, Any]:
        return {"flow": self.flow, "what": self.what, "due": self.due, "last_name": self.last_name,
                "last_reference": self.last_reference}  # fmt: skip


def missing(connection: Connection, flow: Flow, *, now: datetime) -> list[Missing]:
    """The deliveries of a flow that were due, with their grace, and did not come, oldest first.

    Expectations are counted from the first delivery of the flow: before it, nothing was promised.
    """
    found: list[Missing] = []
    for expected in flow.expected:
        came = connection.execute(text(CAME), {"flow": flow.flow, "kind": expected.kind, "scope": expected.scope}).all()
        if not came:
            continue
        for due in _due(expected, came[0].arrived_at, now):
            if not _answered(expected, came, due, now):
                last = max((row for row in came if row.arrived_at < due), key=lambda row: row.arrived_at, default=None)
                found.append(_missing(flow, expected, due, last))
    return sorted(found, key=lambda each: each.due)


def _due(expected: Expected, first: datetime, now: datetime) -> list[datetime]:
    """The moments a delivery was due at, after the first that came and long enough ago."""
    latest = now - timedelta(hours=expected.grace_hours)
    start = max(first, now - timedelta(days=expected.look_back_days)).astimezone(PARIS)
    moments = croniter(expected.cron, start)
    found: list[datetime] = []
    while (due := moments.get_next(datetime)) <= latest:
        found.append(due)
    return found


def _answered(expected: Expected, came: Any, due: datetime, now: datetime) -> bool:
    """Whether one came in time for this expectation, late ones included until the next is due."""
    following = croniter(expected.cron, due).get_next(datetime)
    early = timedelta(hours=expected.early_hours)
    return any(due - early <= row.arrived_at < min(following - early, now + early) for row in came)


def _missing(flow: Flow, expected: Expected, due: datetime, last: Any) -> Missing:
    reference = last.reference_date.isoformat() if last and last.reference_date else None
    return Missing(
        flow=flow.flow, what=expected.what, due=due, last_name=last.name if last else None, last_reference=reference,
        last_order=last.order_key if last else None,
    )  # fmt: skip


def resend_request(flow: Flow, gaps: list[Missing]) -> str:
    """A letter to the partner, in French: which files, which dates, what was seen last."""
    lines = [f"Objet : demande de nouvel envoi – {flow.label}", "", "Bonjour,", ""]
    lines += ["Les livraisons suivantes étaient attendues et ne nous sont pas parvenues :", ""]
    lines += [f"  - livraison {gap.what}, attendue le {gap.due:%d/%m/%Y} à {gap.due:%Hh%M}" for gap in gaps]
    last = gaps[-1]
    if last.last_name:
        order = f", rang {last.last_order}" if last.last_order else ""
        reference = f" (date de référence {last.last_reference}{order})" if last.last_reference else ""
        lines += ["", f"Dernière livraison reçue avant : {last.last_name}{reference}."]
    lines += ["", "Pourriez-vous les déposer à nouveau, sans en changer le contenu ?", "", "Cordialement,"]
    return "\n".join(lines)
