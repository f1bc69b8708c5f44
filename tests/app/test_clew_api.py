# SPDX-License-Identifier: Apache-2.0
"""Clew's own API of the built program; every answer is held against its OpenAPI file."""

import re
import time

import pytest
import requests
import yaml
from clew_program import eventually
from clew_server import Server, resource
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from shop_traces import FAILED, SERVED, TRACE, Shop, text


class Described:
    """A server whose answers must be as its OpenAPI file says."""

    def __init__(self, server: Server):
        self.server = server
        self.shop = Shop(server)
        self.file = yaml.safe_load(server.get("/api/clew/openapi.yaml"))
        self.registry = Registry().with_resource("openapi", Resource(self.file, DRAFT202012))
        self.asked: set[str] = set()
        # Printed once the server listens, since nobody else has to show a token.
        self.admin = {"Authorization": "Bearer " + server.process.stdout.readline().split()[1]}

    def path_of(self, path: str) -> str:
        for pattern in sorted(self.file["paths"]):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return pattern
        raise AssertionError(f"{path} is not in the OpenAPI file")

    def ask(self, method: str, path: str, expect: int = 200, as_admin: bool = False, **body) -> dict:
        """As admin with the token that the server printed; without it there is no answer then."""
        pattern = self.path_of(path)
        url = self.server.url + path
        words = {"json": body} if method == "post" else {}
        if as_admin:
            assert requests.request(method, url, timeout=30, **words).status_code == 403
        answer = requests.request(method, url, headers=self.admin if as_admin else {}, timeout=30, **words)
        assert answer.status_code == expect, answer.text
        self.asked.add(pattern)
        place = f"openapi#/paths/{pattern.replace('~', '~0').replace('/', '~1')}/{method}/responses/{expect}"
        schema = place + "/content/application~1json/schema"
        Draft202012Validator({"$ref": schema.replace("{", "%7B").replace("}", "%7D")}, registry=self.registry).validate(
            answer.json()
        )
        return answer.json()

    def get(self, path: str, expect: int = 200, tenant: str | None = None, **parameters) -> dict:
        pattern = self.path_of(path)
        self.asked.add(pattern)
        place = f"openapi#/paths/{pattern.replace('~', '~0').replace('/', '~1')}/get"
        if expect == 200:
            schema = place + "/responses/200/content/application~1json/schema"
        else:
            schema = "openapi#/components/schemas/Error"
        known = {
            self.file["components"]["parameters"][one["$ref"].rsplit("/", 1)[1]]["name"]
            if "$ref" in one
            else one["name"]
            for one in self.file["paths"][pattern]["get"].get("parameters", [])
        }
        assert expect != 200 or set(parameters) <= known, f"{set(parameters) - known} are not in the OpenAPI file"
        answer = self.server.get(path, expect=expect, tenant=tenant, **parameters)
        Draft202012Validator({"$ref": schema.replace("{", "%7B").replace("}", "%7D")}, registry=self.registry).validate(
            answer
        )
        return answer


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("clew") / "data") as started:
        yield Described(started)


def test_about(api):
    addresses = {row["name"]: row["address"] for row in api.get("/api/clew/about")["addresses"]}
    assert addresses == api.server.addresses


def test_services(api):
    services = {row["service"]: row for row in api.get("/api/clew/services")["services"]}
    assert set(services) == {"web", "cart"}
    assert services["cart"]["requests"] == 2 and services["cart"]["errors"] == 1
    assert services["cart"]["error_ratio"] == 0.5
    assert services["cart"]["p50_ms"] == pytest.approx(28, rel=0.05)


def test_history(api):
    answer = api.get("/api/clew/services/history", points=60)
    assert answer["step_ms"] == 120_000 and answer["points"] in (30, 31)
    rows = {row["service"]: row for row in answer["services"]}
    assert set(rows) == {"web", "cart"}
    for row in rows.values():
        assert sum(row["requests"]) == 2 and sum(row["errors"]) == 1
        assert {len(column) for name, column in row.items() if name != "service"} == {answer["points"]}
        assert [p is None for p in row["p95_ms"]] == [n == 0 for n in row["requests"]]
    (only,) = api.get("/api/clew/services/history", service="cart", **{"from": "-2m"}, points=500)["services"]
    assert only["service"] == "cart" and max(p for p in only["p50_ms"] if p is not None) == pytest.approx(28)


