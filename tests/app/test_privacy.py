# SPDX-License-Identifier: Apache-2.0
"""What is personal or secret leaves neither a service nor what the server keeps and answers, wherever it stands; what
surrounds it does, and the same person is the same everywhere."""

import base64
import json
import os
import subprocess
import time

import pytest
from clew_program import Web, eventually, free_port, program
from clew_server import Server, log, resource

EMAIL = "zoe.tainted@example.net"
TAINT = {
    "email": EMAIL,
    "card": "4111 1111 1111 1111",
    "phone": "+49 30 12345670",
    "iban": "DE89370400440532013000",
    "ssn": "536-90-4399",
    "ip": "203.0.113.77",
    "mac": "00:1a:2b:3c:4d:5e",
    "password": "password=hunter2tainted",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0YWludGVkIn0.c2lnbmF0dXJldGFpbnRlZA",
    "url": "postgres://zoe:s3crettainted@db/shop",
    "key": "AKIATAINTEDTAINTED12",
}
# What must be nowhere.
SECRETS = [
    *(TAINT[k] for k in ("email", "card", "phone", "iban", "ssn", "ip", "mac", "jwt", "key")),
    "hunter2tainted",
    "s3crettainted",
    "zoe.tainted",
]
ALL = "before " + " and ".join(TAINT.values()) + " after"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def leaks(data: bytes) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in data]


def attributes(text: str = ALL) -> list[dict]:
    """`text` as a value of every kind and depth, and in a key."""
    string = {"stringValue": text}
    return [
        {"key": "text", "value": string},
        {"key": f"key {EMAIL}", "value": {"stringValue": "v"}},
        {"key": "list", "value": {"arrayValue": {"values": [string, {"arrayValue": {"values": [string]}}]}}},
        {"key": "fields", "value": {"kvlistValue": {"values": [{"key": EMAIL, "value": string}]}}},
        {"key": "bytes", "value": {"bytesValue": base64.b64encode(text.encode()).decode()}},
        {"key": "json", "value": {"stringValue": json.dumps({"a": {"b": text}, "password": "hunter2tainted"})}},
        {"key": "user.email", "value": {"stringValue": EMAIL}},
        {"key": "url.full", "value": {"stringValue": f"https://zoe:s3crettainted@h/u/{EMAIL}?password=hunter2tainted"}},
        {"key": "db.query.text", "value": {"stringValue": f"SELECT a FROM t WHERE b = '{EMAIL}'"}},
        {
            "key": "http.request.header.cookie",
            "value": {"arrayValue": {"values": [{"stringValue": "sid=hunter2tainted"}]}},
        },
    ]


def tainted_traces(now: int) -> dict:
    span = {
        "traceId": TRACE, "spanId": f"{1:016x}", "name": f"GET /u/{EMAIL}", "kind": 2, "traceState": f"v={EMAIL}",
        "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1000), "attributes": attributes(),
        "status": {"code": 2, "message": ALL},
        "events": [{"timeUnixNano": str(now), "name": ALL, "attributes": [
            {"key": "exception.message", "value": {"stringValue": ALL}},
            {"key": "exception.stacktrace", "value": {"stringValue": f"Traceback:\n  File x\nValueError: {ALL}\n"}}]}],
        "links": [{"traceId": TRACE, "spanId": f"{2:016x}", "traceState": f"v={EMAIL}", "attributes": attributes()}],
    }  # fmt: skip
    scope = {"name": ALL, "version": ALL, "attributes": attributes()}
    owner = {"attributes": [*resource("tainted")["attributes"], *attributes()]}
    scopes = [{"scope": scope, "spans": [span], "schemaUrl": f"https://x/{EMAIL}"}]
    return {"resourceSpans": [{"resource": owner, "scopeSpans": scopes, "schemaUrl": f"https://x/{EMAIL}"}]}


def tainted_logs(now: int) -> dict:
    bodies = [
        {"stringValue": ALL},
        {"stringValue": json.dumps({"message": ALL, "card": 4111111111111111})},
        {"kvlistValue": {"values": [{"key": "message", "value": {"stringValue": ALL}}]}},
        {"arrayValue": {"values": [{"stringValue": ALL}]}},
    ]
    records = [
        {
            "timeUnixNano": str(now + i),
            "severityText": EMAIL,
            "eventName": EMAIL,
            "body": body,
            "attributes": attributes(),
        }
        for i, body in enumerate(bodies)
    ]
    return {
        "resourceLogs": [
            {"resource": resource("tainted"), "scopeLogs": [{"scope": {"name": ALL}, "logRecords": records}]}
        ]
    }


def tainted_metrics(now: int) -> dict:
    exemplar = {
        "timeUnixNano": str(now),
        "asDouble": 1,
        "filteredAttributes": attributes(),
        "traceId": TRACE,
        "spanId": f"{1:016x}",
    }
    point = {"timeUnixNano": str(now), "asDouble": 1, "attributes": attributes(), "exemplars": [exemplar]}
    total = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}
    metric = {"name": "tainted.requests", "description": ALL, "unit": EMAIL, "sum": total}
    return {
        "resourceMetrics": [
            {"resource": resource("tainted"), "scopeMetrics": [{"scope": {"name": ALL}, "metrics": [metric]}]}
        ]
    }


