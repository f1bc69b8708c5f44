# SPDX-License-Identifier: Apache-2.0
"""Real servers under `clew run`: what they did arrives whole, on one page and by OTLP, whatever happens to them."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from clew_program import OWN_PIDS, SERVICES, TOOLS, Run, Web, children, eventually, free_port, is_running
from otlp_collector import Collector

PYTHON = sys.executable
JSON = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
DURATION = "http_server_request_duration_seconds"


@pytest.fixture
def serve(run, collector):
    """A web service: `words` with {port} filled in, sending OTLP/JSON to the collector."""

    def start(*words: str, env: dict | None = None, endpoint: str = "", **more) -> Web:
        port = free_port()
        service = run(
            "--service",
            "shop",
            "--endpoint",
            endpoint or collector.url,
            "--prometheus",
            "127.0.0.1:0",
            command=[word.replace("{port}", str(port)) for word in words],
            env={**JSON, "PORT": str(port), **(env or {})},
            **more,
        )
        return Web(service, port)

    return start


def gunicorn(*options: str) -> list[str]:
    return ["gunicorn", "--bind", "127.0.0.1:{port}", *options, "shop:app"]


def requests_counted(service: Run, route: str) -> float:
    return service.total(f"{DURATION}_count", http_route=route)


def hello_spans(collector: Collector) -> list[dict]:
    return [span for span in collector.spans() if span["attributes"].get("http.route") == "/hello/<name>"]


def hello_logs(collector: Collector) -> list[dict]:
    return [record for record in collector.logs() if str(record["body"]).startswith("hello ")]


SERVERS = {
    "sync-1": gunicorn("--workers", "1"),
    "sync-4": gunicorn("--workers", "4"),
    "sync-4-preload": gunicorn("--workers", "4", "--preload"),
    "gthread-1": gunicorn("--worker-class", "gthread", "--threads", "4"),
    "gthread-4": gunicorn("--workers", "4", "--worker-class", "gthread", "--threads", "4"),
    "gthread-4-preload": gunicorn("--workers", "4", "--worker-class", "gthread", "--threads", "4", "--preload"),
    "flask": ["flask", "--app", "shop", "run", "--port", "{port}"],
    "flask-reloader": ["flask", "--app", "shop", "run", "--port", "{port}", "--debug"],
    "waitress": ["waitress-serve", "--listen", "127.0.0.1:{port}", "shop:app"],
    "script": [PYTHON, "shop.py"],
}


@pytest.mark.parametrize("words", SERVERS.values(), ids=SERVERS.keys())
def test_everything_arrives_once(serve, collector, words):
    web = serve(*words).ready()
    count = 40

    def ask(part: int):
        for i in range(part, count, 4):
            assert web.get(f"/hello/{i}").text == f"hello {i}\n"

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    eventually(lambda: len(hello_spans(collector)) >= count and len(hello_logs(collector)) >= count)
    assert requests_counted(web.run, "/hello/<name>") == count
    page = web.run.page()
    assert "target_info{" in page and 'service_name="shop"' in page

    status = web.run.stop(signal.SIGTERM)
    assert status in (0, -signal.SIGTERM)
    spans, logs = hello_spans(collector), hello_logs(collector)
    assert len(spans) == len({span["spanId"] for span in spans}) == count
    assert len(logs) == count
    assert sorted(span["attributes"]["url.path"] for span in spans) == sorted(f"/hello/{i}" for i in range(count))
    by_trace = {span["traceId"]: span for span in spans}
    for record in logs:
        span = by_trace[record["traceId"]]
        assert record["spanId"] == span["spanId"]
        assert span["attributes"]["url.path"].endswith("/" + record["body"].split()[1])
    for span in spans:
        assert span["name"] == "GET /hello/<name>"
        assert span["resource"]["service.name"] == "shop"
        assert span["resource"]["process.pid"] > 0
        assert abs(int(span["startTimeUnixNano"]) / 1e9 - time.time()) < 120
    (point,) = [
        p for p in collector.points("http.server.request.duration") if p["attributes"]["http.route"] == "/hello/<name>"
    ]
    assert int(point["count"]) == count
    assert sum(map(int, point["bucketCounts"])) == count


def test_killed_worker_loses_nothing_and_no_counter_falls(serve, collector):
    web = serve(*gunicorn("--workers", "2")).ready()
    workers = web.pids(2)
    for i in range(30):
        web.get(f"/hello/{i}")
    # A request is counted once its answer is closed, which is after the client has it.
    eventually(lambda: requests_counted(web.run, "/hello/<name>") == 30, what="thirty requests on the page")
    # One of them is in the middle of a request when it is killed.
    victim: list[int] = []

    def slow():
        with pytest.raises(requests.RequestException):
            web.get("/slow/30.0")

    thread = threading.Thread(target=slow)
    thread.start()
    eventually(lambda: any("slow begins" in str(r["body"]) for r in collector.logs()), what="the slow request runs")
    (pid,) = {r["resource"]["process.pid"] for r in collector.logs() if "slow begins" in str(r["body"])}
    assert pid in workers
    victim.append(pid)
    os.kill(pid, signal.SIGKILL)
    thread.join(15)
    readings = []
    for i in range(30, 60):
        web.get(f"/hello/{i}")
        readings.append(requests_counted(web.run, "/hello/<name>"))
    assert readings == sorted(readings)
    eventually(lambda: requests_counted(web.run, "/hello/<name>") == 60, what="sixty requests on the page")
    assert web.run.total("clew_agent_ended_processes_total", how="signal") == 1

    cut = eventually(lambda: [s for s in collector.spans() if s["attributes"].get("clew.span.cut_short")])
    assert len(cut) == 1
    assert cut[0]["attributes"]["url.path"] == "/slow/30.0"
    assert cut[0]["status"]["code"] == 2
    assert "SIGKILL" in cut[0]["status"]["message"]
    assert cut[0]["attributes"]["error.type"] == "SIGKILL"
    assert cut[0]["resource"]["process.pid"] == victim[0]
    # The request that will never end is no longer active.
    assert web.run.total("http_server_active_requests") == 0
    eventually(lambda: len(hello_spans(collector)) == 60)
    assert web.run.stop() == 0


def test_reload_by_hup(serve, collector):
    web = serve(*gunicorn("--workers", "2")).ready()
    old = web.pids(2)
    for i in range(10):
        web.get(f"/hello/{i}")
    web.run.send(signal.SIGHUP)
    eventually(lambda: not any(is_running(pid) for pid in old), what="the old workers end")
    new = web.pids(2)
    assert not old & new
    for i in range(10):
        web.get(f"/hello/{i}")
    eventually(lambda: requests_counted(web.run, "/hello/<name>") == 20, what="twenty requests on the page")
    eventually(lambda: len(hello_spans(collector)) == 20)
    assert web.run.stop() == 0


def test_worker_count_by_ttin_and_ttou(serve):
    web = serve(*gunicorn("--workers", "1")).ready()
    web.run.send(signal.SIGTTIN)
    web.pids(2)
    web.run.send(signal.SIGTTOU)
    eventually(lambda: web.run.total("clew_agent_processes") == 2, what="a master and a worker")
    assert web.run.stop() == 0


def test_upgrade_by_usr2(serve, collector, tmp_path):
    web = serve(*gunicorn("--workers", "1", "--pid", str(tmp_path / "pid"))).ready()
    web.get("/hello/old")
    (old,) = children(web.run.pid)
    web.run.send(signal.SIGUSR2)
    eventually(lambda: (tmp_path / "pid.2").exists(), what="a second master")
    new = int((tmp_path / "pid.2").read_text())
    web.pids(2)
    web.run.send(signal.SIGQUIT)  # goes to the old master, as it would without us
    eventually(lambda: not is_running(old), what="the old master ends")
    time.sleep(0.3)
    assert web.run.process.poll() is None
    assert children(web.run.pid) == [new]
    for _ in range(5):
        assert web.get("/hello/new").ok
    eventually(lambda: len(hello_spans(collector)) == 6)
    assert requests_counted(web.run, "/hello/<name>") == 6
    assert web.run.stop() == 0
    assert not is_running(new)


def test_daemon_is_stayed_with(serve, collector, tmp_path):
    web = serve(*gunicorn("--workers", "2", "--daemon", "--pid", str(tmp_path / "pid"))).ready()
    master = int(eventually(lambda: (tmp_path / "pid").read_text()))
    for i in range(10):
        web.get(f"/hello/{i}")
    eventually(lambda: len(hello_spans(collector)) == 10)
    eventually(lambda: any("left process" in line for line in web.run.said()))
    assert web.run.process.poll() is None
    assert web.run.stop() == 0
    assert not is_running(master)


def test_reloader_child_is_recorded_after_a_change(serve, collector, tmp_path):
    app = tmp_path / "changing.py"
    app.write_text((SERVICES / "shop.py").read_text())
    web = serve("flask", "--app", "changing", "run", "--port", "{port}", "--debug", cwd=tmp_path).ready()
    first = web.get("/pid").json()
    web.get("/hello/a")
    app.write_text(app.read_text().replace('f"hello {name}\\n"', 'f"changed {name}\\n"'))
    eventually(lambda: web.get("/hello/b").text == "changed b\n", 20)
    assert web.get("/pid").json() != first
    eventually(lambda: {s["resource"]["process.pid"] for s in hello_spans(collector)} > {first})
    assert web.run.stop() in (0, -signal.SIGTERM)


def test_script_that_ends_at_once_leaves_all_it_recorded(run, collector):
    service = run(
        "--endpoint",
        collector.url,
        command=[
            PYTHON,
            "-c",
            "import sqlite3, logging\n"
            "logging.basicConfig(level=logging.INFO)\n"
            "db = sqlite3.connect(':memory:')\n"
            "db.execute(\"select 'secret' where 1 = 4711\").fetchall()\n"
            "logging.info('done')\n",
        ],
        env={**JSON, "OTEL_SERVICE_NAME": "batch", "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.2,team=a%20b"},
    )
    start = time.monotonic()
    assert service.wait() == 0
    assert time.monotonic() - start < 3
    (span,) = collector.spans()
    assert span["attributes"]["db.query.text"] == "select ? where ? = ?"
    assert span["resource"]["service.name"] == "batch"
    assert span["resource"]["service.version"] == "1.2"
    assert span["resource"]["team"] == "a b"
    assert [record["body"] for record in collector.logs()] == ["done"]
    assert collector.points("db.client.operation.duration")[0]["count"] in (1, "1")


def test_protobuf_is_the_default(run, collector):
    service = run(
        "--endpoint", collector.url, "--service", "shop", command=[PYTHON, "-c", "import logging; logging.error('x')"]
    )
    assert service.wait() == 0
    (request,) = collector.taken("/v1/logs")
    assert request.headers["content-type"] == "application/x-protobuf"
    assert b"service.name" in request.body and b"shop" in request.body


def test_headers_compression_and_endpoints_of_one_signal(run, collector):
    other = Collector()
    try:
        service = run(
            command=[
                PYTHON,
                "-c",
                "import logging, sqlite3; logging.error('x'); sqlite3.connect(':memory:').execute('select 1')",
            ],
            env={
                **JSON,
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": other.url + "/v1/traces",
                "OTEL_EXPORTER_OTLP_HEADERS": "X-Scope-OrgID=team%201",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
                "OTEL_METRICS_EXPORTER": "none",
            },
        )
        assert service.wait() == 0
        (logs,) = collector.taken("/v1/logs")
        assert logs.headers["x-scope-orgid"] == "team 1"
        assert logs.headers["content-encoding"] == "gzip"
        assert len(other.spans()) == 1
        assert not collector.taken("/v1/metrics")
        assert "no metrics page" in service.said()[0]
    finally:
        other.close()


LIES = {
    "dead": None,
    "slow": 3.0,
    "hang": "hang",
    "reset": "reset",
    "garbage": "garbage",
    "busy": (503, {}, b""),
    "throttle": (429, {"Retry-After": "1"}, b""),
    "error": (500, {"Content-Type": "text/html"}, b"<html>no</html>"),
    "nonsense": (200, {"Content-Type": "application/json"}, b'{"partialSuccess": [1,'),
    "redirect": (302, {"Location": "http://127.0.0.1:1/"}, b""),
    "forever": (429, {"Retry-After": "99999999999999"}, b""),
}


@pytest.mark.parametrize("answer", LIES.values(), ids=LIES.keys())
def test_a_bad_collector_changes_nothing_in_the_service(serve, collector, answer):
    collector.answer = answer
    web = serve(*gunicorn("--workers", "2"), endpoint="http://127.0.0.1:1" if answer is None else "").ready()
    slowest = 0.0
    deadline = time.monotonic() + 2.5
    count = 0
    while time.monotonic() < deadline:
        start = time.monotonic()
        assert web.get(f"/hello/{count}").ok
        slowest = max(slowest, time.monotonic() - start)
        count += 1
    assert slowest < 1
    eventually(lambda: requests_counted(web.run, "/hello/<name>") == count, what="all requests on the page")
    web.run.send(signal.SIGTERM)
    eventually(lambda: not children(web.run.pid), what="the service's end")
    start = time.monotonic()
    assert web.run.wait() == 0
    assert time.monotonic() - start < 2


def test_retry_after_is_kept_and_the_batch_arrives(serve, collector):
    times = []

    def busy_twice(request):
        if request.path != "/v1/traces":
            return Collector.OK
        times.append(request.time)
        return (429, {"Retry-After": "1"}, b"") if len(times) <= 2 else Collector.OK

    collector.answer = busy_twice
    web = serve(*gunicorn("--workers", "1")).ready()
    web.get("/hello/a")
    eventually(lambda: len(hello_spans(collector)) == 1, 15)
    assert times[1] - times[0] >= 0.95 and times[2] - times[1] >= 0.95
    assert (
        len({r.body for r in collector.refused}) == 1
        and collector.refused[0].body == collector.taken("/v1/traces")[0].body
    )


def test_collector_that_comes_back_gets_what_waited(serve):
    port = free_port()
    web = serve(*gunicorn("--workers", "1"), endpoint=f"http://127.0.0.1:{port}").ready()
    for i in range(5):
        web.get(f"/hello/{i}")
    eventually(lambda: any("do not arrive" in line for line in web.run.said()))
    late = Collector(port)
    try:
        eventually(lambda: len(hello_spans(late)) == 5, 15)
        eventually(lambda: any("arrive at" in line and "again" in line for line in web.run.said()))
        assert not [line for line in web.run.said() if "did not arrive" in line]
    finally:
        web.run.stop()
        late.close()


def test_partial_success_is_said_once(serve, collector):
    collector.answer = lambda request: (
        (
            200,
            {"Content-Type": "application/json"},
            b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}',
        )
        if request.path == "/v1/traces"
        else Collector.OK
    )
    web = serve(*gunicorn("--workers", "1"), env={"OTEL_BSP_SCHEDULE_DELAY": "100"}).ready()
    for i in range(3):
        web.get(f"/hello/{i}")
        time.sleep(0.3)
    eventually(lambda: len(hello_spans(collector)) == 3)
    assert len([line for line in web.run.said() if "too old" in line]) == 1
    assert web.run.total("clew_agent_lost_records_total", reason="rejected", signal="traces") >= 3


def test_page_in_both_formats(serve):
    web = serve(*gunicorn("--workers", "4", "--worker-class", "gthread", "--threads", "2")).ready()
    web.pids(4)
    text = requests.get(web.run.page_url(), timeout=5)
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "# EOF" not in text.text and "trace_id" not in text.text
    open_metrics = requests.get(
        web.run.page_url(), headers={"Accept": "application/openmetrics-text; version=1.0.0"}, timeout=5
    )
    assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")
    assert re.search(r'_bucket\{.*\} \d+ # \{trace_id="[0-9a-f]{32}",span_id="[0-9a-f]{16}"\}', open_metrics.text)
    # A master and four workers, each with its own number; the sums are one series.
    workers = {labels["worker"] for labels in labels_of(text.text, "process_memory_usage_bytes")}
    assert workers == {"0", "1", "2", "3", "4"}
    assert len(labels_of(text.text, "http_server_active_requests")) == 1
    assert all(value > 0 for value in web.run.samples("process_thread_count"))
    bounds = [labels["le"] for labels in labels_of(text.text, f"{DURATION}_bucket", http_route="/pid")]
    assert bounds[0] == "0.005" and "1.0" in bounds and bounds[-1] == "+Inf"


def labels_of(page: str, name: str, **wanted: str) -> list[dict]:
    from clew_program import samples_of

    return [labels for n, labels, _ in samples_of(page) if n == name and wanted.items() <= labels.items()]


def test_cpu_time_never_falls_over_workers(serve):
    web = serve(*gunicorn("--workers", "1")).ready()
    readings = []
    for _ in range(5):
        (pid,) = web.pids(1)
        for i in range(100):
            web.get(f"/hello/{i}")
        readings.append(web.run.total("process_cpu_time_seconds_total"))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: not is_running(pid))
        time.sleep(0.2)
        readings.append(web.run.total("process_cpu_time_seconds_total"))
    assert readings == sorted(readings)
    assert readings[0] > 0


def test_taken_page_never_hurts_the_service(run):
    port = free_port()
    first = run("--prometheus", f"127.0.0.1:{port}", command=["sleep", "30"])
    first.page()
    second = run("--prometheus", f"127.0.0.1:{port}", command=["sh", "-c", "exit 6"])
    assert second.wait() == 6
    assert [line for line in second.said() if "no metrics page" in line and str(port) in line]
    first.stop()


def test_default_page_moves_on(run):
    runs = [run(command=["sleep", "30"]) for _ in range(3)]
    urls = {service.page_url() for service in runs}
    assert len(urls) == 3
    assert all(re.fullmatch(r"http://127\.0\.0\.1:9[45]\d\d/metrics", url) for url in urls)
    for service in runs:
        service.page()
        assert service.stop() == -signal.SIGTERM


def test_start_line_names_what_is_honoured_and_what_not(run):
    service = run(
        command=["true"],
        env={
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_PROPAGATORS": "b3",
            "OTEL_PYTHON_LOG_CORRELATION": "true",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:secret@127.0.0.1:4318",
        },
    )
    assert service.wait() == 0
    line = service.said()[0]
    assert "service shop" in line
    assert "otlp http/protobuf to http://127.0.0.1:4318" in line
    assert re.search(r"metrics on http://127\.0\.0\.1:\d+/metrics", line)
    honoured, _, ignored = line.partition("not honoured: ")
    assert "OTEL_SERVICE_NAME" in honoured and "OTEL_EXPORTER_OTLP_HEADERS" in honoured
    assert "OTEL_PROPAGATORS" in ignored and "OTEL_PYTHON_LOG_CORRELATION" in ignored
    assert "secret" not in service.stderr()


def test_start_line_asks_for_a_name_where_there_is_none(run):
    service = run(command=["true"])
    assert service.wait() == 0
    assert "service unknown_service:true (--service names it), " in service.said()[0]


def test_sdk_disabled_records_nothing(run, collector):
    service = run(
        "--endpoint",
        collector.url,
        command=[PYTHON, "-c", "import logging; logging.error('x')"],
        env={"OTEL_SDK_DISABLED": "true"},
    )
    assert service.wait() == 0
    assert not collector.requests and not service.said()


def test_sampler_always_off_counts_but_sends_no_span(serve, collector):
    web = serve(*gunicorn("--workers", "1"), env={"OTEL_TRACES_SAMPLER": "always_off"}).ready()
    for i in range(10):
        web.get(f"/hello/{i}")
    eventually(lambda: len(hello_logs(collector)) == 10)
    eventually(lambda: requests_counted(web.run, "/hello/<name>") == 10, what="ten requests on the page")
    assert web.run.stop() == 0
    assert not collector.spans()


def test_console_exporter_writes_otlp_json_on_standard_error(run):
    import json

    service = run(
        command=[PYTHON, "-c", "import logging; logging.error('to the console')"],
        env={"OTEL_LOGS_EXPORTER": "console", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
    )
    assert service.wait() == 0
    (line,) = [line for line in service.stderr().splitlines() if line.startswith("{")]
    record = json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert record["body"] == {"stringValue": "to the console"}
    assert service.stdout() == ""


def test_status_shows_queue_drops_exports_addresses_and_errors(serve, collector):
    web = serve(*gunicorn("--workers", "2")).ready()
    web.pids(2)
    web.get("/hello/a")
    eventually(lambda: len(hello_spans(collector)) == 1)
    status = eventually(lambda: (s := web.run.status())["signals"]["traces"]["delivered_records"] > 0 and s)
    assert status["service"] == "shop"
    assert status["page"] == web.run.page_url()
    assert len(status["processes"]) == 3
    traces = status["signals"]["traces"]
    assert traces["endpoint"] == collector.url + "/v1/traces"
    assert traces["queued_records"] == 0 and not traces["failing"] and "last_error" not in traces
    collector.answer = (400, {}, b"")
    web.get("/hello/b")
    eventually(lambda: web.run.status()["signals"]["traces"]["dropped"]["refused"] > 0)
    assert "status 400" in web.run.status()["signals"]["traces"]["last_error"]
    text = web.run.clew("status")
    assert str(web.run.pid) in text.stdout and "status 400" in text.stdout and web.run.page_url() in text.stdout
    worker = status["processes"][1]["pid"]
    assert str(web.run.pid) in web.run.clew("status", str(worker)).stdout
    unknown = web.run.clew("status", "1")
    assert unknown.returncode == 1 and "no clew run of this user has pid 1" in unknown.stderr
    assert web.run.stop() == 0
    assert web.run.clew("status").stdout == "no clew run of this user\n"


def test_injection_kept_out_is_said_with_its_reason(run):
    for option in ("-I", "-E", "-S"):
        service = run(command=[PYTHON, option, "-c", "print('ran')"])
        assert service.wait() == 0
        assert service.stdout() == "ran\n"
        assert (
            service.said()[-1]
            == f"nothing was recorded: Python was started with {option}, which keeps injected code out"
        )


def test_injection_kept_out_of_a_running_service_is_said_after_a_while(run):
    service = run(command=[PYTHON, "-I", "-c", "import time; time.sleep(60)"])
    eventually(
        lambda: any("nothing was recorded so far: Python was started with -I" in line for line in service.said()), 9
    )
    service.stop()
    assert len([line for line in service.said() if "nothing was recorded" in line]) == 1


def test_changed_pythonpath_is_said(run):
    service = run(command=["sh", "-c", f"unset PYTHONPATH; exec {PYTHON} -c 'import time; time.sleep(60)'"])
    eventually(lambda: any("PYTHONPATH was changed" in line for line in service.said()), 9)
    service.stop()


@pytest.mark.parametrize("name", ["python3.8", "pypy3.10"])
def test_interpreter_without_an_extension_runs_untouched(run, tmp_path, name):
    interpreter = tmp_path / name
    interpreter.symlink_to("/bin/sh")
    script = tmp_path / "script"
    script.write_text(f"#!{interpreter}\necho $CLEW_ATTACH:$PYTHONPATH:$$\nexit 3\n")
    script.chmod(0o755)
    service = run(command=[script], env={"PYTHONPATH": None})
    assert service.wait() == 3
    assert service.stdout() == f"::{service.pid}\n"
    (line,) = service.said()
    assert line.startswith("nothing is recorded: ") and str(interpreter) in line and "3." in line


def test_program_that_is_no_python_is_said_at_the_end(run):
    service = run(command=["sh", "-c", "exit 0"])
    assert service.wait() == 0
    assert service.said()[-1] == "nothing was recorded: sh started no Python that took the agent in"


def test_pythons_are_listed(run):
    import subprocess

    from clew_program import program

    answer = subprocess.run([program(), "run", "--pythons"], capture_output=True, text=True, timeout=20)
    assert answer.returncode == 0
    versions = {line.split()[0]: line.split()[1] for line in answer.stdout.splitlines()}
    assert "%d.%d" % sys.version_info[:2] in versions
    assert all(Path(file).exists() for file in versions.values())


def test_subprocesses_of_a_shell_are_recorded_too(run, collector):
    service = run(
        "--endpoint",
        collector.url,
        command=[
            "sh",
            "-c",
            f"{PYTHON} -c 'import logging; logging.error(\"one\")'; {PYTHON} -c 'import logging; logging.error(\"two\")'",
        ],
        env=JSON,
    )
    assert service.wait() == 0
    assert sorted(record["body"] for record in collector.logs()) == ["one", "two"]
    assert len({record["resource"]["process.pid"] for record in collector.logs()}) == 2


def test_unprivileged_worker_records(serve, collector, tmp_path):
    """gunicorn --user: the workers have another uid than the parent."""
    if os.getuid() != 0:
        pytest.fail("this test needs root, as CI has it")
    web = serve(*gunicorn("--workers", "1", "--user", "65534", "--group", "65534")).ready()
    web.get("/hello/a")
    eventually(lambda: len(hello_spans(collector)) == 1)
    assert web.run.total("process_memory_usage_bytes") > 0
    assert web.run.stop() == 0


def test_bind_failure_is_the_services_own(run):
    port = free_port()
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        service = run(command=[PYTHON, "-c", f"import socket; socket.create_server(('127.0.0.1', {port}))"])
        assert service.wait() == 1
        assert "Address already in use" in service.stderr()


def test_tools_stand_beside_the_interpreter():
    for tool in ("gunicorn", "flask", "waitress-serve"):
        assert (TOOLS / tool).exists(), f"{tool} is not installed in {TOOLS}"


def test_program_that_becomes_another_is_recorded_on(run, collector):
    service = run(
        "--endpoint",
        collector.url,
        command=[
            PYTHON,
            "-c",
            "import logging, os, sys\n"
            "logging.error('image %s', os.environ.get('IMAGE', 'first'))\n"
            "if 'IMAGE' not in os.environ:\n"
            "    os.environ['IMAGE'] = 'second'\n"
            "    os.execv(sys.executable, [sys.executable, '-c', sys.orig_argv[2]])\n",
        ],
        env=JSON,
    )
    assert service.wait() == 0
    assert sorted(record["body"] for record in collector.logs()) == ["image first", "image second"]


def test_service_in_another_network_namespace_attaches_by_the_path_socket(run, collector):
    service = run(
        "--endpoint",
        collector.url,
        command=["unshare", "--net", PYTHON, "-c", "import logging; logging.error('from afar')"],
        env=JSON,
    )
    assert service.wait() == 0
    assert [record["body"] for record in collector.logs()] == ["from afar"]


def test_service_in_another_pid_namespace_is_left_alone(run, collector):
    service = run(
        "--endpoint",
        collector.url,
        command=[*OWN_PIDS, PYTHON, "-c", "import logging; logging.error('x')"],
        env=JSON,
    )
    assert service.wait() == 0
    assert not collector.logs()
    assert service.said()[-1] == "nothing was recorded: its processes are in another pid namespace"


def test_recording_goes_on_for_the_last_holder(run, collector):
    """A process that is no descendant, but took the arena, is read until it ends."""
    service = run(
        "--endpoint",
        collector.url,
        command=[PYTHON, "-c", "import os, time; print(os.environ['CLEW_ATTACH'], flush=True); time.sleep(1)"],
        env=JSON,
    )
    attach = eventually(lambda: service.stdout().strip())
    (child,) = eventually(lambda: children(service.pid))
    path = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{child}/environ").read_text().split("\0") if "=" in entry
    )["PYTHONPATH"]
    stranger = subprocess.Popen(
        [PYTHON, "-c", "import logging, time; logging.error('early'); time.sleep(3); logging.error('late')"],
        env={**os.environ, "CLEW_ATTACH": attach, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: not is_running(child))
    assert service.process.poll() is None
    assert service.wait() == 0
    assert stranger.wait(5) == 0
    assert sorted(record["body"] for record in collector.logs()) == ["early", "late"]
    assert [line for line in service.said() if "recording goes on for 1 processes" in line]