def test_operations_and_instances(api):
    (operation,) = api.get("/api/clew/operations", service="cart")["operations"]
    assert operation["operation"] == "GET /items/<id>" and operation["requests"] == 2 and operation["errors"] == 1
    (instance,) = api.get("/api/clew/instances", service="cart")["instances"]
    assert instance["requests"] == 2 and instance["version"] == ""
    assert api.get("/api/clew/operations", service="no / such")["operations"] == []


def test_map(api):
    answer = api.get("/api/clew/map")
    kinds = {node["name"]: node["kind"] for node in answer["nodes"]}
    assert kinds["web"] == kinds["cart"] == "service"
    assert list(kinds.values()).count("database") == 1
    edges = {(edge["client"], edge["server"]): edge for edge in answer["edges"]}
    assert edges["web", "cart"]["calls"] == 2 and edges["web", "cart"]["errors"] == 1
    (database,) = [name for name, kind in kinds.items() if kind == "database"]
    assert edges["cart", database]["calls"] == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [FAILED, TRACE]),
        ({"service": "cart", "errors": "true"}, [FAILED]),
        ({"operation": "SELECT items", "order": "slowest", "limit": 1}, None),
        ({"attribute": "http.response.status_code=200"}, [TRACE]),
        ({"attribute": ["http.route=/cart", "http.response.status_code=500"]}, [FAILED]),
        ({"min_duration": "41ms"}, []),
        ({"kind": "server", "service": "cart", "max_duration": "28ms"}, [FAILED, TRACE]),
        ({"service": "nobody"}, []),
    ],
)
def test_trace_search(api, query, expected):
    traces = api.get("/api/clew/traces", **query)["traces"]
    if expected is None:
        assert len(traces) == 1
    else:
        assert [trace["trace_id"] for trace in traces] == expected


def test_trace_summary(api):
    (summary,) = api.get("/api/clew/traces", errors="true")["traces"]
    assert summary["root_service"] == "web" and summary["root_name"] == "GET /cart" and summary["complete"]
    assert summary["spans"] == 4 and summary["errors"] == 3 and summary["duration_ms"] == 40
    assert {row["service"]: row["spans"] for row in summary["services"]} == {"web": 2, "cart": 2}


def test_one_trace(api):
    trace = api.get(f"/api/clew/traces/{FAILED}")
    served = next(span for span in trace["spans"] if span["span_id"] == SERVED)
    assert served["status"] == "error" and served["status_message"] == "no such item"
    assert served["attributes"]["http.response.status_code"] == 500
    assert served["events"][0]["attributes"] == {"exception.type": "KeyError"}
    assert [record["body"] for record in trace["logs"]] == ["item missing"] and trace["logs_cut"] is False
    api.get("/api/clew/traces/" + "f" * 32, expect=404)
    api.get("/api/clew/traces/xyz", expect=400)


def test_outline_of_a_trace_and_one_of_its_spans(api):
    outline = api.get(f"/api/clew/traces/{FAILED}/outline")
    place = outline["span_id"].index(SERVED)
    assert outline["services"][outline["service"][place]] == "cart"
    assert outline["names"][outline["name"][place]] == "GET /items/<id>"
    assert outline["offset_ns"] == sorted(outline["offset_ns"]) and outline["offset_ns"][place] == 6_000_000
    assert outline["duration_ns"][place] == 28_000_000 and outline["error"][place] == 1
    assert outline["parent_span_id"][0] == "" and len(outline["logs"]) == 1
    whole = api.get(f"/api/clew/traces/{FAILED}")
    span = next(span for span in whole["spans"] if span["span_id"] == SERVED)
    path = f"/api/clew/traces/{FAILED}/spans/{SERVED}"
    assert api.get(path, start=span["start"]) == span
    api.get(path, start=whole["spans"][0]["start"], expect=404)
    api.get(path, expect=400)
    api.get(f"/api/clew/traces/{'f' * 32}/outline", expect=404)
    api.get("/api/clew/traces/xyz/outline", expect=400)


