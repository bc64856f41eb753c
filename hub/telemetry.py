"""Traces and metrics of the pipeline for OpenTelemetry; nothing is loaded or sent unless an OTLP endpoint is set.

One trace per delivery, from receive to acknowledgement, and one per act that no delivery is behind (a revert, an unlink, a
right). Its id is made from the delivery's own number and bytes, or from the act's id, so that steps of other processes and other
days find it without being told. Spans hold names, numbers and states; of an error, its type.
"""

from __future__ import annotations

import atexit
import os
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Tracer
    from sqlalchemy import Engine

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FLUSH_MILLISECONDS = 2000
MOST_TRACES = 200  # a step that touches more deliveries is traced on the newest

OF_IDS = "select id, flow, sha256 from delivery where id = any(:ids)"
TO_MATCH = """
select id, flow, sha256 from delivery
where id in (select distinct delivery_id from source_record where to_match) order by id desc limit :most
"""
# A message keeps the number of the delivery whose word it carries.
OF_MESSAGES = """
select d.id, d.flow, d.sha256, count(*) as messages
from message m join delivery d on d.id = m.delivery_id
where m.partner = :partner and (m.sent_at >= :since or m.acknowledged_at >= :since)
group by d.id order by d.id desc limit :most
"""
# Or that of what was done.
OF_ACTED = """
select a.id, a.kind, count(*) as messages
from message m join act a on a.id = m.act_id
where m.partner = :partner and (m.sent_at >= :since or m.acknowledged_at >= :since)
group by a.id order by a.at desc limit :most
"""


class Cause(Protocol):
    """What a trace begins with."""

    @property
    def key(self) -> str:
        """What tells it from every other."""

    @property
    def said(self) -> dict[str, str | int]:
        """What its spans say of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A delivery as its trace knows it."""

    id: int
    flow: str
    sha256: str

    @property
    def key(self) -> str:
        return f"{self.id}\0{self.sha256}"

    @property
    def said(self) -> dict[str, str | int]:
        return {"hub.delivery": self.id, "hub.flow": self.flow}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """An act as its trace knows it."""

    id: UUID
    kind: str

    @property
    def key(self) -> str:
        return f"act\0{self.id}"

    @property
    def said(self) -> dict[str, str | int]:
        return {"hub.act": str(self.id), "hub.act.kind": self.kind}


def trace_id(cause: Cause) -> int:
    """The id of the trace that begins with it."""
    return _drawn(cause, "trace", 16)


def _root_id(cause: Cause) -> int:
    return _drawn(cause, "root", 8)


def _drawn(cause: Cause, use: str, size: int) -> int:
    return int.from_bytes(blake2b(f"{use}\0{cause.key}".encode(), digest_size=size).digest(), "big")


def is_on() -> bool:
    """Whether somebody listens."""
    return any(os.environ.get(name) for name in ENDPOINTS)  # noqa: TID251 - OpenTelemetry's own settings


def deliveries(engine: Engine, ids: Sequence[int]) -> list[Traced]:
    """Deliveries by number; none where nobody listens."""
    return _traced(engine, OF_IDS, {"ids": list(ids)})


def deliveries_to_match(engine: Engine) -> list[Traced]:
    """The deliveries whose records wait to be matched; none where nobody listens."""
    return _traced(engine, TO_MATCH, {"most": MOST_TRACES})


def _traced(engine: Engine, query: str, known: Mapping[str, Any]) -> list[Traced]:
    if not is_on():
        return []
    with engine.connect() as connection:
        rows = connection.execute(text(query), known).all()
    return [Traced(id=row.id, flow=row.flow, sha256=row.sha256) for row in rows]


def received(delivery: Traced, *, began_ns: int) -> None:
    """Tell of a delivery that was fetched and stored: the root of its trace."""
    _begin("receive", delivery, began_ns=began_ns)


def acted(act: Acted, *, began_ns: int) -> None:
    """Tell of an act that stands: the root of its trace, named after what was done."""
    _begin(act.kind, act, began_ns=began_ns)


