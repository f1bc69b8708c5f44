# SPDX-License-Identifier: Apache-2.0
"""The built `clew serve` over its real ports: what comes in by OTLP is found through every API."""

import gzip
import json
import signal
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest
import requests
from clew_program import eventually, program
from clew_server import Server, gauge, log, spans

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data") as started:
        yield started


def test_every_api_finds_what_was_acknowledged(server):
    assert server.post("traces", spans("cart", trace_id=TRACE, count=3)).json() == {}
    assert server.post("logs", log("cart", "item added", trace_id=TRACE)).status_code == 200
    assert server.post("metrics", gauge("cart", "cart.items", 7)).status_code == 200

    # Jaeger, with and without its prefix.
    assert server.get("/jaeger/api/services")["data"] == ["cart"]
    assert server.get("/api/services")["data"] == ["cart"]
    assert server.get("/jaeger/api/services/cart/operations")["data"] == ["GET /", "step 1", "step 2"]
    (trace,) = server.get(f"/jaeger/api/traces/{TRACE}")["data"]
    assert len(trace["spans"]) == 3 and trace["processes"]["p1"]["serviceName"] == "cart"
    found = server.get("/jaeger/api/traces", service="cart", tags='{"http.route":"/"}')["data"]
    assert [t["traceID"] for t in found] == [TRACE]
    assert server.get("/jaeger/api/traces/" + "f" * 32, expect=404)["errors"][0]["msg"] == "trace not found"

    # Loki.
    assert "service_name" in server.get("/loki/api/v1/labels")["data"]
    assert server.get("/loki/api/v1/label/service_name/values")["data"] == ["cart"]
    for query in ('{service_name="cart"} |= "added"', f'{{service_name="cart"}} | trace_id="{TRACE}"'):
        (stream,) = server.get("/loki/api/v1/query_range", query=query)["data"]["result"]
        assert [line for _, line in stream["values"]] == ["item added"]
        assert stream["stream"]["trace_id"] == TRACE
    assert server.get("/loki/api/v1/query_range", query='{service_name="cart"} |= "absent"')["data"]["result"] == []
    (sample,) = server.get("/loki/api/v1/query", query="vector(1)+vector(1)")["data"]["result"]
    assert sample["value"][1] == "2"

    # Prometheus.
    (series,) = server.get("/api/v1/query", query="cart_items")["data"]["result"]
    assert series["metric"]["job"] == "cart" and series["value"][1] == "7"
    assert "cart_items" in server.get("/api/v1/label/__name__/values")["data"]

    # Clew's own.
    assert [s["service"] for s in server.get("/api/clew/services")["services"]] == ["cart"]
    whole = server.get(f"/api/clew/traces/{TRACE}")
    assert len(whole["spans"]) == 3 and whole["logs"][0]["body"] == "item added"
    assert server.get("/api/clew/logs", text="added")["logs"][0]["trace_id"] == TRACE
    assert server.get("/api/clew/why")["incident"] is False


def test_commands_look_up_and_answer_in_json(server):
    server.post("traces", spans("cart", trace_id=TRACE, count=3))
    server.post("logs", log("cart", "item added", trace_id=TRACE))
    server.post("metrics", gauge("cart", "cart.items", 7))
    assert json.loads(server.clew("traces", "--format", "json"))["traces"][0]["trace_id"] == TRACE
    assert TRACE in server.clew("traces", "--service", "cart")
    drawn = server.clew("trace", TRACE)
    assert "cart: GET /" in drawn and "item added" in drawn and "█" in drawn
    assert "item added" in server.clew("logs", "added")
    assert json.loads(server.clew("metrics", "cart_items", "--format", "json"))["data"]["result"][0]["value"][1] == "7"
    assert "7  cart_items" in server.clew("metrics", "cart_items")
    assert "No incident." in server.clew("why")
    server.clew("metrics", "sum(", expect=2)
    server.clew("trace", "f" * 32, expect=1)


