# SPDX-License-Identifier: Apache-2.0
"""A small known set of telemetry of two services, for tests that compare answers to the letter."""

import time

from clew_server import Server, resource

TRACE = "0af7651916cd43dd8448eb211c80319c"
FAILED = "1af7651916cd43dd8448eb211c80319c"
ROOT, CALL, SERVED, QUERY = (f"{n:016x}" for n in (1, 2, 3, 4))


def text(key: str, value: str) -> dict:
    return {"key": key, "value": {"stringValue": value}}


def number(key: str, value: int) -> dict:
    return {"key": key, "value": {"intValue": str(value)}}


class Shop:
    """web calls cart, cart asks a database; once all goes well, once cart fails. Times in nanoseconds."""

    def __init__(self, server: Server):
        # Whole milliseconds: Jaeger tells microseconds.
        self.start = (time.time_ns() // 1_000_000 - 60_000) * 1_000_000
        for trace_id, failed in ((TRACE, False), (FAILED, True)):
            answer = server.post("traces", self.trace(trace_id, failed))
            assert answer.status_code == 200 and answer.json() == {}, answer.text
        assert server.post("logs", self.logs()).status_code == 200

    def span(self, trace_id, span_id, parent, name, kind, begin_ms, end_ms, attributes, **more) -> dict:
        start = self.start + (30_000_000_000 if trace_id == FAILED else 0)
        row = {
            "traceId": trace_id,
            "spanId": span_id,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(start + begin_ms * 1_000_000),
            "endTimeUnixNano": str(start + end_ms * 1_000_000),
            "attributes": attributes,
        }
        return row | ({"parentSpanId": parent} if parent else {}) | more

    def trace(self, trace_id: str, failed: bool) -> dict:
        error = {"status": {"code": 2, "message": "no such item"}} if failed else {}
        event = {
            "timeUnixNano": str(self.start + 7_000_000),
            "name": "exception",
            "attributes": [text("exception.type", "KeyError")],
        }
        link = {"traceId": "2" * 32, "spanId": "5" * 16, "attributes": []}
        status = number("http.response.status_code", 500 if failed else 200)
        web = [
            self.span(trace_id, ROOT, "", "GET /cart", 2, 0, 40, [text("http.route", "/cart"), status], **error),
            self.span(
                trace_id, CALL, ROOT, "GET", 3, 5, 35, [text("server.address", "cart"), status], **error, links=[link]
            ),
        ]
        cart = [
            self.span(
                trace_id,
                SERVED,
                CALL,
                "GET /items/<id>",
                2,
                6,
                34,
                [text("http.route", "/items/<id>"), status],
                **error,
                events=[event] if failed else [],
            ),
            self.span(
                trace_id,
                QUERY,
                SERVED,
                "SELECT items",
                3,
                10,
                20,
                [text("db.system.name", "sqlite"), text("db.namespace", "cart.db")],
            ),
        ]
        scope = {"name": "shop", "version": "2"}
        return {
            "resourceSpans": [
                {"resource": resource("web"), "scopeSpans": [{"scope": scope, "spans": web}]},
                {"resource": resource("cart"), "scopeSpans": [{"scope": scope, "spans": cart}]},
            ]
        }

    def logs(self) -> dict:
        def record(offset_ms, severity, name, body, trace_id="", span_id=""):
            return {
                "timeUnixNano": str(self.start + offset_ms * 1_000_000),
                "severityNumber": severity,
                "severityText": name,
                "body": {"stringValue": body},
                "attributes": [text("code.function.name", "items")],
                "traceId": trace_id,
                "spanId": span_id,
            }

        web = [record(1, 9, "INFO", "cart asked for", TRACE, ROOT)]
        cart = [
            record(8, 9, "INFO", "item found", TRACE, SERVED),
            record(30_007, 17, "ERROR", "item missing", FAILED, SERVED),
            record(40_000, 5, "DEBUG", "nothing to do"),
        ]
        return {
            "resourceLogs": [
                {"resource": resource("web"), "scopeLogs": [{"scope": {"name": "web"}, "logRecords": web}]},
                {"resource": resource("cart"), "scopeLogs": [{"scope": {"name": "cart"}, "logRecords": cart}]},
            ]
        }
