"""One trace per delivery, from receive to acknowledgement, as a real collector receives it."""

from __future__ import annotations

import atexit
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import text

from hub.monitoring import telemetry
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.steps import acknowledge_step, receive_step, reconcile_step, settle_step, share_step
from schemas.errors import Unforeseen

pytestmark = pytest.mark.integration


class Collector:
    """What an OpenTelemetry collector keeps of what it is sent."""

    def __init__(self):
        self.spans, self.metrics, self.bytes = [], set(), b""
        keep = self._keep

        class Receive(BaseHTTPRequestHandler):
            def do_POST(self):
                keep(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _keep(self, path, body):
        self.bytes += body
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {metric.name for scope in resource.scope_metrics for metric in scope.metrics}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector(monkeypatch):
    opened = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{opened.server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    telemetry._providers.cache_clear()
    telemetry._durations.cache_clear()
    yield opened
    for provider in telemetry._providers():
        atexit.unregister(provider.shutdown)
        provider.shutdown()
    telemetry._providers.cache_clear()
    telemetry._durations.cache_clear()
    opened.close()


@pytest.fixture
def steps(tmp_path, hub, monkeypatch):
    """The tasks' own steps on one hub, with sandbox partners."""
    monkeypatch.setattr("hub.steps.open_hub", lambda: hub)
    with Sandbox(tmp_path / "partners", seed=7, size=60) as sandbox:
        write_connections(hub.settings.secrets, sandbox)
        sandbox.deposit_day(0)
        yield sandbox


def test_a_delivery_is_one_trace_from_receive_to_acknowledgement(collector, steps):
    for flow in ("caf_rsa", "departement_pivot", "departement_webrsa"):
        settle_step(receive_step(flow))
    reconcile_step()
    share_step("departement_08")
    steps.partners_work()
    acknowledge_step("departement_08")

    traces = {}
    for span in collector.spans:
        traces.setdefault(span.trace_id, []).append(span)
    named = {
        trace: sorted(span.name for span in spans) for trace, spans in traces.items()
    }  # fmt: skip
    assert sorted(["receive", "normalise", "apply", "reconcile", "share", "acknowledge"]) in named.values()
    assert all(names[:1] != ["share"] and "receive" in names for names in named.values())
    for spans in traces.values():
        [root] = [span for span in spans if span.name == "receive"]
        assert not root.parent_span_id
        assert {span.parent_span_id for span in spans if span is not root} == {root.span_id}
    assert "hub.step.duration" in collector.metrics


def test_what_is_told_is_in_the_trace_of_the_delivery_behind_it_even_when_two_arrived_at_one_instant(
    collector, steps, hub
):
    for flow in ("caf_rsa", "departement_pivot", "departement_webrsa", "pole_emploi_extrait"):
        settle_step(receive_step(flow))
    with hub.engine.begin() as connection:
        connection.execute(text("update delivery set arrived_at = (select min(arrived_at) from delivery)"))
    reconcile_step()
    share_step("departement_08")

    with hub.engine.connect() as connection:
        asked = "select delivery_id, count(*) from message where partner = 'departement_08' group by 1"
        expected = {row[0]: row[1] for row in connection.execute(text(asked))}
    shared = [
        {each.key: each.value.int_value for each in span.attributes} for span in collector.spans if span.name == "share"
    ]
    assert {span["hub.delivery"]: span["hub.messages"] for span in shared} == expected
    assert len(shared) == len(expected) > 0


def test_nobody_is_in_what_is_sent(collector, steps):
    settle_step(receive_step("caf_rsa"))
    reconcile_step()

    assert collector.spans
    for adult in steps.population.adults:
        for value in (adult.nir, adult.email, adult.birth_name):
            assert value.encode() not in collector.bytes


def test_a_step_that_fails_says_so_by_its_type_alone(collector, steps, monkeypatch):
    def fail(*_args, **_more):
        raise ValueError("DUPONT Jeanne")

    ids = receive_step("caf_rsa")
    monkeypatch.setattr("hub.pipeline.normalise", fail)
    with pytest.raises(Unforeseen):
        settle_step(ids)

    [failed] = [span for span in collector.spans if span.name == "normalise"]
    assert (failed.status.code, failed.status.message) == (2, "ValueError")
    assert b"DUPONT" not in collector.bytes


def test_without_an_endpoint_nothing_is_loaded(steps, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    telemetry._providers.cache_clear()

    receive_step("caf_rsa")

    assert telemetry._providers.cache_info().currsize == 0
