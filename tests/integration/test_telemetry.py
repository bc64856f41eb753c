"""One trace per delivery, from receive to acknowledgement, as a real collector receives it."""

from __future__ import annotations

import atexit
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import text

from hub import telemetry
from hub.intake.revert import revert
from hub.people.unlink import unlink
from hub.rights.erasure import erase
from hub.rights.retention import retain
from hub.rights.rights import end, place
from hub.sandbox.alone import write_connections
from hub.sandbox.sandbox import Sandbox
from hub.share import share_with
from hub.sharing.agreements import by_partner
from hub.sharing.approval import in_force
from hub.steps import acknowledge_step, clock, receive_step, reconcile_step, settle_step, share_step
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


def first_told(hub):
    """Somebody with two records, of whom a département was told and has answered; and one of the records."""
    asked = """
        select m.person_id, max(l.source_record_id) as record from message m
        join link l on l.person_id = m.person_id and l.superseded_at is null
        where m.partner = 'departement_08' and m.state = 'acknowledged' group by 1 having count(*) > 1 order by 1 limit 1
    """
    with hub.engine.connect() as connection:
        return connection.execute(text(asked)).one()


def objection_lifted(hub, clock):
    who = first_told(hub).person_id
    with hub.engine.begin() as connection:  # what it was told is forgotten, so that lifting tells it again
        connection.execute(text("update told set content = '{}' where person_id = :who"), {"who": who})
    place(hub, who, kind="objection", author="Alix", reason="demande", now=clock())
    end(hub, who, kind="objection", author="Alix", now=clock())


def unlinked(hub, clock):
    found = first_told(hub)
    unlink(hub, found.person_id, found.record, author="Alix", reason="essai", clock=clock, dry_run=False)


def erased(hub, clock):
    erase(hub, first_told(hub).person_id, author="Alix", reason="demande", clock=clock, dry_run=False)


def reverted(hub, clock):
    with hub.engine.connect() as connection:
        number = connection.execute(text("select min(id) from delivery where flow = 'caf_rsa'")).scalar_one()
    revert(hub, number, author="Alix", reason="essai", clock=clock, dry_run=True)
    revert(hub, number, author="Alix", reason="essai", clock=clock, dry_run=False)


def resent(hub, clock):
    share_with(hub, "departement_08", clock=clock, full=True)


@pytest.mark.parametrize(
    ("act", "kind"),
    [(reverted, "revert"), (unlinked, "unlink"), (objection_lifted, "right"), (erased, "erasure"), (resent, "resend")],
)
def test_what_is_told_because_of_an_act_is_one_trace_from_the_act_to_its_acknowledgement(
    collector, steps, hub, act, kind
):
    for flow in ("caf_rsa", "departement_pivot", "departement_webrsa"):
        settle_step(receive_step(flow))
    reconcile_step()
    share_step("departement_08")
    steps.partners_work()
    acknowledge_step("departement_08")
    with hub.engine.connect() as connection:
        before = set(connection.execute(text("select id from message")).scalars())
    collector.spans.clear()

    act(hub, clock)
    share_step("departement_08")
    steps.partners_work()
    acknowledge_step("departement_08")

    with hub.engine.connect() as connection:
        asked = "select id, act_id, delivery_id, state from message where partner = 'departement_08'"
        written = [row for row in connection.execute(text(asked)) if row.id not in before]
    assert len(written) > 0
    assert {(row.delivery_id, row.state) for row in written} == {(None, "acknowledged")}
    assert_one_trace(collector, kind, written)
    roots = [span for span in collector.spans if span.name == kind]
    assert len(roots) == (2 if kind == "right" else 1), "a dry run is no act; placing and lifting are two"


def assert_one_trace(collector, kind, written):
    """The messages have one act behind them, and its trace goes from it to their acknowledgement."""
    [number] = {row.act_id for row in written}
    spans = {span.name: span for span in collector.spans if span.trace_id == trace_of(number, kind)}
    assert set(spans) == {kind, "share", "acknowledge"}
    assert not spans[kind].parent_span_id
    assert {spans[each].parent_span_id for each in ("share", "acknowledge")} == {spans[kind].span_id}
    for step in ("share", "acknowledge"):
        assert {each.key: each.value.int_value for each in spans[step].attributes}["hub.messages"] == len(written)


def trace_of(number, kind):
    return telemetry.trace_id(telemetry.Acted(id=number, kind=kind)).to_bytes(16, "big")


def narrow(hub, partner):
    """Its agreement names one field less, which most of what waits carries."""
    most = """
        select path from message m, jsonb_object_keys(m.payload -> 'fields') as f (path)
        where m.partner = :partner and m.state = 'pending' group by path order by count(*) desc, path limit 1
    """
    with hub.engine.connect() as connection:
        path = connection.execute(text(most), {"partner": partner}).scalar_one()
    declared = hub.declared_agreements[partner]
    less = declared.model_copy(update={"fields": tuple(each for each in declared.fields if each != path)})
    vars(hub)["agreements"] = by_partner(in_force(hub.engine, hub.declared_agreements | {partner: less}))
    return path


def test_what_an_agreement_that_gives_less_writes_again_is_one_trace_from_the_act(collector, steps, hub):
    for flow in ("caf_rsa", "departement_pivot", "departement_webrsa"):
        settle_step(receive_step(flow))
    reconcile_step()
    path = narrow(hub, "departement_08")
    share_step("departement_08")
    steps.partners_work()
    acknowledge_step("departement_08")

    asked = "select id, act_id, state, payload -> 'fields' ? :path as carries from message where partner = 'departement_08' and act_id is not null"
    with hub.engine.connect() as connection:
        written = connection.execute(text(asked), {"path": path}).all()
        acts = connection.execute(text("select kind, subject from act")).all()
    assert [tuple(row) for row in acts] == [("agreement", "departement_08")]
    assert {(row.state, row.carries) for row in written} == {("acknowledged", False)}
    assert_one_trace(collector, "agreement", written)


def test_what_time_puts_away_is_a_trace_of_its_own_and_tells_nobody(collector, steps, hub):
    for flow in ("caf_rsa", "departement_pivot"):
        settle_step(receive_step(flow))
    reconcile_step()
    counts = "select state, count(*) from message group by state"
    with hub.engine.connect() as connection:
        assert dict(connection.execute(text(counts)).all()).keys() == {"pending"}
    retain(hub, clock=lambda: clock() + timedelta(days=800), dry_run=True)
    assert not [span for span in collector.spans if span.name == "retention"]
    retain(hub, clock=lambda: clock() + timedelta(days=800), dry_run=False)
    share_step("departement_08")

    with hub.engine.connect() as connection:
        [(number, kind)] = connection.execute(text("select id, kind from act")).all()
        assert dict(connection.execute(text(counts)).all()).keys() == {"replaced"}
        assert connection.execute(text("select count(*) from message where act_id = :id"), {"id": number}).scalar() == 0
    [root] = [span for span in collector.spans if span.name == kind == "retention"]
    assert (root.trace_id, root.parent_span_id) == (trace_of(number, kind), b"")
    assert [span.name for span in collector.spans if span.trace_id == root.trace_id] == ["retention"]


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
    monkeypatch.setattr("hub.intake.pipeline.normalise", fail)
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
