"""What a monitor reads: counts and ages from the store, in Prometheus' own format. No label names a person."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric
    from sqlalchemy import Connection, Engine

KEPT_SECONDS = 15.0  # several monitors, or one in a hurry, cost the store one reading

DELIVERIES = "select flow, state, count(*) as value from delivery group by flow, state"
RECORDS = """
select flow, o.outcome, sum(o.value) as value
from delivery, lateral (values ('applied', applied), ('unchanged', unchanged), ('superseded', superseded),
                               ('quarantined', quarantined), ('refused', refused)) as o (outcome, value)
where o.value is not null group by flow, o.outcome
"""
LAST = """
select distinct on (flow) flow, extract(epoch from received_at) as received,
       extract(epoch from closed_at - received_at) as took, extract(epoch from received_at - arrived_at) as waited
from delivery where state = 'applied' order by flow, id desc
"""
MEASURES = """
select l.flow, m.key as measure, m.value::text::double precision as value
from (select distinct on (flow) flow, profile from delivery where state = 'applied' and profile is not null
      order by flow, id desc) l, jsonb_each(coalesce(l.profile -> 'measures', '{}')) m
where jsonb_typeof(m.value) = 'number'
"""
QUARANTINE = """
select d.flow, q.rule, count(*) as value from quarantine q join delivery d on d.id = q.delivery_id
where q.state = 'open' group by d.flow, q.rule
"""
STORE = """
select (select count(*) from source_record where to_match) as to_reconcile,
       (select count(*) from review_case where closed_at is null) as review_cases,
       (select coalesce(max(position), 0) from disclosure) as disclosures
"""
MESSAGES = """
select partner, state, count(*) as value, extract(epoch from now() - min(created_at)) as oldest
from message group by partner, state
"""
ALARMS = "select kind, count(*) as value from alarm where closed_at is null group by kind"


@dataclass(eq=False)
class StoreCollector(Collector):
    """Reads the store when asked, at most once every ``KEPT_SECONDS``."""

    engine: Engine
    _kept: list[Metric] = field(default_factory=list)
    _read_at: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            now = time.monotonic()
            if self._read_at is None or now - self._read_at > KEPT_SECONDS:
                with self.engine.connect() as connection:
                    self._kept = list(_families(connection))
                self._read_at = now
            kept = self._kept
        yield from kept


def exposition(collector: StoreCollector) -> bytes:
    """The metrics as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _families(connection: Connection) -> Iterator[Metric]:
    yield _counter(connection, DELIVERIES, "hub_deliveries", "Deliveries by flow and state", "flow", "state")
    yield _counter(connection, RECORDS, "hub_records", "Records of closed deliveries by outcome", "flow", "outcome")
    yield _gauge(connection, MEASURES, "hub_suite_measure", "What the suite measured last", "flow", "measure")
    yield _gauge(connection, QUARANTINE, "hub_quarantine_open", "Records in quarantine", "flow", "rule")
    yield _gauge(connection, ALARMS, "hub_alarms_open", "Open alarms", "kind")
    yield from _last_deliveries(connection)
    yield from _messages(connection)
    store = connection.execute(text(STORE)).one()
    yield _single("hub_records_to_reconcile", "Records waiting to be matched", store.to_reconcile)
    yield _single("hub_review_cases_open", "Doubtful matches waiting for a person", store.review_cases)
    yield _single("hub_journal_entries", "Entries of the journal of disclosures", store.disclosures)


def _last_deliveries(connection: Connection) -> Iterator[Metric]:
    families = {
        "received": GaugeMetricFamily(
            "hub_last_delivery_timestamp_seconds", "When the last applied delivery was received", labels=["flow"]
        ),
        "took": GaugeMetricFamily(
            "hub_last_delivery_seconds", "From stored to applied, last applied delivery", labels=["flow"]
        ),
        "waited": GaugeMetricFamily(
            "hub_last_delivery_wait_seconds", "From the partner's upload to stored, last applied delivery", labels=["flow"]
        ),
    }  # fmt: skip
    for row in connection.execute(text(LAST)):
        for name, family in families.items():
            family.add_metric([row.flow], float(getattr(row, name) or 0))
    yield from families.values()


def _messages(connection: Connection) -> Iterator[Metric]:
    messages = GaugeMetricFamily("hub_messages", "Messages by partner and state", labels=["partner", "state"])
    oldest = GaugeMetricFamily(
        "hub_oldest_pending_message_seconds", "Age of the oldest message that waits", labels=["partner"]
    )
    for row in connection.execute(text(MESSAGES)):
        messages.add_metric([row.partner, row.state], row.value)
        if row.state == "pending":
            oldest.add_metric([row.partner], float(row.oldest))
    yield messages
    yield oldest


def _counter(connection: Connection, query: str, name: str, said: str, *labels: str) -> Metric:
    return _filled(connection, query, CounterMetricFamily(name, said, labels=labels), labels)


def _gauge(connection: Connection, query: str, name: str, said: str, *labels: str) -> Metric:
    return _filled(connection, query, GaugeMetricFamily(name, said, labels=labels), labels)


def _filled(connection: Connection, query: str, family: Any, labels: tuple[str, ...]) -> Metric:
    for row in connection.execute(text(query)).mappings():
        family.add_metric([str(row[label]) for label in labels], float(row["value"]))
    filled: Metric = family
    return filled


def _single(name: str, said: str, value: int) -> Metric:
    return GaugeMetricFamily(name, said, value=value)
