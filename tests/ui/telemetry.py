# SPDX-License-Identifier: Apache-2.0
"""What the page is walked through with: half an hour of a shop whose payment service went bad, and hostile texts."""

import random
import threading
import time

from clew_server import Server
from shop_traces import number, text

MINUTES = 28
FAULT_MINUTES = 7
TRACES_A_MINUTE = 30
BATCH = 200  # traces a request
HOSTILE_SERVICE = "team a/ревизор <b>☕</b>"
HOSTILE_TRACE = "bad0" * 8
MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
BIDI = "invoice\u202egnp.exe"
MEGABYTE = "payload " * 131_072

# service, operation, the share of the request before and after its calls in ms, whom it calls
SHOP = {
    "frontend": ("GET /checkout", 4, ["cart", "orders"]),
    "cart": ("GET /cart/<id>", 3, ["postgresql cart"]),
    "orders": ("POST /orders", 6, ["payment", "stock", "postgresql orders"]),
    "payment": ("POST /charge", 9, ["redis"]),
    "stock": ("POST /reserve", 5, ["postgresql stock"]),
}
VERSIONS = {"payment": ("1.8.2", "1.9.0")}


class Trace:
    """One request through the shop: spans by service, and log records by service."""

    def __init__(self, chance: random.Random, start: int, bad: bool):
        self.chance, self.start, self.bad = chance, start, bad
        self.id = f"{chance.getrandbits(128):032x}"
        self.spans: dict[str, list] = {}
        self.logs: dict[str, list] = {}
        # Of the requests in the bad time a quarter meets a second, smaller fault instead.
        self.slow = ("cart" if chance.random() < 0.25 else "payment") if bad else ""
        self.failed = self.slow == "payment" and chance.random() < 0.4
        self.call("frontend", "", start)

    def _span(self, service, parent, name, kind, begin, end, attributes, failed=False, events=()):
        span_id = f"{self.chance.getrandbits(64):016x}"
        row = {
            "traceId": self.id,
            "spanId": span_id,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(begin),
            "endTimeUnixNano": str(end),
            "attributes": attributes,
            "events": list(events),
            "status": {"code": 2, "message": "gateway timed out"} if failed else {},
        }
        if parent:
            row["parentSpanId"] = parent
        self.spans.setdefault(service, []).append(row)
        return row

    def _log(self, service, at, severity, line, span_id):
        record = {
            "timeUnixNano": str(at),
            "severityNumber": severity,
            "body": {"stringValue": line},
            "attributes": [text("code.function.name", service + ".handle")],
            "traceId": self.id,
            "spanId": span_id,
        }
        self.logs.setdefault(service, []).append(record)

    def call(self, service: str, parent: str, begin: int) -> int:
        """Adds what `service` does for this request; gives its end."""
        name, cost, callees = SHOP[service]
        row = self._span(service, parent, name, 2, begin, begin, [])
        own = cost * self.chance.lognormvariate(0, 0.25)
        slow = service == self.slow == "payment"
        at = begin + int(own * 5e5)
        for callee in callees:
            if callee in SHOP:
                out = self._span(service, row["spanId"], "POST", 3, at, at, [text("server.address", callee)])
                end = self.call(callee, out["spanId"], at + 400_000) + 300_000
                out["endTimeUnixNano"] = str(end)
                if self.failed and callee in ("payment", "orders"):
                    out["status"] = {"code": 2}
            else:
                system, _, base = callee.partition(" ")
                wait = 2.5 * self.chance.lognormvariate(0, 0.3)
                wait += self.chance.uniform(150, 190) if self.slow == "cart" == service else 0
                end = at + int(wait * 1e6)
                statement = [text("db.system.name", system), text("db.query.text", "SELECT … WHERE id = ?")]
                self._span(
                    service,
                    row["spanId"],
                    f"SELECT {base}".strip(),
                    3,
                    at,
                    end,
                    [*statement, text("db.namespace", base)],
                )
            at = end
        at += int(own * 5e5) + (int(self.chance.uniform(500, 900) * 1e6) if slow else 0)
        failed = self.failed and service in ("payment", "orders", "frontend")
        row["endTimeUnixNano"] = str(at)
        row["attributes"] = [
            text("http.route", name.split(" ")[1]),
            number("http.response.status_code", 502 if failed else 200),
            text("url.path", name.split(" ")[1].replace("<id>", str(self.chance.randrange(900)))),
        ]
        self._logs_of(service, row, begin, at, slow, failed)
        return at

    def _logs_of(self, service, row, begin, end, slow, failed):
        if failed:
            row["status"] = {"code": 2, "message": "gateway timed out"}
        if slow:
            self._log(service, begin + 2_000_000, 13, "gateway pool exhausted, 8 of 8 in use, waiting", row["spanId"])
        if failed and service == "payment":
            kind = [text("exception.type", "GatewayTimeout"), text("exception.message", "no answer after 500 ms")]
            row["events"] = [{"timeUnixNano": str(end - 1000), "name": "exception", "attributes": kind}]
            self._log(service, end - 1000, 17, "charge failed: gateway timed out after 500 ms", row["spanId"])
        elif service in ("frontend", "orders"):
            self._log(service, end - 500_000, 9, f"{service} done in {(end - begin) // 1_000_000} ms", row["spanId"])


