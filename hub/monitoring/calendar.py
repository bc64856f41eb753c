"""The calendar: when each flow's deliveries are expected, which are missing, and what to ask the partner for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from croniter import croniter
from sqlalchemy import text

from hub.days import PARIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from connectors.declaration import Flow
    from connectors.formats import Expected


# A delivery answers the nearest expectation of its kind, whatever became of it: refused ones say so themselves. One that
# could not be read far enough to know its scope answers for any, but promises nothing.
CAME = """
select name, reference_date, order_key, arrived_at, header_key is not null or cast(:scope as text) is null as sure
from delivery
where flow = :flow and state not in ('repeated', 'redated') and (cast(:kind as text) is null or kind = :kind or kind is null)
  and (cast(:scope as text) is null or header_key is null or header_key || '|' like '%|' || :scope || '|%')
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
        first = next((row.arrived_at for row in came if row.sure), None)
        if first is None:
            continue
        for due in _unanswered(expected, _due(expected, first, now), came):
            last = next((row for row in reversed(came) if row.sure and row.arrived_at < due), None)
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


def _unanswered(expected: Expected, dues: Sequence[datetime], came: Sequence[Row[Any]]) -> list[datetime]:
    """Each delivery answers one expectation: that of the hours it came in, else, come late, that of its reference date."""
    left = list(came)
    open_dues: list[datetime] = []
    early = timedelta(hours=expected.early_hours)
    for due in dues:
        until = croniter(expected.cron, due).get_next(datetime) - early
        in_time = [row for row in left if due - early <= row.arrived_at < until]
        if in_time:
            left.remove(max(in_time, key=lambda row: (row.reference_date or date.min, row.arrived_at)))
        else:
            open_dues.append(due)
    return [due for due in open_dues if not any(_speaks_of(row, expected, due) for row in left)]


def _speaks_of(row: Row[Any], expected: Expected, due: datetime) -> bool:
    if row.reference_date is None:
        return False
    before: datetime = croniter(expected.cron, due).get_prev(datetime)
    return bool(before.date() < row.reference_date <= due.date())


def _missing(flow: Flow, expected: Expected, due: datetime, last: Any) -> Missing:
    reference = last.reference_date.isoformat() if last and last.reference_date else None
    return Missing(
        flow=flow.flow, what=expected.what, due=due, last_name=last.name if last else None, last_reference=reference,
    )  # fmt: skip


def resend_request(flow: Flow, gaps: list[Missing]) -> str:
    """A letter to the partner, in French: which files, which dates, what was seen last."""
    lines = [f"Objet : demande de nouvel envoi – {flow.label}", "", "Bonjour,", ""]
    lines += ["Les livraisons suivantes étaient attendues et ne nous sont pas parvenues :", ""]
    lines += [f"  - livraison {gap.what}, attendue le {gap.due:%d/%m/%Y} à {gap.due:%Hh%M}" for gap in gaps]
    last = gaps[-1]
    if last.last_name:
        seen = date.fromisoformat(last.last_reference) if last.last_reference else None
        reference = f" (date de référence {seen:%d/%m/%Y})" if seen else ""
        lines += ["", f"Dernière livraison reçue avant : {last.last_name}{reference}."]
    lines += ["", "Pourriez-vous les déposer à nouveau, sans en changer le contenu ?", "", "Cordialement,"]
    return "\n".join(lines)
