# SPDX-License-Identifier: Apache-2.0

# A server that answers with the headers it got, and a span around what is called.
SERVER = """
import contextlib, http.server, json, threading
from clew import _native

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
        code = int(self.path.split("/")[1].split("?")[0] or 200)
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = "http://127.0.0.1:%d" % server.server_port

@contextlib.contextmanager
def running():
    span = _native.start_span("work", None, 1, None, None, None, ("test", "", ""))
    token = _native.context_attach(span)
    try:
        yield span
    finally:
        _native.context_detach(token)
        span.end()
"""


def spans_by_name(agent):
    spans = agent.spans()
    work = [s for s in spans if s["name"] == "work"]
    return (work or [None])[0], [s for s in spans if s["name"] != "work"]


def test_requests(agent):
    out, _ = agent.run(
        SERVER
        + """
import requests
with running():
    session = requests.Session()
    mine = {"x-mine": "1"}
    answer = session.get(base + "/200?q=1", headers=mine)
    print(json.dumps(answer.json()))
    requests.post(base + "/404", data="x")
    requests.get(base + "/302")
    try:
        requests.get("http://127.0.0.1:9/", timeout=2)
    except requests.ConnectionError:
        pass
assert mine == {"x-mine": "1"}
print(json.dumps(requests.get(base + "/200").json()))
"""
    )
    import json

    first_headers, last_headers = map(json.loads, out.splitlines())
    work, (ok, missing, redirected, refused, root) = spans_by_name(agent)
    assert ok["kind"] == 3 and ok["name"] == "GET" and ok["scope"] == "clew.requests"
    assert ok["parent_span_id"] == work["span_id"] and ok["trace_id"] == work["trace_id"]
    assert first_headers["traceparent"] == "00-%s-%s-03" % (ok["trace_id"], ok["span_id"])
    assert first_headers["x-mine"] == "1"
    attributes = ok["attributes"]
    port = attributes.pop("server.port")
    assert attributes == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "url.full": "http://127.0.0.1:%d/200?q=1" % port,
        "http.response.status_code": 200,
    }
    assert missing["name"] == "POST" and missing["status"] == 2 and missing["attributes"]["error.type"] == "404"
    assert redirected["status"] == 0 and redirected["attributes"]["http.response.status_code"] == 200
    assert refused["status"] == 2 and refused["attributes"]["error.type"] == "requests.exceptions.ConnectionError"
    assert refused["events"][0]["name"] == "exception"
    assert root["parent_span_id"] == "0" * 16 and last_headers["traceparent"].endswith("%s-03" % root["span_id"])
    series = agent.series("http.client.request.duration")
    assert sum(s["count"] for s in series) == 5 and {s["scope"] for s in series} == {"clew.requests"}
    assert {s["attributes"].get("error.type") for s in series} == {
        None, "404", "requests.exceptions.ConnectionError"
    }  # fmt: skip


def test_urllib3(agent):
    agent.run(
        SERVER
        + """
import urllib3
with running() as span:
    pool = urllib3.PoolManager(headers={"x-pool": "1"})
    headers = json.loads(pool.request("GET", base + "/200").data)
    assert headers["x-pool"] == "1" and headers["traceparent"].split("-")[1] == span.traceparent.split("-")[1]
    direct = urllib3.HTTPConnectionPool("127.0.0.1", server.server_port)
    direct.urlopen("POST", "/500", body=b"x", headers={"x-own": "2"})
    direct.request("GET", "/302")
    try:
        urllib3.PoolManager(retries=urllib3.Retry(2, backoff_factor=0)).request("GET", "http://127.0.0.1:9/")
    except urllib3.exceptions.MaxRetryError:
        pass
"""
    )
    work, (ok, failed, redirected, refused) = spans_by_name(agent)
    assert ok["scope"] == "clew.urllib3" and ok["parent_span_id"] == work["span_id"]
    assert ok["attributes"]["url.full"].endswith("/200") and ok["attributes"]["http.response.status_code"] == 200
    assert failed["name"] == "POST" and failed["attributes"]["error.type"] == "500"
    assert redirected["attributes"]["http.response.status_code"] == 200
    assert refused["attributes"]["error.type"] == "urllib3.exceptions.MaxRetryError"
    assert sum(s["count"] for s in agent.series("http.client.request.duration")) == 4


def test_tracestate_goes_on(make_agent):
    agent = make_agent(sampler=5, threshold=0)
    agent.run(
        SERVER
        + """
import requests
headers = requests.get(base + "/200").json()
assert headers["tracestate"] == "ot=th:0", headers
"""
    )


def test_not_sampled_is_said_and_not_recorded(make_agent):
    agent = make_agent(sampler=4)
    agent.run(
        SERVER
        + """
import requests
headers = requests.get(base + "/200").json()
assert headers["traceparent"].endswith("-02"), headers
"""
    )
    assert agent.spans() == []
    assert agent.series("http.client.request.duration")[0]["attributes"]["server.address"] == "127.0.0.1"


def test_sqlite3(agent):
    agent.run(
        """
import sqlite3, threading
from sqlite3 import dbapi2, connect

class OwnConnection(sqlite3.Connection):
    def cursor(self):
        return super().cursor(OwnCursor)
class OwnCursor(sqlite3.Cursor):
    def execute(self, sql, parameters=()):
        return super().execute(sql, parameters)

db = connect("shop.db")
assert isinstance(db, sqlite3.Connection) and type(db).__name__ == "Connection"
db.row_factory = sqlite3.Row
with db:
    db.execute("CREATE TABLE orders (id INTEGER, name TEXT)")
    db.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "secret"), (2, "b")])
row = db.execute("select id from \\"orders\\" where name = 'secret'").fetchone()
assert row["id"] == 1
cursor = db.cursor()
assert isinstance(cursor, sqlite3.Cursor)
cursor.execute("/* c */ update orders set name='x'")
db.executescript("delete from orders; vacuum;")
try:
    db.execute("select * from nowhere")
except sqlite3.OperationalError:
    pass
own = dbapi2.connect(":memory:", factory=OwnConnection)
assert isinstance(own, OwnConnection) and isinstance(own.cursor(), OwnCursor)
own.cursor().execute("select 1")
assert sqlite3.connect(":memory:", 5.0, 0, None, True, sqlite3.Connection).execute("select 5").fetchone() == (5,)
"""
    )
    spans = agent.spans()
    names = [s["name"] for s in spans]
    assert names == [
        "CREATE", "INSERT orders", "SELECT orders", "UPDATE orders", "DELETE orders", "SELECT nowhere", "SELECT", "SELECT"
    ]  # fmt: skip
    create, insert, select, *_, failed, own, memory = spans
    assert select["kind"] == 3 and select["scope"] == "clew.sqlite3"
    assert select["attributes"] == {
        "db.system.name": "sqlite",
        "db.namespace": "shop.db",
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.text": "select id from \"orders\" where name = 'secret'",  # the drainer takes the literals out
    }
    assert "secret" not in str(insert)
    assert failed["status"] == 2 and failed["attributes"]["error.type"] == "sqlite3.OperationalError"
    series = agent.series("db.client.operation.duration")
    assert series[0]["bounds"] == [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] and series[0]["unit"] == "s"
    assert sum(s["count"] for s in series) == 8
    assert all("db.query.text" not in s["attributes"] for s in series)