def resource(service: str, version: str = "1.4.0") -> dict:
    return {
        "attributes": [
            text("service.name", service),
            text("service.version", version),
            text("service.instance.id", f"{service}-{len(version)}f3a"),
            text("host.name", "node-2"),
        ]
    }


def _post(server: Server, traces: list[Trace], tenant: str | None) -> None:
    def grouped(kind: str, scope: str, inner: str):
        rows: dict[tuple[str, str], list] = {}
        for trace in traces:
            for service, items in getattr(trace, kind).items():
                before, after = VERSIONS.get(service, ("1.4.0", "1.4.0"))
                rows.setdefault((service, after if trace.bad else before), []).extend(items)
        return [{"resource": resource(*key), scope: [{"scope": {"name": "shop"}, inner: rows[key]}]} for key in rows]

    for signal, field, body in (
        ("traces", "resourceSpans", grouped("spans", "scopeSpans", "spans")),
        ("logs", "resourceLogs", grouped("logs", "scopeLogs", "logRecords")),
    ):
        answer = server.post(signal, {field: body}, tenant=tenant)
        assert answer.status_code == 200, answer.text[:500]


def fill(server: Server, tenant: str | None = None, minutes: int = MINUTES) -> Trace:
    """Half an hour of the shop that ends now; gives a trace that failed."""
    chance = random.Random(7)
    now = time.time_ns()
    steps = minutes * TRACES_A_MINUTE
    traces, shown = [], None
    for i in range(steps):
        age = (steps - i) * 60_000_000_000 // TRACES_A_MINUTE
        bad = age < FAULT_MINUTES * 60_000_000_000
        trace = Trace(chance, now - age - 2_000_000_000, bad)
        traces.append(trace)
        if trace.failed:
            shown = trace
        if len(traces) == BATCH or i == steps - 1:
            _post(server, traces, tenant)
            traces = []
    assert shown is not None
    return shown


def keep_failing(server: Server, until: threading.Event) -> None:
    """One more request of the bad time every two seconds, so that the incident of `fill` goes on."""
    chance = random.Random(8)
    while not until.wait(2):
        _post(server, [Trace(chance, time.time_ns() - 2_000_000_000, True)], None)


def hostile(server: Server, tenant: str) -> None:
    """One trace and one log line whose every text is meant to do harm or to mislead."""
    now = time.time_ns()
    span = {
        "traceId": HOSTILE_TRACE,
        "spanId": "0" * 15 + "1",
        "name": MARKUP,
        "kind": 2,
        "startTimeUnixNano": str(now - 50_000_000),
        "endTimeUnixNano": str(now),
        "attributes": [text("html", MARKUP), text("bidi", BIDI), text("huge", MEGABYTE), text(MARKUP, "key")],
        "status": {"code": 2, "message": MARKUP},
    }
    record = {
        "timeUnixNano": str(now),
        "severityNumber": 17,
        "body": {"stringValue": f"{MARKUP} {BIDI}"},
        "traceId": HOSTILE_TRACE,
        "spanId": "0" * 15 + "1",
    }
    sender = resource(HOSTILE_SERVICE)
    answer = server.post(
        "traces", {"resourceSpans": [{"resource": sender, "scopeSpans": [{"spans": [span]}]}]}, tenant=tenant
    )
    assert answer.status_code == 200, answer.text[:500]
    answer = server.post(
        "logs", {"resourceLogs": [{"resource": sender, "scopeLogs": [{"logRecords": [record]}]}]}, tenant=tenant
    )
    assert answer.status_code == 200, answer.text[:500]