@pytest.fixture
def keys(tmp_path):
    return {"CLEW_PRIVACY_KEYS": str(tmp_path / "keys")}


@pytest.fixture
def server(tmp_path, keys):
    with Server(tmp_path / "data", env=keys) as started:
        yield started


def pseudonym(text: str, keys: dict) -> str:
    shown = subprocess.run(
        [program(), "privacy", "test", "--format=json"],
        input=text,
        env=os.environ | keys,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)["text"]


def test_nothing_of_a_foreign_sender_is_kept_or_answered(server, keys, tmp_path):
    now = time.time_ns()
    for signal, request in (
        ("traces", tainted_traces(now)),
        ("logs", tainted_logs(now)),
        ("metrics", tainted_metrics(now)),
    ):
        assert server.post(signal, request).status_code == 200
    answers = [
        server.get(path, **parameters)
        for path, parameters in (
            (f"/jaeger/api/traces/{TRACE}", {}),
            ("/jaeger/api/services", {}),
            ("/jaeger/api/services/tainted/operations", {}),
            ("/loki/api/v1/query_range", {"query": '{service_name="tainted"}'}),
            ("/loki/api/v1/labels", {}),
            ("/api/v1/query", {"query": '{job="tainted"}'}),
            ("/api/v1/series", {"match[]": '{job="tainted"}'}),
            ("/api/v1/labels", {}),
            ("/api/v1/metadata", {}),
            ("/api/v1/query_exemplars", {"query": '{job="tainted"}', "start": now / 1e9 - 60, "end": now / 1e9 + 60}),
            ("/api/clew/services", {}),
            ("/metrics", {}),
        )
    ]
    text = "\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    assert leaks(text.encode()) == []
    # What surrounds the values is there, and the person is the same everywhere.
    person = pseudonym(EMAIL, keys)
    assert person.startswith("email:")
    for around in ("before ", " after", f"GET /u/{person}", "SELECT a FROM t WHERE b = ?", "ValueError: before"):
        assert around in text, around
    assert text.count(person) > 20
    assert 'clew_privacy_redactions_total{rule=\\"email\\",signal=\\"logs\\"}' in text
    assert server.stop() == 0
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert leaks(path.read_bytes()) == [], path


def test_two_services_are_joined_by_a_pseudonym(server, keys):
    for service in ("cart", "mail"):
        assert server.post("logs", log(service, f"order of {EMAIL.upper()}")).status_code == 200
    query = f'{{service_name=~"cart|mail"}} |= "{pseudonym(EMAIL, keys)}"'
    found = server.get("/loki/api/v1/query_range", query=query)["data"]["result"]
    assert sorted(stream["stream"]["service_name"] for stream in found) == ["cart", "mail"]


def test_nothing_leaves_a_service(run, collector, keys):
    """Neither by OTLP nor on its page nor on its console."""
    port = free_port()
    exporters = {f"OTEL_{signal}_EXPORTER": "otlp,console" for signal in ("TRACES", "LOGS", "METRICS")}
    environment = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        **exporters,
        **keys,
    }
    service = run(
        "--service", "shop", "--endpoint", collector.url, "--prometheus", "127.0.0.1:0",
        command=["gunicorn", "--bind", f"127.0.0.1:{port}", "shop:app"],
        env={**environment, "OTEL_RESOURCE_ATTRIBUTES": f"owner={EMAIL}"},
    )  # fmt: skip
    web = Web(service, port).ready()
    web.get(f"/hello/{EMAIL}?password=hunter2tainted&card=4111111111111111", headers={"User-Agent": f"test {EMAIL}"})
    web.get(f"/nowhere/{EMAIL}")
    eventually(lambda: any(str(record["body"]).startswith("hello ") for record in collector.logs()))
    eventually(lambda: collector.points("http.server.request.duration"))
    eventually(
        lambda: (
            len(
                [
                    span
                    for span in collector.spans()
                    if span["attributes"].get("url.path", "").startswith(("/hello", "/nowhere"))
                ]
            )
            == 2
        )
    )
    page = service.page()
    person = pseudonym(EMAIL, keys)
    assert f'owner="{person}"' in page
    (record,) = [record for record in collector.logs() if str(record["body"]).startswith("hello ")]
    assert record["body"] == f"hello {person}"
    assert f"/hello/{person}" in [span["attributes"]["url.path"] for span in collector.spans()]
    service.stop()
    wire = b"\n".join(request.body for request in collector.requests)
    # The service's own lines are its own; Clew's are OTLP/JSON.
    console = "\n".join(line for line in service.stderr().splitlines() if line.startswith('{"resource'))
    for data in (wire, page.encode(), console.encode()):
        assert person.encode() in data
        assert leaks(data) == [] and b"4111111111111111" not in data


def test_malformed_requests_are_not_quoted(server):
    for body in (f'{{"resourceSpans": "{ALL}"', f'{{"resourceLogs": [{{"{EMAIL}": 1}}]}}'):
        answer = server.post("traces", body, **{"Content-Type": "application/json"})
        assert leaks(answer.content) == []
    assert leaks(server.log_path.read_bytes()) == []
