# SPDX-License-Identifier: Apache-2.0
"""Services that use opentelemetry-api: our providers lie beneath it."""

from test_flask import APP


def by_name(agent):
    return {s["name"]: s for s in agent.spans()}


def test_api_spans_and_native_spans_are_one_trace(agent):
    agent.run(
        APP
        + """
import sqlite3
from opentelemetry import baggage, context, trace
tracer = trace.get_tracer("shop.own", "1.2", schema_url="https://example.org/schema")
@app.get("/order")
def order():
    server = trace.get_current_span()
    assert isinstance(server, trace.Span) and server.is_recording() and server.kind is trace.SpanKind.SERVER
    assert isinstance(server.get_span_context(), trace.SpanContext) and server.get_span_context().is_valid
    server.set_attribute("shop.order", 7)
    with tracer.start_as_current_span("outer", kind=trace.SpanKind.PRODUCER, attributes={"a": 1, "l": ["x", "y"]}) as outer:
        assert trace.get_current_span() is outer and outer.parent == server.get_span_context()
        sqlite3.connect(":memory:").execute("select 1")
        token = context.attach(baggage.set_baggage("k", "v"))
        with tracer.start_as_current_span("inner"):
            assert baggage.get_baggage("k") == "v"
        context.detach(token)
        assert trace.get_current_span() is outer
    assert trace.get_current_span() is server
    other = tracer.start_span("root", context=context.Context())
    other.end()
    remote = trace.SpanContext(1, 2, True, trace.TraceFlags(1), trace.TraceState([("v", "1")]))
    with trace.use_span(trace.NonRecordingSpan(remote)):
        tracer.start_span("below remote").end()
    return "x"
call("/order")
assert trace.get_current_span() is trace.INVALID_SPAN
"""
    )
    spans = by_name(agent)
    server, outer, inner = spans["GET /order"], spans["outer"], spans["inner"]
    assert server["attributes"]["shop.order"] == 7 and server["attributes"]["http.route"] == "/order"
    assert outer["parent_span_id"] == server["span_id"] and outer["kind"] == 4
    assert outer["attributes"] == {"a": 1, "l": ["x", "y"]}
    assert (outer["scope"], outer["scope_version"], outer["schema_url"]) == (
        "shop.own",
        "1.2",
        "https://example.org/schema",
    )
    assert inner["parent_span_id"] == spans["SELECT"]["parent_span_id"] == outer["span_id"]
    assert spans["root"]["parent_span_id"] == "0" * 16 and spans["root"]["trace_id"] != server["trace_id"]
    below = spans["below remote"]
    assert below["trace_id"] == "%032x" % 1 and below["parent_span_id"] == "%016x" % 2
    assert below["trace_state"] == "v=1" and below["flags"] == 0x301
    assert len({s["trace_id"] for s in spans.values()}) == 3


def test_span_methods(agent):
    agent.run(
        """
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags
tracer = trace.get_tracer("t")
link = SpanContext(5, 6, False, TraceFlags(1))
span = tracer.start_span("first", links=[Link(link, {"n": 1})], start_time=1000)
span.update_name("second")
span.set_attributes({"s": "x", "i": 2**70, "f": 1.5, "b": True, "t": (1, 2), "bad": object(), "y": b"\\x00\\xff"})
span.set_attribute("s", "y")
span.add_event("event", {"k": "v"}, timestamp=1500)
span.add_event("now")
span.add_link(link)
try:
    raise RuntimeError("r")
except RuntimeError as error:
    span.record_exception(error, {"more": 1}, escaped=True)
span.set_status(Status(StatusCode.ERROR, "broken"))
assert span.status.status_code is StatusCode.ERROR and span.status.description == "broken"
assert span.attributes["s"] == "y" and span.name == "second" and len(span.events) == 3
span.end(end_time=2000)
assert not span.is_recording() and (span.start_time, span.end_time) == (1000, 2000)
span.set_attribute("late", 1)
span.end()
ok = tracer.start_span("ok")
ok.set_status(StatusCode.OK)
ok.set_status(Status(StatusCode.ERROR, "too late"))
ok.end()
try:
    with tracer.start_as_current_span("raises"):
        raise ValueError("v")
except ValueError:
    pass
with tracer.start_span("context manager"):
    pass
many = tracer.start_span("many")
for n in range(300):
    many.set_attribute("k%d" % n, n)
    many.add_event("e")
many.end()
big = tracer.start_span("big")
for n in range(100):
    big.set_attribute("k%d" % n, "x" * 2000)
big.end()
tracer.start_span("never ended")
"""
    )
    spans = by_name(agent)
    second = spans["second"]
    assert (second["start"], second["end"], second["clocks"]) == (1000, 2000, 3)
    assert second["attributes"]["i"] == str(2**70) and second["attributes"]["t"] == [1, 2]
    assert second["attributes"]["y"] == {"base64": "AP8="} and "bad" not in second["attributes"]
    assert second["dropped_attributes"] == 1 and "late" not in second["attributes"]
    assert second["status"] == 2 and second["status_message"] == "broken"
    event, now, exception = second["events"]
    assert (event["time"], event["time_is_unix"], event["attributes"]) == (1500, True, {"k": "v"})
    assert not now["time_is_unix"]
    assert exception["attributes"]["exception.type"] == "RuntimeError" and exception["attributes"]["more"] == 1
    assert exception["attributes"]["exception.escaped"] == "True"
    assert [(x["trace_id"][-1], x["span_id"][-1], x["attributes"]) for x in second["links"]] == [
        ("5", "6", {"n": 1}), ("5", "6", {})
    ]  # fmt: skip
    assert spans["ok"]["status"] == 1
    assert spans["raises"]["status"] == 2 and spans["raises"]["status_message"] == "ValueError: v"
    assert spans["many"]["dropped_attributes"] == 172 and spans["many"]["dropped_events"] == 172
    big = spans["big"]
    assert big["truncated"] and len(big["attributes"]) + big["dropped_attributes"] == 100
    assert len(big["attributes"]) > 25 and "never ended" not in spans and "context manager" in spans
    assert agent.ask("open") == [{"type": "end"}]