def test_an_unmodified_opentelemetry_service_over_http_and_grpc(server):
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporters = {
        "over-http": HttpExporter(endpoint=server.otlp_http + "/v1/traces"),
        "over-grpc": GrpcExporter(endpoint=server.otlp_grpc, insecure=True),
    }
    for service, exporter in exporters.items():
        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        with provider.get_tracer("test").start_as_current_span("work") as span:
            span.set_attribute("list", [1, 2])
            span.add_event("halfway", {"n": 1})
        provider.shutdown()
        trace_id = f"{span.get_span_context().trace_id:032x}"
        (stored,) = server.get(f"/api/clew/traces/{trace_id}")["spans"]
        assert stored["service"] == service and stored["attributes"]["list"] == [1, 2]
        assert stored["events"][0]["name"] == "halfway"


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_metrics_and_logs_of_an_unmodified_opentelemetry_service(server, protocol):
    import importlib
    import logging

    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import Histogram, MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
    from opentelemetry.sdk.resources import Resource

    def exporter(module: str, name: str, signal_name: str):
        package = importlib.import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{module}")
        if protocol == "grpc":
            return getattr(package, name)(endpoint=server.otlp_grpc, insecure=True)
        return getattr(package, name)(endpoint=f"{server.otlp_http}/v1/{signal_name}")

    resource = Resource.create({"service.name": "foreign", "service.instance.id": "i-1"})
    reader = PeriodicExportingMetricReader(exporter("metric_exporter", "OTLPMetricExporter", "metrics"), 3_600_000)
    views = [
        View(instrument_type=Histogram, instrument_name="fine", aggregation=ExponentialBucketHistogramAggregation())
    ]
    metrics = MeterProvider([reader], resource=resource, views=views)
    meter = metrics.get_meter("m", "1")
    meter.create_counter("orders", unit="{order}").add(3, {"kind": "book"})
    meter.create_up_down_counter("open").add(-2)
    meter.create_histogram("latency", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1]).record(0.5)
    meter.create_histogram("fine", unit="s").record(0.5)
    meter.create_gauge("level").set(1.5)
    metrics.shutdown()

    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(exporter("_log_exporter", "OTLPLogExporter", "logs")))
    logger = logging.getLogger(f"foreign.{protocol}")
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=logs))
    try:
        raise KeyError("missing")
    except KeyError:
        logger.exception("went wrong", extra={"order": 7})
    logs.shutdown()

    def value(query: str) -> list[str]:
        return [one["value"][1] for one in server.get("/api/v1/query", query=query)["data"]["result"]]

    assert value('orders_total{job="foreign",instance="i-1",kind="book"}') == ["3"]
    assert value("open") == ["-2"]
    assert value("level") == ["1.5"]
    assert value('latency_seconds_bucket{le="1.0"}') == ["1"]
    assert value("latency_seconds_sum") == ["0.5"]
    assert value("histogram_count(fine_seconds)") == ["1"]
    (record,) = server.get("/api/clew/logs", service="foreign")["logs"]
    assert record["body"] == "went wrong" and record["level"] == "error" and record["attributes"]["order"] == 7
    assert record["attributes"]["exception.type"] == "KeyError"


def test_bad_input_gets_an_error_in_the_protocols_own_form(server):
    def refused(status: int, code: int, answer: requests.Response):
        assert answer.status_code == status, answer.text
        assert answer.json()["code"] == code and answer.json()["message"]

    refused(400, 3, server.post("traces", "{", **{"Content-Type": "application/json"}))
    refused(400, 3, server.post("traces", '{"resourceSpans": 7}', **{"Content-Type": "application/json"}))
    deep = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + '{"arrayValue":{"values":[' * 500
    refused(400, 3, server.post("logs", deep, **{"Content-Type": "application/json"}))
    assert server.post("traces", b"\xff\xff\xff", **{"Content-Type": "application/x-protobuf"}).status_code == 400
    assert server.post("traces", "x", **{"Content-Type": "text/plain"}).status_code == 415
    bomb = gzip.compress(b"\x0a" + bytes(200 << 20))
    answer = server.post("traces", bomb, **{"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"})
    assert answer.status_code in (400, 413), answer.status_code
    wrong_id = spans("cart", trace_id="0af7", count=1)
    assert int(server.post("traces", wrong_id).json()["partialSuccess"]["rejectedSpans"]) == 1
    for path in (
        "/loki/api/v1/query_range?query=%7B",
        "/api/v1/query?query=sum(",
        "/jaeger/api/traces",
        "/api/clew/traces?limit=x",
    ):
        assert requests.get(server.url + path, timeout=10).status_code == 400, path
    # Nothing of it was stored, and the work goes on.
    assert server.get("/jaeger/api/services")["data"] == []
    assert server.post("traces", spans("cart", trace_id=TRACE)).status_code == 200
    assert server.get("/jaeger/api/services")["data"] == ["cart"]


