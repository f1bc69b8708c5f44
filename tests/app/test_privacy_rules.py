# SPDX-License-Identifier: Apache-2.0
"""Rules of privacy in the configuration: as server, agent and commands hold to them, and as they change."""

import json
import os
import subprocess

import pytest
from clew_program import Web, eventually, free_port, program
from clew_server import Server, log

RULES = """privacy:
  detectors:
    ip: keep
  secret-keys: [badge_code]
  rules:
    - name: customer
      pattern: 'CUST-(\\d+)'
      action: pseudonym
      matches: [of CUST-17]
      ignores: [CUSTARD]
"""
LINE = "CUST-17 at 203.0.113.7 badge_code=seventeen TICKET-1"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "clew.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def env(tmp_path):
    return {"CLEW_PRIVACY_KEYS": str(tmp_path / "keys")}


def clew(env: dict, *words, given: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [program(), *map(str, words)], input=given, env=os.environ | env, capture_output=True, text=True, timeout=30
    )


def lines(server: Server) -> list[str]:
    found = server.get("/loki/api/v1/query_range", query='{service_name="shop"}')["data"]["result"]
    return [line for stream in found for _, line, *_ in stream["values"]]


def test_commands_hold_to_them(config, env):
    assert clew(env, "check", config).stdout == f"{config}: nothing wrong\n"
    for words, more in ((("--config", config), {}), ((), {"CLEW_CONFIG": str(config)})):
        shown = json.loads(clew(env | more, "privacy", "test", "--format=json", *words, given=LINE).stdout)
        assert [one["detector"] for one in shown["found"]] == ["customer", "ip", "field"]
        assert [one["action"] for one in shown["found"]] == ["pseudonym", "keep", "mask"]
        assert shown["text"].startswith("CUST-rule.customer:")
        assert shown["text"].endswith(" at 203.0.113.7 badge_code=REDACTED TICKET-1")
    config.write_text(RULES.replace("CUSTARD", "CUST-18").replace("ip: keep", "ip: hide"))
    refused = clew(env, "check", config)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"{config}:3: privacy.detectors.ip: expected keep, mask, pseudonym, drop or off",
        f"{config}:10: privacy.rules.customer.ignores: the pattern matches this example at byte 5",
    ]
    for words in (("privacy", "test"), ("serve", "--listen", "127.0.0.1:0")):
        answer = clew(env, *words, "--config", config)
        assert answer.returncode == 2 and f"{config}:3: privacy.detectors.ip" in answer.stderr


def test_a_server_takes_them_up_without_a_restart(tmp_path, config, env):
    with Server(tmp_path / "data", "--config", str(config), env=env) as server:
        assert server.post("logs", log("shop", LINE)).ok
        (first,) = lines(server)
        assert first.startswith("CUST-rule.customer:") and "203.0.113.7 badge_code=REDACTED TICKET-1" in first
        assert 'clew_privacy_redactions_total{rule="customer",signal="logs"} 1' in server.get("/metrics")
        config.write_text(RULES + "    - {name: ticket, pattern: 'TICKET-[0-9]+'}\n")
        eventually(lambda: "rules of privacy read again" in server.log_path.read_text())
        assert server.post("logs", log("shop", LINE)).ok
        assert sum(line.endswith("badge_code=REDACTED REDACTED") for line in lines(server)) == 1
        # A wrong file is told of, and what was read before stays.
        config.write_text(RULES + "    - {name: ticket, pattern: '('}\n")
        eventually(lambda: f"{config}:11: privacy.rules.ticket.pattern" in server.log_path.read_text())
        assert server.post("logs", log("shop", LINE)).ok
        assert sum(line.endswith("badge_code=REDACTED REDACTED") for line in lines(server)) == 2
        assert server.stop() == 0


def test_an_agent_holds_to_them(run, collector, config, env):
    port = free_port()
    service = run(
        "--service", "shop", "--endpoint", collector.url, "--config", str(config),
        command=["gunicorn", "--bind", f"127.0.0.1:{port}", "shop:app"],
        env={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", **env},
    )  # fmt: skip
    web = Web(service, port).ready()
    web.get("/hello/CUST-17")
    paths = eventually(
        lambda: [p for s in collector.spans() if "CUST" in (p := s["attributes"].get("url.path", ""))],
        what="the span",
    )
    assert paths[0].startswith("/hello/CUST-rule.customer:")
    # Whoever cannot be held back is not recorded; the service runs.
    config.write_text("privacy: {rules: [{name: A, pattern: a}]}\n")
    other = run(
        "--config", str(config), "--endpoint", collector.url,
        command=["gunicorn", "--bind", f"127.0.0.1:{free_port()}", "shop:app"], env=env,
    )  # fmt: skip
    eventually(lambda: any("nothing is recorded" in line and ":1: privacy.rules.A" in line for line in other.said()))
    assert other.process.poll() is None
