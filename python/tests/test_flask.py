# SPDX-License-Identifier: Apache-2.0
import pytest

# A Flask application, and call(path, …), which is a WSGI server in miniature.
APP = """
import io, logging, sys, threading
import flask
app = flask.Flask("shop")

def call(path, method="GET", target=None, close=True, **environ):
    answer = {}
    def start_response(status, headers, exc_info=None):
        answer["status"] = status
    body = (target or app)({
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "10.0.0.9",
        "HTTP_HOST": "shop.example", "HTTP_USER_AGENT": "test/1", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.multithread": True,
        "wsgi.multiprocess": True, "wsgi.run_once": False, **environ}, start_response)
    try:
        answer["body"] = b"".join(body)
    finally:
        if close and hasattr(body, "close"):
            body.close()
    return answer
"""


def test_request_is_a_server_span_by_the_conventions(agent):
    agent.run(
        APP
        + """
@app.get("/items/<int:number>")
def item(number):
    return {"number": number}
print(call("/items/7", QUERY_STRING="color=red"))
"""
    )
    (span,) = agent.spans()
    assert span["name"] == "GET /items/<int:number>"
    assert span["kind"] == 2 and span["status"] == 0 and span["flags"] == 0x103
    assert span["parent_span_id"] == "0" * 16
    assert span["scope"] == "clew.flask" and span["schema_url"].startswith("https://opentelemetry.io/schemas/")
    assert span["attributes"] == {
        "http.request.method": "GET",
        "url.path": "/items/7",
        "url.query": "color=red",
        "url.scheme": "http",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "10.0.0.9",
        "network.protocol.version": "1.1",
        "user_agent.original": "test/1",
        "http.route": "/items/<int:number>",
        "http.response.status_code": 200,
    }
    (series,) = agent.series("http.server.request.duration")
    assert series["attributes"] == {
        "http.request.method": "GET",
        "http.route": "/items/<int:number>",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "network.protocol.version": "1.1",
    }
    assert series["unit"] == "s" and series["count"] == 1
    assert series["bounds"] == [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    assert series["exemplars"][0]["trace_id"] == span["trace_id"]
    (active,) = agent.series("http.server.active_requests")
    assert active["value"] == 0 and active["attributes"] == {"http.request.method": "GET", "url.scheme": "http"}


def test_errors(agent):
    agent.run(
        APP
        + """
@app.get("/boom")
def boom():
    raise ZeroDivisionError("by nothing")
@app.get("/own")
def own():
    return "sorry", 503
@app.get("/handled")
def handled():
    raise KeyError("x")
app.register_error_handler(KeyError, lambda error: ("handled", 400))
for path in ("/boom", "/own", "/handled", "/nowhere"):
    call(path)
call("/own", method="POST")
call("/own", method="FROB")
"""
    )
    boom, own, handled, nowhere, wrong_method, unknown_method = agent.spans()
    assert boom["status"] == 2 and boom["attributes"]["http.response.status_code"] == 500
    assert boom["attributes"]["error.type"] == "ZeroDivisionError"
    (event,) = boom["events"]
    assert event["name"] == "exception"
    assert event["attributes"]["exception.type"] == "ZeroDivisionError"
    assert event["attributes"]["exception.message"] == "by nothing"
    assert "in boom" in event["attributes"]["exception.stacktrace"]
    assert own["status"] == 2 and own["attributes"]["error.type"] == "503" and own["events"] == []
    assert handled["status"] == 0 and handled["attributes"]["http.response.status_code"] == 400
    assert nowhere["status"] == 0 and nowhere["name"] == "GET" and "http.route" not in nowhere["attributes"]
    assert wrong_method["attributes"]["http.response.status_code"] == 405 and wrong_method["name"] == "POST"
    assert unknown_method["name"] == "HTTP"
    assert unknown_method["attributes"]["http.request.method"] == "_OTHER"
    assert unknown_method["attributes"]["http.request.method_original"] == "FROB"


def test_exception_that_leaves_the_application(agent):
    out, _ = agent.run(
        APP
        + """
app.config["PROPAGATE_EXCEPTIONS"] = True
@app.get("/boom")
def boom():
    raise ValueError("out")
try:
    call("/boom")
except ValueError as error:
    print("raised", error)
logging.basicConfig(stream=sys.stdout)
logging.warning("after")
"""
    )
    assert out == "raised out\nWARNING:root:after\n"  # nothing is current any more
    (span,) = agent.spans()
    assert span["attributes"]["error.type"] == "ValueError" and span["status"] == 2
    assert len(span["events"]) == 1 and "http.response.status_code" not in span["attributes"]


def test_streaming_body_ends_when_its_iterator_closes(agent):
    out, _ = agent.run(
        APP
        + """
import time
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
@app.get("/stream")
def stream():
    def body():
        for part in "abc":
            time.sleep(0.02)
            logging.info("part %s", part)
            yield part
    return app.response_class(body())
@app.get("/broken")
def broken():
    def body():
        yield "x"
        raise OSError("gone")
    return app.response_class(body())
call("/stream")
try:
    call("/broken")
except OSError:
    print("raised")
"""
    )
    stream, broken = agent.spans()
    assert stream["end"] - stream["start"] > 55e6
    lines = out.splitlines()
    assert [line.split(" trace_id=")[0] for line in lines] == ["part a", "part b", "part c", "raised"]
    assert all(stream["trace_id"] in line for line in lines[:3])
    assert broken["status"] == 2 and broken["attributes"]["error.type"] == "OSError"


def test_incoming_trace_context(agent):
    agent.run(
        APP
        + """
@app.get("/")
def root():
    return "x"
parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
call("/", HTTP_TRACEPARENT=parent + "1", HTTP_TRACESTATE="ot=th:8;rv:abcdefabcdefab,vendor=1")
call("/", HTTP_TRACEPARENT=parent + "3")
call("/", HTTP_TRACEPARENT=parent + "0")
call("/", HTTP_TRACEPARENT="00-garbage-01", HTTP_TRACESTATE="a=b")
"""
    )
    first, second, last = agent.spans()
    assert first["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert first["parent_span_id"] == "b7ad6b7169203331"
    assert first["flags"] == 0x301 and first["trace_state"] == "ot=th:8;rv:abcdefabcdefab,vendor=1"
    assert second["flags"] == 0x303
    assert last["parent_span_id"] == "0" * 16 and last["trace_state"] == ""
    # Metrics count every request, sampled or not.
    assert sum(s["count"] for s in agent.series("http.server.request.duration")) == 4


@pytest.mark.parametrize(
    "sampler, threshold, expected", [(4, 0, (0, 0)), (5, 1 << 55, (350, 650)), (3, 0, (1000, 1000))]
)
def test_head_sampling(make_agent, sampler, threshold, expected):
    agent = make_agent(sampler=sampler, threshold=threshold)
    agent.run(
        APP
        + """
@app.get("/")
def root():
    return "x"
for _ in range(1000):
    call("/")
"""
    )
    spans = agent.spans()
    assert expected[0] <= len(spans) <= expected[1]
    assert all(s["trace_state"] == ("ot=th:8" if sampler == 5 else "") for s in spans)
    assert sum(s["count"] for s in agent.series("http.server.request.duration")) == 1000


def test_middlewares_subclasses_and_mounted_applications(agent):
    agent.run(
        APP
        + """
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.middleware.dispatcher import DispatcherMiddleware

class Own(flask.Flask):
    def wsgi_app(self, environ, start_response):
        environ["seen"] = True
        return super().wsgi_app(environ, start_response)

own = Own("own")
own.wsgi_app = ProxyFix(own.wsgi_app)
inner = flask.Flask("inner")
@own.get("/a")
def a():
    return "a"
@inner.get("/b/<name>")
def b(name):
    return name
call("/a", target=own, HTTP_X_FORWARDED_FOR="1.2.3.4")
mounted = DispatcherMiddleware(own, {"/in": inner})
call("/in/b/x", target=mounted)
# One application calls another within its own request.
@app.get("/outer")
def outer():
    environ = dict(flask.request.environ, PATH_INFO="/b/y")
    return b"".join(inner(environ, lambda *args: None))
call("/outer")
"""
    )
    proxied, mounted, outer = agent.spans()
    assert proxied["name"] == "GET /a" and proxied["attributes"]["client.address"] == "1.2.3.4"
    assert mounted["name"] == "GET /b/<name>" and mounted["attributes"]["url.path"] == "/in/b/x"
    assert outer["name"] == "GET /outer"


def test_threads_keep_their_parent_by_copied_contexts(agent):
    agent.run(
        APP
        + """
import contextvars, requests
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
@app.get("/")
def root():
    @flask.copy_current_request_context
    def in_flask_context():
        logging.info("in thread of %s", flask.request.path)
    context = contextvars.copy_context()
    for target in (in_flask_context, lambda: context.run(logging.info, "copied"), lambda: logging.info("bare")):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    return "x"
call("/")
"""
    )
    records = agent.drain()
    (span,) = [r for r in records if r["type"] == "span"]
    ids = {r["body"]: r["span_id"] for r in records if r["type"] == "log"}
    assert ids["copied"] == span["span_id"]
    assert ids["in thread of /"] == span["span_id"]
    assert ids["bare"] == "0" * 16


def test_odd_requests(agent):
    agent.run(
        APP
        + r"""
@app.route("/<path:rest>", methods=["GET", "HEAD"])
def any_path(rest):
    return rest
call("/caf\xc3\xa9/" + "x" * 3000, HTTP_USER_AGENT="u" * 5000, QUERY_STRING="q=" + "z" * 2000)
call("/\xff\xfe")
call("/x", method="HEAD")
call("/x", HTTP_HOST="[::1]:8443", SERVER_PROTOCOL="HTTP/2.0", RAW_URI="/x%20y?z=1")
call("/x", HTTP_HOST="", SERVER_PORT="http")
"""
    )
    spans = agent.spans()
    assert len(spans) == 5
    long = spans[0]["attributes"]
    assert long["url.path"].startswith("/café/xxx") and len(long["url.path"]) == 3006
    assert len(long["user_agent.original"]) == 5000 and long["http.route"] == "/<path:rest>"
    assert spans[2]["name"] == "HEAD /<path:rest>"
    host = spans[3]["attributes"]
    assert (host["server.address"], host["server.port"], host["url.path"]) == ("::1", 8443, "/x%20y")
    assert host["network.protocol.version"] == "2"
    assert spans[4]["attributes"]["server.address"] == "localhost" and "server.port" not in spans[4]["attributes"]


def test_old_names_on_request(make_agent):
    agent = make_agent(conventions=1)
    agent.run(
        APP
        + """
@app.get("/a")
def a():
    return "a"
call("/a", QUERY_STRING="b=1")
"""
    )
    (span,) = agent.spans()
    assert span["attributes"]["http.method"] == "GET" and span["attributes"]["http.target"] == "/a?b=1"
    assert span["attributes"]["http.status_code"] == 200 and span["attributes"]["http.request.method"] == "GET"


@pytest.mark.parametrize("conventions, events, logs", [(0, 1, 0), (4, 0, 1), (8, 1, 1)])
def test_exceptions_as_events_or_logs(make_agent, conventions, events, logs):
    agent = make_agent(conventions=conventions)
    agent.run(
        APP
        + """
app.logger.disabled = True
@app.get("/")
def root():
    raise ValueError("v")
call("/")
"""
    )
    records = agent.drain()
    (span,) = [r for r in records if r["type"] == "span"]
    exceptions = [r for r in records if r["type"] == "log" and r["event_name"] == "exception"]
    assert (len(span["events"]), len(exceptions)) == (events, logs)
    for log in exceptions:
        assert log["span_id"] == span["span_id"] and log["severity"] == 17 and log["body"] == "v"
        assert log["attributes"]["exception.type"] == "ValueError"


def test_open_span_of_a_killed_worker(agent):
    agent.run(
        APP
        + """
import os, signal
@app.get("/slow/<name>")
def slow(name):
    os.kill(os.getpid(), signal.SIGKILL)
call("/slow/x")
""",
        check=False,
    )
    assert agent.spans() == []
    (span, _) = agent.ask("open")
    assert span["name"] == "GET" and span["end"] == 0 and span["attributes"]["url.path"] == "/slow/x"


def test_fork_within_a_request(agent):
    agent.run(
        APP
        + """
import os
logging.basicConfig(level=logging.INFO)
@app.get("/fork")
def fork():
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    logging.info("parent" if child else "child")
    return "x"
parent = os.getpid()
call("/fork")
if os.getpid() != parent:
    call("/fork2")
    os._exit(0)
"""
    )
    records = agent.drain()
    spans = {r["name"]: r for r in records if r["type"] == "span"}
    assert sorted(r["name"] for r in records if r["type"] == "span") == ["GET", "GET /fork"]
    assert spans["GET"]["pid"] != spans["GET /fork"]["pid"]
    logs = {r["body"]: r for r in records if r["type"] == "log"}
    assert logs["child"]["span_id"] == logs["parent"]["span_id"] == spans["GET /fork"]["span_id"]
    active = agent.series("http.server.active_requests")
    assert [s["value"] for s in active] == [0, 0]


def test_nothing_is_recorded_when_signals_are_off(make_agent):
    agent = make_agent(signals=0)
    out, _ = agent.run(
        APP
        + """
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
@app.get("/")
def root():
    logging.info("hello")
    return "x"
call("/")
"""
    )
    assert agent.drain() == [] and agent.series("http.server.request.duration") == []
    assert "hello trace_id=" in out