def test_times_far_away_and_numbers_that_are_none(server):
    server.post("traces", spans("old", trace_id=TRACE, start=1_000_000_000))
    server.post("logs", log("new", "from 2100", at=4_102_444_800_000_000_000))
    (span,) = server.get(f"/api/clew/traces/{TRACE}")["spans"]
    assert span["start"].startswith("1970-01-01T00:00:01")
    assert server.get("/api/clew/logs", **{"from": "2099-12-01T00:00:00Z", "to": "2100-12-01T00:00:00Z"})["logs"]
    for name, value in (("odd_nan", "NaN"), ("odd_inf", "Infinity")):
        server.post("metrics", gauge("odd", name, value))
    assert server.get("/api/v1/query", query="odd_nan")["data"]["result"][0]["value"][1] == "NaN"
    assert server.get("/api/v1/query", query="odd_inf")["data"]["result"][0]["value"][1] == "+Inf"


def test_tenants_do_not_see_each_other(server):
    server.post("traces", spans("theirs", trace_id=TRACE), tenant="a")
    server.post("logs", log("theirs", "secret of a"), tenant="a")
    server.post("metrics", gauge("theirs", "marker", 1), tenant="a")
    assert server.get("/jaeger/api/services", tenant="a")["data"] == ["theirs"]
    for tenant in ("b", None):
        assert server.get("/jaeger/api/services", tenant=tenant)["data"] == []
        assert server.get(f"/jaeger/api/traces/{TRACE}", expect=404, tenant=tenant)
        assert server.get("/api/clew/logs", tenant=tenant)["logs"] == []
        assert server.get("/api/v1/query", query="marker", tenant=tenant)["data"]["result"] == []
        assert server.get("/loki/api/v1/label/service_name/values", tenant=tenant)["data"] == []
    assert requests.get(server.url + "/api/services", headers={"X-Scope-OrgID": "a/b"}, timeout=10).status_code == 400


def test_what_was_acknowledged_outlives_a_kill(tmp_path):
    """Ten kills under load: every acknowledged request is there once, none twice."""
    acknowledged: set[str] = set()
    data = tmp_path / "data"
    for _ in range(10):
        with Server(data) as server:
            stop = threading.Event()

            def send(server=server, stop=stop):
                session = requests.Session()
                while not stop.is_set():
                    trace_id = uuid.uuid4().hex
                    try:
                        answer = session.post(
                            server.otlp_http + "/v1/traces", json=spans("killed", trace_id=trace_id, count=2), timeout=5
                        )
                    except requests.RequestException:
                        return
                    if answer.status_code == 200:
                        acknowledged.add(trace_id)

            senders = [threading.Thread(target=send) for _ in range(3)]
            for sender in senders:
                sender.start()
            time.sleep(0.7)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(10)
            stop.set()
            for sender in senders:
                sender.join(10)
    assert len(acknowledged) > 100
    with Server(data) as server:
        seen = dict.fromkeys(acknowledged, 0)
        ids = sorted(acknowledged)
        for first in range(0, len(ids), 100):
            answer = requests.get(server.url + "/api/traces", params={"traceID": ids[first : first + 100]}, timeout=60)
            seen |= {trace["traceID"]: len(trace["spans"]) for trace in answer.json()["data"]}
        wrong = {trace_id: count for trace_id, count in seen.items() if count != 2}
        assert not wrong, f"{len(wrong)} of {len(seen)}: {list(wrong.items())[:5]}"