def test_log_histogram(api):
    answer = api.get("/api/clew/logs/histogram", points=100)
    totals = {row["level"]: sum(row["counts"]) for row in answer["levels"]}
    assert totals == {"debug": 1, "info": 2, "error": 1}
    assert {len(row["counts"]) for row in answer["levels"]} == {answer["points"]}
    (errors,) = api.get("/api/clew/logs/histogram", severity="error", text="missing")["levels"]
    assert errors["level"] == "error" and sum(errors["counts"]) == 1
    assert api.get("/api/clew/logs/histogram", service="nobody")["levels"] == []


def test_log_templates(api):
    answer = api.get("/api/clew/logs/templates", points=10)
    assert answer["complete"] and answer["total"] == len(answer["templates"]) == 4
    assert answer["step_ms"] >= 60_000
    rows = {row["template"]: row for row in answer["templates"]}
    assert set(rows) == {"nothing to do", "item missing", "item found", "cart asked for"}
    missing = rows["item missing"]
    assert missing["service"] == "cart" and missing["level"] == "error" and missing["records"] == 1
    assert missing["example"] == "item missing" and missing["example_trace_id"] == FAILED
    assert len(missing["counts"]) == answer["points"] and sum(missing["counts"]) == 1
    assert missing["first_seen"] == missing["last_seen"]
    (asked,) = api.get("/api/clew/logs/templates", service="web")["templates"]
    assert asked["template"] == "cart asked for"
    assert api.get("/api/clew/logs/templates", limit=1)["total"] == 4
    assert api.get("/api/clew/logs/templates", service="nobody")["templates"] == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["nothing to do", "item missing", "item found", "cart asked for"]),
        ({"order": "oldest", "limit": 2}, ["cart asked for", "item found"]),
        ({"service": "web"}, ["cart asked for"]),
        ({"text": ["item", "found"]}, ["item found"]),
        ({"trace_id": TRACE}, ["item found", "cart asked for"]),
        ({"trace_id": FAILED, "span_id": SERVED}, ["item missing"]),
        ({"severity": "info", "service": "cart"}, ["item missing", "item found"]),
        ({"severity": "error"}, ["item missing"]),
        ({"attribute": "code.function.name=items", "text": "asked"}, ["cart asked for"]),
        ({"attribute": "code.function.name=other"}, []),
    ],
)
def test_log_search(api, query, expected):
    assert [record["body"] for record in api.get("/api/clew/logs", **query)["logs"]] == expected


def test_why_without_an_incident(api):
    answer = api.get("/api/clew/why")
    assert answer["incident"] is False and answer["causes"] == [] and answer["summary"]


def test_no_incident_was_noticed(api):
    assert api.get("/api/clew/incidents")["incidents"] == []
    api.get("/api/clew/incidents/none", expect=404)


def test_compare_says_what_sets_a_group_apart(api):
    """Of 200 requests those to one region fail; the other attribute says nothing."""
    start = time.time_ns() - 60_000_000_000
    rows = [
        {
            "traceId": f"{n + 1:032x}",
            "spanId": f"{n + 1:016x}",
            "name": "GET /",
            "kind": 2,
            "startTimeUnixNano": str(start + n * 1_000_000),
            "endTimeUnixNano": str(start + n * 1_000_000 + 5_000_000),
            "attributes": [
                text("region", "eu" if n % 4 == 0 else "us"),
                text("worker", str(n % 3)),
                text("error.type", "KeyError" if n % 4 == 0 else ""),
            ],
            "status": {"code": 2} if n % 4 == 0 else {},
        }
        for n in range(200)
    ]
    body = {"resourceSpans": [{"resource": resource("regions"), "scopeSpans": [{"spans": rows}]}]}
    assert api.server.post("traces", body, tenant="regions").status_code == 200
    answer = api.get("/api/clew/compare", tenant="regions", service="regions", errors="true")
    assert (answer["inside"], answer["outside"], answer["complete"]) == (50, 150, True)
    first = answer["differences"][0]
    assert (first["key"], first["value"]) == ("region", "eu") and first["chance"] < 0.001
    assert [(one["key"], one["outcome"]) for one in answer["differences"]] == [("region", False), ("error.type", True)]
    assert api.get("/api/clew/compare", tenant="regions", min_duration="1h")["differences"] == []


