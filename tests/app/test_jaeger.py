# SPDX-License-Identifier: Apache-2.0
"""Jaeger's query API of the built program: what Jaeger's page and Grafana's data source ask for."""

import json

import pytest
from clew_server import Server
from shop_traces import CALL, FAILED, ROOT, SERVED, TRACE, Shop


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("jaeger") / "data") as started:
        started.shop = Shop(started)
        yield started


def ids(server: Server, **query) -> list[str]:
    return [trace["traceID"] for trace in server.get("/jaeger/api/traces", **query)["data"]]


def tags(rows: list[dict]) -> dict:
    return {row["key"]: row["value"] for row in rows}


@pytest.mark.parametrize("prefix", ["/jaeger", ""])
def test_services_and_operations(server, prefix):
    answer = server.get(prefix + "/api/services")
    assert answer["data"] == ["cart", "web"] and answer["total"] == 2 and answer["errors"] is None
    assert server.get(prefix + "/api/services/cart/operations")["data"] == ["GET /items/<id>", "SELECT items"]
    assert server.get(prefix + "/api/operations", service="cart", spanKind="client")["data"] == [
        {"name": "SELECT items", "spanKind": "client"}
    ]
    assert server.get(prefix + "/api/services/nobody/operations")["data"] == []


def test_a_trace_as_jaeger_renders_otlp(server):
    (trace,) = server.get(f"/jaeger/api/traces/{FAILED}")["data"]
    assert trace["traceID"] == FAILED and len(trace["spans"]) == 4
    spans = {span["spanID"]: span for span in trace["spans"]}
    root, call, served = spans[ROOT], spans[CALL], spans[SERVED]
    assert root["references"] == [] and root["operationName"] == "GET /cart"
    assert root["duration"] == 40_000 and root["startTime"] == server.shop.start // 1000 + 30_000_000
    assert call["references"] == [
        {"refType": "CHILD_OF", "traceID": FAILED, "spanID": ROOT},
        {"refType": "FOLLOWS_FROM", "traceID": "2" * 32, "spanID": "5" * 16},
    ]
    assert tags(served["tags"]) == {
        "http.route": "/items/<id>",
        "http.response.status_code": 500,
        "span.kind": "server",
        "otel.status_code": "ERROR",
        "otel.status_description": "no such item",
        "error": True,
        "otel.scope.name": "shop",
        "otel.scope.version": "2",
    }
    (event,) = served["logs"]
    assert tags(event["fields"]) == {"event": "exception", "exception.type": "KeyError"}
    assert {p["serviceName"] for p in trace["processes"].values()} == {"web", "cart"}
    assert trace["processes"][served["processID"]]["serviceName"] == "cart"


def test_search(server):
    assert ids(server, service="cart") == [FAILED, TRACE]
    assert ids(server, service="cart", limit=1) == [FAILED]
    assert ids(server, service="cart", tags='{"error":"true"}') == [FAILED]
    assert ids(server, service="cart", tag="http.response.status_code:200") == [TRACE]
    assert ids(server, service="cart", operation="SELECT items", minDuration="10ms") == [FAILED, TRACE]
    assert ids(server, service="cart", operation="SELECT items", minDuration="11ms") == []
    assert ids(server, service="web", maxDuration="20ms") == []
    assert ids(server, traceID=TRACE) == [TRACE]
    middle = server.shop.start // 1000 + 10_000_000
    assert ids(server, service="cart", start=middle - 20_000_000, end=middle) == [TRACE]
    assert ids(server, service="cart", start=middle, end=middle + 60_000_000) == [FAILED]


def test_a_short_id_is_padded(server):
    assert server.get("/jaeger/api/traces/ff", expect=404)["errors"][0]["msg"] == "trace not found"


def test_dependencies(server):
    (edge,) = server.get("/jaeger/api/dependencies")["data"]
    assert edge == {"parent": "web", "child": "cart", "callCount": 2}


@pytest.mark.parametrize(
    "path",
    [
        "/jaeger/api/traces/xyz",
        "/jaeger/api/traces",
        "/jaeger/api/traces?service=cart&limit=none",
        "/jaeger/api/traces?service=cart&limit=100000",
        "/jaeger/api/traces?service=cart&minDuration=soon",
        "/jaeger/api/traces?service=cart&minDuration=2s&maxDuration=1s",
        "/jaeger/api/traces?service=cart&tags=7",
        "/jaeger/api/traces?service=cart&tag=nocolon",
        "/jaeger/api/traces?service=cart&start=99999999999999999",
        "/jaeger/api/operations",
    ],
)
def test_wrong_questions(server, path):
    (error,) = server.get(path, expect=400)["errors"]
    assert error["code"] == 400 and error["msg"]


def test_what_is_not_there_yet_says_so(server):
    for path in ("/jaeger/api/metrics/calls", "/jaeger/api/v3/services"):
        (error,) = server.get(path, expect=501)["errors"]
        assert "not supported" in error["msg"], json.dumps(error)
    assert server.get("/jaeger/api/nothing", expect=404)["errors"]