def test_stops_cleanly_and_finds_everything_again(tmp_path):
    with Server(tmp_path / "data") as server:
        server.post("traces", spans("kept", trace_id=TRACE))
        assert server.stop() == 0
    with Server(tmp_path / "data") as server:
        assert server.get("/jaeger/api/services")["data"] == ["kept"]


def refuse(*options: str) -> tuple[int, str]:
    done = subprocess.run([str(program()), "serve", *options], capture_output=True, text=True, timeout=60)
    assert done.stdout == "" and done.stderr.count("\n") >= 1
    return done.returncode, done.stderr


def test_says_what_to_do_when_it_cannot_start(server, tmp_path):
    ports = ["--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"]
    status, text = refuse("--data-dir", str(server.data_dir), "--listen", "127.0.0.1:0", *ports)
    assert status == 1 and str(server.process.pid) in text
    status, text = refuse("--data-dir", str(tmp_path / "other"), "--listen", server.addresses["http"], *ports)
    assert status == 1 and server.addresses["http"] in text and "--listen" in text
    status, text = refuse("--data-dir", str(tmp_path / "open"), "--listen", "0.0.0.0:0", *ports)
    assert status == 2 and "--insecure" in text
    status, text = refuse("--data-dir", "/proc/nowhere", "--listen", "127.0.0.1:0", *ports)
    assert status == 1 and "/proc/nowhere" in text


def test_tells_about_itself(server, tmp_path):
    server.post("traces", spans("cart", trace_id=TRACE))
    assert "<title>Clew</title>" in server.get("/")
    assert "Clew is ready" in server.get("/readyz") and "healthy" in server.get("/healthz")
    assert server.get("/api/clew/openapi.yaml").startswith("openapi: 3")
    metrics = requests.get(server.url + "/metrics", timeout=10)
    assert 'clew_ingest_rows_total{signal="spans"} 1' in metrics.text
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics.text, capture_output=True, text=True, timeout=30
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_foreign_pages_are_refused(server):
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert requests.get(server.url + "/api/clew/services", headers=headers, timeout=10).status_code == 403


def test_debians_prometheus_scrapes_it(server, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"  - job_name: clew\n    static_configs: [{{targets: ['{server.addresses['http']}']}}]\n"
    )
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with open(tmp_path / "prometheus.log", "wb") as output:
        prometheus = subprocess.Popen(command, stdout=output, stderr=output)
    try:

        def up():
            answer = requests.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": "up"}, timeout=5).json()
            return answer["data"]["result"][0]["value"][1] == "1"

        eventually(up, seconds=30, what="a successful scrape")
    finally:
        prometheus.terminate()
        prometheus.wait(20)


def private_bytes(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Private_"))


def test_idle_memory(server):
    server.post("traces", spans("cart", trace_id=TRACE))
    server.get("/jaeger/api/services")
    eventually(lambda: private_bytes(server.process.pid) <= 150 << 20, seconds=30, what="at most 150 MiB when idle")


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json", "grpc"])
def test_log_file_ids_are_traces(server, run, protocol):
    """Every trace id in the text log of an instrumented service is found as a trace, whatever way it was sent."""
    service = run(
        "--service",
        "shop",
        "--endpoint",
        f"http://{server.otlp_grpc}" if protocol == "grpc" else server.otlp_http,
        command=["python", "-c", SCRIPT],
        env={"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol},
    )
    assert service.process.wait(30) == 0
    text = service.stdout_path.read_text() + service.stderr_path.read_text()
    ids = {word.split("=")[1] for word in text.split() if word.startswith("trace_id=")}
    assert len(ids) == 5, text
    for trace_id in ids:
        trace = server.get(f"/api/clew/traces/{trace_id}")
        assert trace["logs"] and trace["spans"][0]["attributes"]["http.route"] == "/"
    requests_counted = server.get("/api/v1/query", query="http_server_request_duration_seconds_count")["data"]["result"]
    assert [series["value"][1] for series in requests_counted] == ["5"]


SCRIPT = """
import logging, flask
logging.basicConfig(level="INFO")
app = flask.Flask("shop")

@app.get("/")
def home():
    app.logger.info("asked")
    return "ok"

for _ in range(5):
    app.test_client().get("/")
"""