def test_compare_of_requests_leaves_out_what_they_did(api):
    for kind, parent in ((2, "1" * 16), (3, "2" * 16), (1, "")):
        span = {
            "traceId": "ab" * 16,
            "spanId": f"{kind:016x}",
            "name": "GET /",
            "kind": kind,
            "startTimeUnixNano": str(time.time_ns() - 60_000_000_000),
            "endTimeUnixNano": str(time.time_ns() - 59_000_000_000),
        }
        span |= {"parentSpanId": parent} if parent else {}
        body = {"resourceSpans": [{"resource": resource("mixed"), "scopeSpans": [{"spans": [span]}]}]}
        assert api.server.post("traces", body, tenant="mixed").status_code == 200
    found = [api.get("/api/clew/compare", tenant="mixed", errors="true", requests=asked) for asked in ("true", "false")]
    assert [answer["outside"] for answer in found] == [2, 3]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/clew/compare", {}),
        ("/api/clew/compare", {"errors": "true", "min_duration": "1s"}),
        ("/api/clew/compare", {"errors": "true", "signal": "metrics"}),
        ("/api/clew/compare", {"errors": "true", "signal": "logs", "requests": "true"}),
        ("/api/clew/incidents", {"limit": 0}),
        ("/api/clew/services", {"from": "yesterday-ish"}),
        ("/api/clew/map", {"from": "-5m", "to": "-10m"}),
        ("/api/clew/traces", {"limit": 0}),
        ("/api/clew/traces", {"limit": 100000}),
        ("/api/clew/traces", {"order": "best"}),
        ("/api/clew/traces", {"kind": "any"}),
        ("/api/clew/traces", {"attribute": "novalue"}),
        ("/api/clew/traces", {"min_duration": "long"}),
        ("/api/clew/logs", {"trace_id": "12"}),
        ("/api/clew/logs", {"severity": "loud"}),
        ("/api/clew/why", {"from": "-5m", "to": "-10m"}),
        ("/api/clew/services/history", {"points": 0}),
        ("/api/clew/operations", {}),
        ("/api/clew/instances", {}),
        ("/api/clew/logs/histogram", {"points": 1000}),
        ("/api/clew/logs/templates", {"limit": 0}),
    ],
)
def test_wrong_questions(api, path, query):
    answer = api.get(path, expect=400, **query)
    assert answer["code"] == "INVALID_ARGUMENT" and answer["error"]


def test_unknown_paths_are_errors_of_the_same_form(api):
    answer = requests.get(api.server.url + "/api/clew/nothing", timeout=10)
    assert answer.status_code == 404 and answer.json()["code"] == "NOT_FOUND"


def test_privacy(api):
    step = api.ask("post", "/api/clew/privacy/scan", rows=3)
    rows = step["rows"]
    while "cursor" in step:
        step = api.ask("post", "/api/clew/privacy/scan", rows=3, cursor=step["cursor"])
        rows += step["rows"]
    assert rows >= 8
    found = api.ask("post", "/api/clew/privacy/find", as_admin=True, user="nobody@example.net")
    assert found["rows"] == []
    whom = {"user": "nobody@example.net", "also": ["n-12345"]}
    begun = api.ask("post", "/api/clew/privacy/erasures", 202, as_admin=True, **whom)
    path = f"/api/clew/privacy/erasures/{begun['id']}"
    done = eventually(lambda: (act := api.ask("get", path))["state"] == "done" and act, 60)
    assert done["identifiers"] == 2 and done["rows"] == {}
    assert api.ask("get", "/api/clew/privacy/erasures")["erasures"] == [done]


def test_the_file_describes_no_path_that_was_not_asked(api):
    """Runs last: a path that is added to the file gets a test here."""
    left = set(api.file["paths"]) - api.asked - {"/api/clew/openapi.yaml"}
    assert not left
