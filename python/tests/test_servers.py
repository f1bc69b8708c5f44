# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import os
import re
import signal
import sys
import time

import pytest

APP = """
import logging, os, time
import flask
logging.basicConfig(level=logging.INFO, format="LINE %(message)s")
app = flask.Flask("shop")

@app.get("/work/<int:number>")
def work(number):
    logging.getLogger("shop").info("work %d", number)
    return {"number": number, "pid": os.getpid()}

@app.get("/stream")
def stream():
    return app.response_class(str(i) for i in range(3))
"""

GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:PORT", "--access-logfile", "-", "app:app"]


def check(agent, service, requests=24, workers=1):
    """Parallel requests; every one is a span with its log line, by the worker that answered."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: service.get("/work/%d" % n), range(requests)))
    assert all(status == 200 for status, _ in answers)
    pids = {int(re.search(r'"pid": ?(\d+)', body).group(1)) for _, body in answers}
    records = []
    for _ in range(50):
        records += agent.drain()
        if sum(r["type"] == "span" for r in records) >= requests:
            break
        time.sleep(0.1)
    spans = [r for r in records if r["type"] == "span"]
    logs = [r for r in records if r["type"] == "log" and r["scope"] == "shop"]
    assert len(spans) == requests and len(logs) == requests
    assert {s["name"] for s in spans} == {"GET /work/<int:number>"}
    assert len({s["span_id"] for s in spans}) == len({s["trace_id"] for s in spans}) == requests
    assert {s["pid"] for s in spans} == pids and len(pids) <= workers
    assert {log["span_id"] for log in logs} == {s["span_id"] for s in spans}
    assert sum(s["count"] for s in agent.series("http.server.request.duration")) >= requests
    assert all(s["value"] == 0 for s in agent.series("http.server.active_requests"))
    return spans, pids


def assert_ids_in_lines(output, spans, pattern):
    """Each span's ids stand in one line of those that match."""
    lines = [line for line in output.splitlines() if re.search(pattern, line)]
    for span in spans:
        own = [line for line in lines if "trace_id=%s span_id=%s" % (span["trace_id"], span["span_id"]) in line]
        assert len(own) == 1, (span["span_id"], output)


@pytest.mark.parametrize(
    "options",
    [
        ["-k", "sync", "-w", "1"],
        ["-k", "sync", "-w", "4", "--preload"],
        ["-k", "gthread", "--threads", "4", "-w", "2"],
        ["-k", "gthread", "--threads", "4", "-w", "1", "--preload"],
        ["-k", "gevent", "-w", "1"],
    ],
    ids=" ".join,
)
def test_gunicorn(agent, options):
    agent.write(APP)
    service = agent.start([*GUNICORN, *options])
    spans, _ = check(agent, service, workers=int(options[options.index("-w") + 1]))
    output = service.stop()
    assert service.process.returncode == 0
    assert_ids_in_lines(output, spans, "^LINE work")
    assert_ids_in_lines(output, spans, '"GET /work/')  # the access line


def test_gunicorn_worker_killed_and_reloaded(agent):
    agent.write(APP)
    service = agent.start([*GUNICORN, "-w", "1"])
    _, pids = check(agent, service, requests=5)
    os.kill(pids.pop(), signal.SIGKILL)
    time.sleep(1.5)
    _, second = check(agent, service, requests=5)
    service.process.send_signal(signal.SIGHUP)
    time.sleep(1.5)
    _, third = check(agent, service, requests=5)
    assert second != third
    assert agent.ask("free")[0]["rings"] >= 1
    service.stop()


def test_flask_run(agent):
    agent.write(APP)
    service = agent.start([sys.executable, "-m", "flask", "--app", "app", "run", "--port", "PORT"])
    spans, _ = check(agent, service)
    output = service.stop(signal.SIGINT)
    assert_ids_in_lines(output, spans, "^LINE work")
    assert_ids_in_lines(output, spans, '"GET /work/')


def test_flask_run_with_the_reloader(agent):
    path = agent.write(APP)
    service = agent.start([sys.executable, "-m", "flask", "--app", "app", "--debug", "run", "--port", "PORT"])
    check(agent, service, requests=5)
    path.write_text(path.read_text() + "\n# touched\n")
    time.sleep(3)
    service.wait()
    check(agent, service, requests=5)
    # The reloader's parent and child are both processes of the service.
    pid = service.process.pid
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        children = [int(child) for child in file.read().split()]
    assert children
    service.stop(signal.SIGTERM)
    for child in children:
        try:
            os.kill(child, signal.SIGTERM)
        except ProcessLookupError:
            pass


def test_waitress(agent):
    agent.write(APP)
    service = agent.start([sys.executable, "-m", "waitress", "--host", "127.0.0.1", "--port", "PORT", "app:app"])
    spans, _ = check(agent, service)
    service.get("/stream")
    time.sleep(0.2)
    (stream,) = agent.spans()
    assert stream["name"] == "GET /stream"
    output = service.stop()
    assert_ids_in_lines(output, spans, "^LINE work")


def test_werkzeug_threads_of_many_requests(agent):
    """A thread a request: rings go round in the process."""
    agent.write(APP)
    service = agent.start([sys.executable, "-m", "flask", "--app", "app", "run", "--port", "PORT"])
    check(agent, service, requests=300)
    assert agent.ask("drain")[-1]["rings"] <= 20
    service.stop()


def test_plain_script_with_a_pool_of_processes(agent):
    agent.run(
        """
import logging, multiprocessing, os, time
logging.basicConfig(level=logging.INFO)
def work(number):
    logging.info("number %d", number)
    time.sleep(0.05)
    return os.getpid()
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(3) as pool:
            pids = pool.map(work, range(12), 1)
"""
    )
    logs = agent.drain()
    assert sorted(r["body"] for r in logs) == sorted(2 * ["number %d" % n for n in range(12)])
    assert len({r["pid"] for r in logs}) > 2