def _begin(name: str, cause: Cause, *, began_ns: int) -> None:
    if is_on():
        _ids().give(trace_id(cause), _root_id(cause))
        _tracer().start_span(name, start_time=began_ns, attributes=cause.said).end()
        _flush()


@contextmanager
def step(name: str, traced: Sequence[Traced], **attributes: str | int) -> Iterator[None]:
    """Tell of a step in the trace of each delivery it works on, with how long it took and whether it failed."""
    if not is_on() or not traced:
        yield
        return
    began = time.perf_counter()
    try:
        with ExitStack() as spans:
            for delivery in traced:
                spans.enter_context(_span(name, delivery, attributes))
            yield
    finally:
        for flow in {delivery.flow for delivery in traced}:
            _durations().record(time.perf_counter() - began, {"hub.step": name, "hub.flow": flow})
        _flush()


@contextmanager
def messages_moved(engine: Engine, name: str, partner: str, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Tell, in the trace of each delivery or act, of the messages that leave or are answered meanwhile."""
    if not is_on():
        yield
        return
    since = clock()
    yield
    for cause, messages in _causes(engine, {"partner": partner, "since": since, "most": MOST_TRACES}):
        with _span(name, cause, {"hub.partner": partner, "hub.messages": messages}):
            pass
    _flush()


def _causes(engine: Engine, asked: Mapping[str, Any]) -> list[tuple[Cause, int]]:
    """What is behind the messages that moved, and how many each is behind."""
    with engine.connect() as connection:
        of_deliveries = connection.execute(text(OF_MESSAGES), asked).all()
        of_acts = connection.execute(text(OF_ACTED), asked).all()
    found: list[tuple[Cause, int]] = [
        (Traced(id=row.id, flow=row.flow, sha256=row.sha256), row.messages) for row in of_deliveries
    ]
    return found + [(Acted(id=row.id, kind=row.kind), row.messages) for row in of_acts]


@contextmanager
def _span(name: str, cause: Cause, attributes: Mapping[str, str | int]) -> Iterator[None]:
    from opentelemetry import trace  # noqa: PLC0415 - only where somebody listens

    root = trace.SpanContext(trace_id(cause), _root_id(cause), is_remote=True, trace_flags=trace.TraceFlags(1))
    context = trace.set_span_in_context(trace.NonRecordingSpan(root))
    span = _tracer().start_span(name, context=context, attributes=cause.said | dict(attributes))
    try:
        yield
    except BaseException as error:
        span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))  # its message may quote a person
        raise
    finally:
        span.end()


class _Ids:
    """Draws ids, except that the next ones may be given."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

        self._random = RandomIdGenerator()
        self._given: deque[tuple[int, int]] = deque()

    def give(self, trace_id: int, span_id: int) -> None:
        self._given.append((trace_id, span_id))

    def generate_trace_id(self) -> int:
        return self._given[0][0] if self._given else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        return self._given.popleft()[1] if self._given else self._random.generate_span_id()

    def is_trace_id_random(self) -> bool:
        return False


@cache
def _ids() -> _Ids:
    return _Ids()


@cache
def _providers() -> tuple[Any, Any]:
    """The SDK, set up once by OpenTelemetry's own variables; ours alone, beside whatever Airflow sets up for itself."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": "dites-le-nous-une-fois"})
    traces = TracerProvider(resource=resource, id_generator=_ids(), shutdown_on_exit=False)  # type: ignore[arg-type]
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    atexit.register(traces.shutdown)
    atexit.register(meters.shutdown)
    return traces, meters


def _tracer() -> Tracer:
    tracer: Tracer = _providers()[0].get_tracer("hub")
    return tracer


@cache
def _durations() -> Histogram:
    histogram: Histogram = (
        _providers()[1]
        .get_meter("hub")
        .create_histogram("hub.step.duration", unit="s", description="How long a step took")
    )
    return histogram


def _flush() -> None:
    """A task's process may end at once: what it has to tell leaves now, or is given up."""
    for provider in _providers():
        provider.force_flush(FLUSH_MILLISECONDS)
