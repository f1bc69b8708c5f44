# SPDX-License-Identifier: Apache-2.0
"""What slipped into stored data is found, by place and rule, and what new rules would change; never a value."""

import json
import os
import subprocess
import time

import pytest
from clew_program import program
from clew_server import Server, log, resource, spans

ZOE = "zoe.stored@example.net"


def findings(answer: dict) -> dict[tuple, int]:
    return {(f["signal"], f["column"], f["key"], f["rule"]): f["count"] for f in answer["findings"]}


@pytest.fixture
def stored(tmp_path):
    """A server that holds what an earlier one took in under rules that let it pass."""
    env = {"CLEW_PRIVACY_KEYS": str(tmp_path / "keys")}
    config = tmp_path / "loose.yaml"
    config.write_text("privacy: {detectors: {email: off, person: off}}\n")
    now = time.time_ns()
    with Server(tmp_path / "data", "--config", str(config), env=env) as loose:
        for i in range(30):
            request = spans("shop", trace_id=f"{i + 1:032x}", count=2, start=now - i * 10**9)
            first, second = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
            first["attributes"] += [{"key": "note", "value": {"stringValue": f"of {ZOE}"}}]
            first["attributes"] += [{"key": "user.id", "value": {"intValue": "42"}}]
            first["attributes"] += [
                {
                    "key": "deep",
                    "value": {"kvlistValue": {"values": [{"key": "mail", "value": {"stringValue": ZOE}}]}},
                }
            ]
            second["events"] = [{"timeUnixNano": str(now), "name": f"met {ZOE}", "attributes": []}]
            assert loose.post("traces", request).ok
        assert loose.post("logs", log("shop", f"order CUST-17 of {ZOE}")).ok
        point = {
            "timeUnixNano": str(now),
            "asDouble": 1,
            "attributes": [{"key": "who", "value": {"stringValue": ZOE}}],
        }
        metric = {"name": "visits", "gauge": {"dataPoints": [point]}}
        owner = {"attributes": [*resource("shop")["attributes"], {"key": "owner", "value": {"stringValue": ZOE}}]}
        body = {"resourceMetrics": [{"resource": owner, "scopeMetrics": [{"metrics": [metric]}]}]}
        assert loose.post("metrics", body).ok
        assert loose.stop() == 0
    with Server(tmp_path / "data", env=env) as strict:

        def scan(*words: str) -> tuple[dict, str]:
            done = subprocess.run(
                [program(), "privacy", "scan", "--format=json", "--pause=0", *words],
                env=os.environ | env | {"CLEW_SERVER": strict.url},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
            assert ZOE not in done.stdout + done.stderr
            return json.loads(done.stdout), done.stderr

        yield scan


def test_what_slipped_in_is_found_step_by_step(stored):
    answer, _ = stored()
    expected = {
        ("traces", "attributes", "note", "email"): 30,
        ("traces", "attributes", "user.id", "person"): 30,
        ("traces", "attributes", "mail", "email"): 30,
        ("traces", "events.name", "", "email"): 30,
        ("logs", "body", "", "email"): 1,
        ("metrics", "labels", "who", "email"): 1,
    }
    found = findings(answer)
    assert {place: found.get(place) for place in expected} == expected
    assert all(f["service"] for f in answer["findings"])
    # In small steps the same, each with a place to go on from.
    small, progress = stored("--rows", "10")
    assert findings(small) == found and small["rows"] == answer["rows"]
    cursors = [line.split(" at ")[1] for line in progress.splitlines()]
    assert len(cursors) > 5 and len(set(cursors)) == len(cursors)
    rest, _ = stored("--cursor", cursors[-1])
    assert rest["rows"] < answer["rows"]


def test_what_new_rules_would_change(stored, tmp_path):
    config = tmp_path / "new.yaml"
    config.write_text(
        "privacy: {detectors: {email: off, person: off}, rules: [{name: customer, pattern: 'CUST-[0-9]+'}]}"
    )
    answer, _ = stored("--config", str(config))
    assert findings(answer) == {("logs", "body", "", "customer"): 1}