def test_metrics_api(agent):
    agent.run(
        """
import time
from opentelemetry import metrics
import clew._otel_metrics as ours
ours.OBSERVE_SECONDS = 0.05
meter = metrics.get_meter("shop", "1")
orders = meter.create_counter("orders", "{order}", "Orders")
orders.add(2, {"b": 1, "a": "x"})
orders.add(3, {"a": "x", "b": 1})
orders.add(-1)
meter.create_counter("orders", "{order}", "Orders").add(1, {"a": "x", "b": 1})
meter.create_up_down_counter("stock").add(-4)
meter.create_histogram("size", "By", explicit_bucket_boundaries_advisory=[10, 20]).record(15)
meter.create_histogram("seconds", "s").record(0.3)
meter.create_gauge("level").set(7.5)
meter.create_observable_gauge("temperature", [lambda options: [metrics.Observation(21.5, {"room": "a"})]])
total = [0]
def count(options):
    total[0] += 10
    yield metrics.Observation(total[0])
meter.create_observable_counter("ticks", [count])
time.sleep(0.3)
"""
    )
    (orders,) = agent.series("orders")
    assert orders["value"] == 6 and orders["kind"] == 1 and orders["attributes"] == {"a": "x", "b": 1}
    assert (orders["unit"], orders["description"], orders["scope"]) == ("{order}", "Orders", "shop")
    assert agent.series("stock")[0]["value"] == -4
    assert agent.series("size")[0]["buckets"] == [0, 1, 0]
    assert agent.series("seconds")[0]["bounds"][0] == 0.005
    assert agent.series("level")[0]["value"] == 7.5
    assert agent.series("temperature")[0]["attributes"] == {"room": "a"}
    assert agent.series("ticks")[0]["value"] >= 20


def test_logs_api(agent):
    agent.run(
        """
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
logger = get_logger("events", "2")
with trace.get_tracer("t").start_as_current_span("s"):
    logger.emit(LogRecord(timestamp=5, severity_number=SeverityNumber.WARN2, severity_text="WARN2",
                          body={"a": [1, None]}, attributes={"k": "v"}, event_name="bought"))
assert logger.enabled()
try:
    raise OSError("o")
except OSError as error:
    logger.emit(body="by fields", severity_number=SeverityNumber.ERROR, exception=error)
"""
    )
    log, span, by_fields = agent.drain()
    assert by_fields["body"] == "by fields" and by_fields["severity"] == 17
    assert by_fields["attributes"]["exception.type"] == "OSError"
    assert log["span_id"] == span["span_id"] and log["time_unix"] == 5 and log["severity"] == 14
    assert log["body"] == {"a": [1, None]} and log["event_name"] == "bought" and log["scope"] == "events"


def test_a_service_with_its_own_sdk(agent):
    out, err = agent.run(
        APP
        + """
from opentelemetry import trace
early = trace.get_tracer("early")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
assert trace.get_tracer_provider() is provider
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
@app.get("/")
def root():
    with early.start_as_current_span("theirs"):
        logging.info("line")
    return "x"
call("/")
(span,) = exporter.get_finished_spans()
print(span.name, format(span.context.trace_id, "032x"))
"""
    )
    line, theirs = out.splitlines()
    assert err == "" and theirs.startswith("theirs ") and line.startswith("line trace_id=" + theirs.split()[1])
    records = agent.drain()
    assert [r["type"] for r in records] == ["log"] and records[0]["trace_id"] == theirs.split()[1]
    assert agent.ask("workers")[0]["notes"] & 1


def test_the_sdk_is_not_imported_for_it(agent):
    agent.run("import sys, opentelemetry.trace; assert 'opentelemetry.sdk' not in sys.modules")


def test_contribs_instrumentors_stand_in_the_same_trace(agent):
    """Where contrib instruments a library, our own hook for it is silent; the others go on."""
    from test_clients import SERVER

    agent.run(
        APP
        + SERVER
        + """
import requests, urllib3
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
FlaskInstrumentor().instrument_app(app)
RequestsInstrumentor().instrument()
@app.get("/both")
def both():
    requests.get(base + "/200")
    urllib3.PoolManager().request("GET", base + "/201")
    return "x"
call("/both")
RequestsInstrumentor().uninstrument()
requests.get(base + "/202")
"""
    )
    spans = agent.spans()
    assert len({s["trace_id"] for s in spans}) == 2
    by_scope = {}
    for span in spans:
        by_scope.setdefault(span["scope"], []).append(span)
    assert "clew.flask" not in by_scope
    (server,) = by_scope["opentelemetry.instrumentation.flask"]
    (contrib_client,) = by_scope["opentelemetry.instrumentation.requests"]
    (native_client,) = by_scope["clew.urllib3"]
    assert server["name"] == "GET /both" and server["kind"] == 2
    assert contrib_client["parent_span_id"] == native_client["parent_span_id"] == server["span_id"]
    (last,) = by_scope["clew.requests"]
    assert last["attributes"]["http.response.status_code"] == 202
